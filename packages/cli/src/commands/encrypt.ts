import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { SealedEnvelope, SealOptions } from '@sealdrop/core';
import type { ArgumentsCamelCase, InferredOptionTypes, Options } from 'yargs';
import { runBatch } from '../batch.ts';
import type { Command, CommandContext } from '../command.ts';
import { fileSize } from '../file-size.ts';
import { flag, REPORTING_OPTIONS, value } from '../option-groups.ts';
import { parseOaepOption, parseParametersOption } from '../parameter-options.ts';
import { formatBytes } from '../quantities.ts';
import { readStandardInput } from '../standard-streams.ts';
import { readSigningKey, SIGN_OPTIONS } from '../signature-options.ts';
import { UsageError } from '../usage-error.ts';

const RECEIVER = 'Receiver:';
const ALGORITHMS = 'Algorithms:';
const OUTPUT = 'Output:';

/** What the article's senders use, with the OAEP hash that AWS KMS prefers. */
const DEFAULT_PARAMETERS = '-aes-256-cbc -pbkdf2';
const DEFAULT_OAEP = 'sha256';

const OPTIONS = {
  'public-key': { ...value, group: RECEIVER, describe: "The receiver's RSA public key or certificate (PEM or DER)" },
  parameters: { ...value, group: ALGORITHMS, describe: `openssl's own flags (default: "${DEFAULT_PARAMETERS}")` },
  oaep: { ...value, group: ALGORITHMS, describe: `OAEP hash, sha256 or sha1 (default: ${DEFAULT_OAEP})` },
  'output-dir': {
    ...value,
    alias: 'o',
    group: OUTPUT,
    describe: 'Existing directory for the envelopes (default: beside FILE)',
  },
  layout: {
    ...value,
    choices: ['flat', 'folder'],
    group: OUTPUT,
    describe: 'Files side by side, or a folder for each (default: flat)',
  },
  name: { ...value, group: OUTPUT, describe: "The plaintext's file name; needed for stdin" },
  sender: {
    ...value,
    group: OUTPUT,
    describe: 'Who you are, as the receiver calls you; the manifest and its MAC bind it',
  },
  ...SIGN_OPTIONS,
  'no-manifest': { ...flag, group: OUTPUT, describe: 'Only what stock openssl needs; then nobody can verify it' },
  force: { ...flag, alias: 'f', group: OUTPUT, describe: 'Replace existing files' },
  ...REPORTING_OPTIONS,
} as const satisfies Record<string, Options>;

type EncryptOptions = InferredOptionTypes<typeof OPTIONS> & { file: string[] | undefined };
type EncryptArguments = ArgumentsCamelCase<EncryptOptions>;

/** Everything but what differs from file to file. */
type Settings = Omit<SealOptions, 'name' | 'directory' | 'onProgress'> & {
  readonly fingerprint: string;
  readonly name: string | undefined;
  readonly directory: string | undefined;
};

async function readPublicKey(path: string | undefined): Promise<Pick<Settings, 'publicKey' | 'fingerprint'>> {
  if (path === undefined) {
    throw new UsageError('no public key is given', "name the receiver's: --public-key pubkey.pem");
  }
  const { loadPublicKey, publicKeyFingerprint, toSealdropError } = await import('@sealdrop/core');
  const bytes = await readFile(path).catch((error: unknown) => {
    throw toSealdropError(error, path);
  });
  const publicKey = loadPublicKey(bytes, path);
  return { publicKey, fingerprint: publicKeyFingerprint(publicKey) };
}

async function settingsOf(args: EncryptArguments, context: CommandContext): Promise<Settings> {
  return {
    parameters: await parseParametersOption(args.parameters ?? DEFAULT_PARAMETERS),
    oaep: await parseOaepOption(args.oaep ?? DEFAULT_OAEP),
    ...(await readPublicKey(args.publicKey)),
    layout: args.layout ?? 'flat',
    manifest: args.noManifest === true ? 'omit' : 'write',
    signWith: await readSigningKey(args.sign, args.signPassphraseFile),
    sender: args.sender,
    existing: args.force === true ? 'replace' : 'refuse',
    name: args.name,
    directory: args.outputDir,
    signal: context.signal,
  };
}

