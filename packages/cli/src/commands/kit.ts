import { readFile } from 'node:fs/promises';
import type { ArgumentsCamelCase, InferredOptionTypes, Options } from 'yargs';
import type { Command, CommandContext } from '../command.ts';
import { EXIT } from '../exit-status.ts';
import { KEY_OPTIONS, openKeys } from '../key-options.ts';
import type { KitOptions } from '../kit/build-kit.ts';
import { flag, REPORTING_OPTIONS, value } from '../option-groups.ts';
import { UsageError } from '../usage-error.ts';

const KIT = 'Kit:';

const OPTIONS = {
  ...KEY_OPTIONS,
  'public-key': {
    ...value,
    group: 'Key:',
    describe: 'The public key or certificate itself (PEM or DER), without --key',
  },
  sender: {
    ...value,
    group: KIT,
    describe:
      "Whom the kit is for: its manifests name them, as the landing's name or `sender` does; without it, nobody",
  },
  out: { ...value, alias: 'o', group: KIT, describe: 'Folder to make, or a .zip file' },
  upload: { ...value, group: KIT, describe: 'Where the sender uploads, as sftp takes it: user@host:directory' },
  force: { ...flag, alias: 'f', group: KIT, describe: 'Replace an earlier kit' },
  ...REPORTING_OPTIONS,
} as const satisfies Record<string, Options>;

type KitCommandOptions = InferredOptionTypes<typeof OPTIONS>;
type KitArguments = ArgumentsCamelCase<KitCommandOptions>;

type Receiver = Pick<KitOptions, 'publicKey' | 'keyName'>;

/** A file's path or an account's number is nothing for the sender. */
function nameForSender(keyName: string): string | undefined {
  return /alias\/.+$/.exec(keyName)?.[0];
}

async function receiverOf(args: KitArguments, context: CommandContext): Promise<Receiver> {
  const { publicKey: path } = args;
  if (path === undefined) {
    const [key, ...others] = await openKeys(args, context.environment);
    if (key === undefined || others.length > 0) throw new UsageError('one key is wanted', 'give --key once');
    return { publicKey: await key.publicKey({ signal: context.signal }), keyName: nameForSender(key.name) };
  }
  if (args.key !== undefined) throw new UsageError('--key and --public-key name two keys', 'give one of them');
  const { loadPublicKey, toSealdropError } = await import('@sealdrop/core');
  const bytes = await readFile(path).catch((error: unknown) => {
    throw toSealdropError(error, path);
  });
  return { publicKey: loadPublicKey(bytes, path) };
}

/** What the operator has to do for it; YAML reads JSON's strings. */
function landingWords(sender: string): string {
  const named = JSON.stringify(sender);
  return `its manifests name the sender ${named}: sealdropd takes them in the landing of that name, or with \`sender: ${named}\``;
}

async function run(args: KitArguments, context: CommandContext): Promise<number> {
  const { sender, out } = args;
  if (out === undefined || out === '')
    throw new UsageError('--out is missing', 'say where the kit goes: --out acme-kit.zip');
  const receiver = await receiverOf(args, context);
  const [{ publicKeyFingerprint }, { buildKit, whom }, { writeFolder, writeZip }, { fingerprintGroups }] =
    await Promise.all([
      import('@sealdrop/core'),
      import('../kit/build-kit.ts'),
      import('../kit/write-kit.ts'),
      import('../kit/fingerprint.ts'),
    ]);
  const files = buildKit({ ...receiver, sender, upload: args.upload });
  const write = out.toLowerCase().endsWith('.zip') ? writeZip : writeFolder;
  await write(out, files, args.force === true ? 'replace' : 'refuse');
  const sha256 = publicKeyFingerprint(receiver.publicKey);
  context.terminal.say(`${out}: kit for ${whom({ sender })} (${files.map(({ name }) => name).join(', ')})`);
  if (sender !== undefined) context.terminal.say(landingWords(sender));
  context.terminal.say(
    `when ${whom({ sender })} rings, read out the public key's fingerprint: ${fingerprintGroups(sha256).join(' ')}`,
  );
  context.terminal.report({ out, sender: sender ?? null, sha256, files: files.map(({ name }) => name) });
  return EXIT.ok;
}

export const kitCommand: Command<KitCommandOptions> = {
  usage: 'kit',
  summary: 'Make a folder or zip with all that a sender needs',
  options: OPTIONS,
  build: (program) =>
    program
      .options(OPTIONS)
      .example('$0 kit --key alias/inbound --sender acme --out acme-kit.zip', 'For the key in AWS KMS')
      .example(
        '$0 kit --public-key pubkey.pem --sender acme --out acme-kit --upload acme@sftp.example.org:inbox',
        'As a folder, with the place to upload to',
      )
      .epilogue(
        'The kit holds the public key, encrypt.sh (openssl), encrypt.ps1 (Windows), encrypt.html (any browser, offline) and ' +
          'README.txt. Nothing in it is secret, but the sender must compare the fingerprint by another way. With --sender, what the kit ' +
          'makes is refused as `wrong-sender` in a landing of another name, unless that has the same `sender`. For a landing that ' +
          'many share, leave it out. The same key and sender make the same kit, byte for byte.',
      ),
  run,
};
