import { writeFile } from 'node:fs/promises';
import type { ArgumentsCamelCase, InferredOptionTypes, Options } from 'yargs';
import type { Command, CommandContext } from '../command.ts';
import { EXIT } from '../exit-status.ts';
import { KEY_OPTIONS, keyFiles, openKeys } from '../key-options.ts';
import { refuseKeyInUse } from '../keys-in-use.ts';
import { flag, REPORTING_OPTIONS, value } from '../option-groups.ts';
import { UsageError } from '../usage-error.ts';

const OUTPUT = 'Output:';

const OPTIONS = {
  ...KEY_OPTIONS,
  output: { ...value, alias: 'o', group: OUTPUT, describe: 'File to write; - is stdout (default: -)' },
  force: { ...flag, alias: 'f', group: OUTPUT, describe: 'Replace an existing file' },
  ...REPORTING_OPTIONS,
} as const satisfies Record<string, Options>;

type PublicKeyOptions = InferredOptionTypes<typeof OPTIONS>;
type PublicKeyArguments = ArgumentsCamelCase<PublicKeyOptions>;

async function writePem(pem: string, args: PublicKeyArguments, context: CommandContext): Promise<void> {
  const { output = '-', force, json } = args;
  if (output === '-') {
    if (json !== true) context.terminal.print(pem);
    return;
  }
  const { createOutputFile } = await import('@sealdrop/core');
  await refuseKeyInUse(output, keyFiles(args, context.environment));
  await createOutputFile(output, force === true ? 'replace' : 'refuse', (temporaryPath) =>
    writeFile(temporaryPath, pem, { flag: 'wx' }),
  );
}

async function run(args: PublicKeyArguments, context: CommandContext): Promise<number> {
  const [key, ...others] = await openKeys(args, context.environment);
  if (key === undefined || others.length > 0) throw new UsageError('one key is wanted', 'give --key once');
  const { publicKeyFingerprint } = await import('@sealdrop/core');
  const publicKey = await key.publicKey({ signal: context.signal });
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? null;
  const sha256 = publicKeyFingerprint(publicKey);
  await writePem(pem, args, context);
  context.terminal.say(`${key.name}: RSA ${bits} bits, SHA-256 fingerprint ${sha256}`);
  context.terminal.report({ key: key.name, bits, sha256, output: args.output ?? '-', pem });
  return EXIT.ok;
}

export const publicKeyCommand: Command<PublicKeyOptions> = {
  usage: 'public-key',
  summary: 'Write the public key that senders encrypt to',
  options: OPTIONS,
  build: (program) =>
    program
      .options(OPTIONS)
      .example('$0 public-key --key alias/inbound --output pubkey.pem', 'From AWS KMS, into a file to give away')
      .example(
        '$0 public-key --key file:private.pem | openssl pkey -pubin -noout -text',
        'From a local key, into a pipe',
      )
      .epilogue(
        'The key is PEM (SubjectPublicKeyInfo), as openssl reads it. Tell senders its fingerprint by another way than ' +
          'the key itself, so that they can check it: openssl pkey -pubin -in pubkey.pem -outform DER | openssl sha256',
      ),
  run,
};
