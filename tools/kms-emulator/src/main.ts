import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startKmsEmulator } from './emulator.ts';
import type { EmulatedKey, KmsEmulator } from './emulator.ts';
import { rsaKeySpecs } from './key-material.ts';
import type { RsaKeySpec } from './key-material.ts';

/** From sysexits(3). */
const EX_USAGE = 64;
const EX_NOINPUT = 66;
const EX_UNAVAILABLE = 69;

const HELP = `Usage: node tools/kms-emulator/src/main.ts [OPTION]...

Runs a loopback server that speaks the protocol of AWS KMS, with one RSA key in it, until SIGINT or SIGTERM.
Prints on stdout what a shell needs to use it. It is no security product: never give it a key that matters.

  --port N             port on 127.0.0.1 (default: a free one)
  --region NAME        region that it pretends to be in (default: us-east-1)
  --key-spec SPEC      ${rsaKeySpecs.join(', ')} (default: RSA_2048, or that of the private key)
  --alias NAME         alias of the key (default: inbound)
  --private-key FILE   PEM file of an RSA private key to import instead of making one
  --help               print this

Example:
  node tools/kms-emulator/src/main.ts --port 4599 > kms.env &
  sleep 1; . ./kms.env
  aws --endpoint-url "$AWS_ENDPOINT_URL_KMS" kms list-aliases
`;

interface Arguments {
  readonly help: boolean;
  readonly port: number;
  readonly region?: string;
  readonly keySpec?: RsaKeySpec;
  readonly alias: string;
  readonly privateKeyFile?: string;
}

/** A failure that ends the program with one line. */
class Exit extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function parseOptions(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = {
    port: { ...text, default: '0' },
    region: text,
    'key-spec': text,
    alias: { ...text, default: 'inbound' },
    'private-key': text,
    help: { type: 'boolean', default: false },
  } as const;
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    throw new Exit(EX_USAGE, messageOf(error));
  }
}

function parseArguments(argv: readonly string[]): Arguments {
  const values = parseOptions(argv);
  const { help, alias, region, port } = values;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new Exit(EX_USAGE, `--port ${port}: not a port number`);
  const keySpec = rsaKeySpecs.find((spec) => spec === values['key-spec']);
  if (keySpec === undefined && values['key-spec'] !== undefined) {
    throw new Exit(EX_USAGE, `--key-spec ${values['key-spec']}: not one of ${rsaKeySpecs.join(', ')}`);
  }
  return {
    help,
    alias,
    port: Number(port),
    ...(region === undefined ? {} : { region }),
    ...(keySpec === undefined ? {} : { keySpec }),
    ...(values['private-key'] === undefined ? {} : { privateKeyFile: values['private-key'] }),
  };
}

function readPrivateKey(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Exit(EX_NOINPUT, messageOf(error));
  }
}

async function start({ port, region }: Arguments): Promise<KmsEmulator> {
  try {
    return await startKmsEmulator(region === undefined ? { port } : { port, region });
  } catch (error) {
    throw new Exit(EX_UNAVAILABLE, messageOf(error));
  }
}

function createKey(emulator: KmsEmulator, { alias, keySpec, privateKeyFile }: Arguments): EmulatedKey {
  const privateKey = privateKeyFile === undefined ? {} : { privateKey: readPrivateKey(privateKeyFile) };
  try {
    return emulator.createKey({ alias, ...(keySpec === undefined ? {} : { keySpec }), ...privateKey });
  } catch (error) {
    if (error instanceof Exit) throw error;
    throw new Exit(EX_USAGE, `${privateKeyFile ?? `--alias ${alias}`}: ${messageOf(error) || 'cannot be used'}`);
  }
}

/** Lines for a POSIX shell; no value has a quote in it. */
function shellLines(emulator: KmsEmulator, key: EmulatedKey): string {
  const variables = { ...emulator.environment, KMS_EMULATOR_KEY_ARN: key.arn };
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'`);
  // A profile would send both the SDK and the command to a file; a session token belongs to other credentials.
  return ['unset AWS_PROFILE AWS_SESSION_TOKEN', ...lines, ''].join('\n');
}

async function run(argv: readonly string[]): Promise<void> {
  const options = parseArguments(argv);
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const ended = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const emulator = await start(options);
  try {
    process.stdout.write(shellLines(emulator, createKey(emulator, options)));
    process.stderr.write(`kms-emulator: listening on ${emulator.endpoint}; Ctrl-C ends it and forgets its keys\n`);
    await ended;
  } finally {
    await emulator.close();
  }
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`kms-emulator: ${messageOf(error)}\n`);
  process.exitCode = error instanceof Exit ? error.status : 1;
}
