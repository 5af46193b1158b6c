import type { EnvelopeMembers, FoundEnvelope, KeyProvider, OpenOptions, SignaturePolicy } from '@sealdrop/core';
import type { ArgumentsCamelCase, InferredOptionTypes, Options } from 'yargs';
import { runBatch } from '../batch.ts';
import type { Command, CommandContext } from '../command.ts';
import { KEY_OPTIONS, openKeys } from '../key-options.ts';
import { ENVELOPE_POSITIONAL, REPORTING_OPTIONS } from '../option-groups.ts';
import { readSigners, SIGNER_OPTION } from '../signature-options.ts';
import { UsageError } from '../usage-error.ts';

const OPTIONS = {
  ...SIGNER_OPTION,
  ...KEY_OPTIONS,
  ...REPORTING_OPTIONS,
} as const satisfies Record<string, Options>;

type VerifyOptions = InferredOptionTypes<typeof OPTIONS> & { envelope: string[] | undefined };
type VerifyArguments = ArgumentsCamelCase<VerifyOptions>;

interface Settings {
  readonly signature: SignaturePolicy | undefined;
  /** Empty when only the signature is to be verified. */
  readonly keys: readonly KeyProvider[];
}

async function settingsOf(args: VerifyArguments, { environment }: CommandContext): Promise<Settings> {
  const publicKeys = await readSigners(args.signer);
  const hasKey = args.key !== undefined || (environment['SEALDROP_KEY'] ?? '') !== '';
  if (publicKeys === undefined && !hasKey) {
    throw new UsageError(
      'nothing is given to verify with',
      "name the sender's public key (--signer PEM), the key that unwraps (--key K), or both",
    );
  }
  const signature = publicKeys === undefined ? undefined : { publicKeys, missing: 'refuse' as const };
  return { signature, keys: hasKey ? await openKeys(args, environment) : [] };
}

interface Verified {
  readonly signedBy: string | null;
  readonly verification: 'manifest-mac' | 'none';
}

async function withKeys(members: EnvelopeMembers, options: OpenOptions): Promise<Verified> {
  const { openEnvelope, SealdropError } = await import('@sealdrop/core');
  const opened = await openEnvelope(members, options);
  try {
    const verification = await opened.verifyPayload({ signal: options.signal });
    if (verification === 'manifest-mac') return { signedBy: opened.signedBy, verification };
    throw new SealdropError('bad-manifest', `${members.payload}: no MAC in a manifest vouches for it`, {
      hint: 'only an envelope with a manifest that has a MAC can be verified',
    });
  } finally {
    opened.dispose();
  }
}

async function verifyOne(members: EnvelopeMembers, settings: Settings, context: CommandContext): Promise<void> {
  const { verifySignature } = await import('@sealdrop/core');
  const { signature, keys } = settings;
  const { signal } = context;
  const verified: Verified =
    keys.length > 0
      ? await withKeys(members, { keys, signature, signal })
      : { signedBy: signature === undefined ? null : await verifySignature(members, signature), verification: 'none' };
  const { signedBy, verification } = verified;
  context.terminal.say(members.payload);
  if (signedBy !== null) {
    context.terminal.say(
      `  signed: the manifest is unchanged since the key with SHA-256 fingerprint ${signedBy} signed it`,
      'good',
    );
  }
  const aboutPayload =
    verification === 'manifest-mac'
      ? "  verified: the manifest's MAC shows that key, parameters, name and data are as they were sealed"
      : '  the payload itself was not verified: that takes the key (--key)';
  context.terminal.say(aboutPayload, verification === 'manifest-mac' ? 'good' : 'caution');
  context.terminal.report({ envelope: members.payload, signedBy, verification });
}

function itemOf(found: FoundEnvelope, settings: Settings, context: CommandContext) {
  if (found.kind === 'failure') return { facts: { envelope: found.path }, run: () => Promise.reject(found.error) };
  const { members } = found;
  return { facts: { envelope: members.payload }, run: () => verifyOne(members, settings, context) };
}

async function run(args: VerifyArguments, context: CommandContext): Promise<number> {
  const paths = args.envelope ?? [];
  if (paths.length === 0) throw new UsageError('no envelope is named', 'name a folder, a stem or any file of one');
  const settings = await settingsOf(args, context);
  const { searchEnvelopes } = await import('@sealdrop/core');
  const items = (await searchEnvelopes(paths, 'by-note')).map((found) => itemOf(found, settings, context));
  return runBatch(items, { noun: 'envelope', done: 'verified' }, context);
}

export const verifyCommand: Command<VerifyOptions> = {
  usage: 'verify [envelope..]',
  summary: 'Verify who signed an envelope, and that nothing of it was changed',
  options: OPTIONS,
  build: (program) =>
    program
      .positional('envelope', ENVELOPE_POSITIONAL)
      .options(OPTIONS)
      .example('$0 verify in/report.csv.enc --signer acme.pub.pem', 'The signature alone, without your key')
      .example('$0 verify in/* --signer acme.pub.pem --key alias/inbound', 'The signature, and the MAC of the payload')
      .epilogue(
        'A signature is of the manifest, as openssl makes it: openssl dgst -sha256 -sign key.pem (RSA, ECDSA), or ' +
          'openssl pkeyutl -sign -rawin (Ed25519). Nothing is decrypted.',
      ),
  run,
};