async function tell(file: string, sealed: SealedEnvelope, { settings, context }: Sealing): Promise<void> {
  const { formatFlags, formatOaep } = await import('@sealdrop/core');
  const members = Object.values(sealed.members).filter((path) => path !== null);
  context.terminal.say(
    `${file === '-' ? 'standard input' : file} (${formatBytes(sealed.plaintextSize)}) -> ${members.join(', ')}`,
  );
  context.terminal.report({
    file,
    members: sealed.members,
    plaintextSize: sealed.plaintextSize,
    payloadSize: sealed.payloadSize,
    parameters: formatFlags(settings.parameters),
    oaep: formatOaep(settings.oaep),
    publicKeySha256: settings.fingerprint,
  });
}

interface Sealing {
  readonly settings: Settings;
  readonly context: CommandContext;
}

async function encryptFile(file: string, sealing: Sealing): Promise<void> {
  const { sealEnvelope } = await import('@sealdrop/core');
  const { settings, context } = sealing;
  const { fingerprint: _fingerprint, ...options } = settings;
  const name = settings.name ?? basename(file);
  const directory = settings.directory ?? (file === '-' ? '.' : dirname(file));
  const total = file === '-' ? null : await fileSize(file);
  const source = file === '-' ? readStandardInput(context.signal) : file;
  const progress = await context.terminal.progress(name, total);
  const sealed = await sealEnvelope(source, { ...options, name, directory, onProgress: progress.update }).finally(
    progress.stop,
  );
  await tell(file, sealed, sealing);
}

function checkFiles({ file, name }: EncryptArguments): readonly string[] {
  const files = file ?? [];
  if (files.length === 0) throw new UsageError('no file is named', 'name the files to encrypt, or - for stdin');
  if (files.includes('-') && name === undefined) {
    throw new UsageError('data from stdin have no name', 'name the plaintext: --name report.csv');
  }
  if (name !== undefined && files.length > 1) {
    throw new UsageError(`--name cannot name ${files.length} files`, 'encrypt them one by one, or leave --name out');
  }
  return files;
}

async function run(args: EncryptArguments, context: CommandContext): Promise<number> {
  const files = checkFiles(args);
  const settings = await settingsOf(args, context);
  const items = files.map((file) => ({ facts: { file }, run: () => encryptFile(file, { settings, context }) }));
  const status = await runBatch(items, { noun: 'file', done: 'encrypted' }, context);
  if (status === 0) context.terminal.say(`the public key's SHA-256 fingerprint: ${settings.fingerprint}`);
  return status;
}

export const encryptCommand: Command<EncryptOptions> = {
  usage: 'encrypt [file..]',
  summary: 'Encrypt files into envelopes that sealdrop and stock openssl open',
  options: OPTIONS,
  build: (program) =>
    program
      .positional('file', { type: 'string', array: true, describe: 'Files to encrypt; - is stdin' })
      .options(OPTIONS)
      .example(
        '$0 encrypt report.csv --public-key pubkey.pem',
        'Writes report.csv.enc, the wrapped key, a note and a manifest',
      )
      .example('$0 encrypt *.csv --public-key pubkey.pem --output-dir outbox --layout folder', 'A folder for each file')
      .example('tar c data | $0 encrypt - --name data.tar --public-key pubkey.pem', 'From a pipe')
      .example(
        '$0 encrypt report.csv --public-key pubkey.pem --parameters "-aes-256-ctr -pbkdf2 -iter 100000"',
        'Another cipher and key derivation',
      )
      .epilogue('Each file gets a fresh random key. The files of an envelope appear together, when all are whole.'),
  run,
};
