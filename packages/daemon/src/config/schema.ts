import { resolve } from 'node:path';
import { OAEP_HASHES } from '@sealdrop/core';
import * as z from 'zod';
import { archive, hook, ledger, octalMode, quarantine, status, webhook } from './operations-schema.ts';
import { absolutePath, choice, duration, size, text, wholeNumber } from './schema-words.ts';

// The one truth about the configuration: types, defaults, messages and the published JSON Schema all come from here.

const directory = absolutePath('directory');

const aws = z.strictObject(
  {
    region: text.optional().describe('AWS region; else AWS_REGION, AWS_DEFAULT_REGION or the profile says.'),
    profile: text.optional().describe('A profile of ~/.aws/config.'),
    endpoint: z.url({ error: 'must be a URL like https://kms.eu-central-1.amazonaws.com' }).optional(),
    useFipsEndpoint: z.boolean({ error: 'must be true or false' }).optional(),
    useDualstackEndpoint: z.boolean({ error: 'must be true or false' }).optional(),
    timeout: duration.optional().describe('Hard limit on one call with all its retries.'),
  },
  { error: 'must hold settings like region: and endpoint:' },
);

const signature = z.strictObject(
  {
    publicKeys: z
      .array(absolutePath('file'), { error: 'must be a list of PEM files, like - /etc/sealdrop/acme.pub.pem' })
      .min(1, { error: 'needs at least one PEM file, like - /etc/sealdrop/acme.pub.pem' })
      .describe("The sender's public keys or certificates: one of them must have signed the manifest."),
    required: z
      .boolean({ error: 'must be true or false' })
      .default(true)
      .describe('Whether an envelope without a signature is quarantined.'),
  },
  { error: 'must hold publicKeys: and, if it may be missing, required: false' },
);

const landing = z.strictObject(
  {
    name: z
      .string({ error: 'every landing needs a name, like the sender it belongs to' })
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
        error: 'must be 1 to 64 letters, digits, dots, dashes or underscores, beginning with a letter or digit',
      })
      .describe('Stands in logs and reports; keep it when the directory moves.'),
    directory: directory.describe('Where uploads appear. On the same file system as the spool.'),
    delivery: directory.describe('Where plaintext appears. Not within reach of the sender.'),
    settle: duration.prefault('2s').describe('How long a member must stand still before it counts as uploaded.'),
    collision: choice(['suffix', 'replace', 'quarantine'])
      .default('suffix')
      .describe('What happens when the final name is taken: NAME.1, replace the file, or quarantine the envelope.'),
    mode: octalMode.prefault('0600').describe('Permissions of delivered files.'),
    parameters: text
      .optional()
      .describe('openssl flags for envelopes that bring neither note nor manifest, like -aes-256-cbc -pbkdf2.'),
    oaep: choice(OAEP_HASHES).optional().describe('OAEP hash, whatever the envelope says.'),
    weakKeys: choice(['refuse', 'allow']).default('refuse').describe('Passphrases under 16 bytes.'),
    maximumIterations: wholeNumber(1, 2 ** 31 - 1).default(10_000_000),
    maximumPayloadSize: size
      .prefault('100GiB')
      .describe('A larger payload is quarantined unread: a sparse file costs its sender nothing.'),
    noise: choice(['refuse', 'allow'])
      .default('refuse')
      .describe('Plaintext that looks like noise and that no MAC vouches for, as a wrong key makes it.'),
    repair: choice(['off', 'certain'])
      .default('off')
      .describe('What does not open as it says is opened as a diagnosis says, if that is certain.'),
    replay: choice(['quarantine', 'warn', 'allow'])
      .default('quarantine')
      .describe('An envelope whose wrapped key was delivered before.'),
    sender: text.optional().describe("Whom a manifest must name, where it names a sender; else the landing's name."),
    signature: signature.optional().describe('Whose signature of the manifest an envelope needs.'),
  },
  { error: 'must be a landing with name:, directory: and delivery:' },
);

export const configSchema = z
  .strictObject(
    {
      // Without `.`, `..` and `//`: its parts are joined as text (spool/layout.ts).
      spool: directory
        .transform((path) => resolve(path))
        .describe("The daemon's own directory, mode 0700: what is claimed, quarantined, archived."),
      keys: z
        .array(text, { error: 'must be a list of keys, like - aws-kms:alias/inbound or - file:/etc/sealdrop/key.pem' })
        .min(1, { error: 'needs at least one key, like - aws-kms:alias/inbound' })
        .describe('aws-kms:<id, alias or ARN>, an ARN, alias/NAME, or file:<PEM>. Tried in order, files first.'),
      passphraseFile: absolutePath('file')
        .optional()
        .describe('For encrypted PEM keys: its first line is the passphrase.'),
      aws: aws.prefault({}),
      landings: z
        .array(landing, { error: 'must be a list of landings' })
        .min(1, { error: 'needs at least one landing' }),
      scanInterval: duration.prefault('5m').describe('A full scan finds what the file watcher missed.'),
      incompleteAfter: duration.prefault('24h').describe('Then an envelope that still lacks a member is quarantined.'),
      strayAfter: z
        .union([z.literal('off'), duration], { error: 'must be a duration like 7d, or the word off' })
        .prefault('7d')
        .describe('Then a file that belongs to no envelope is quarantined too.'),
      archive: archive
        .default('delete')
        .describe('What becomes of an envelope once delivered: deleted, kept in SPOOL/archive, or kept for a time.'),
      quarantine: quarantine.prefault({}),
      minimumFreeSpace: size
        .prefault('64MiB')
        .describe('With less free on the file system of the spool or a delivery directory, nothing new is claimed.'),
      concurrency: wholeNumber(1, 256)
        .default(24)
        .describe(
          'Envelopes opened at the same time. While others are slow, a landing that has none at work gets a place beyond it.',
        ),
      shutdownTimeout: duration.prefault('30s').describe('How long SIGTERM waits for envelopes in progress.'),
      stuckAfter: duration
        .prefault('5m')
        .describe('Work that has not moved for so long is hung: /healthz says so, and systemd restarts the daemon.'),
      state: directory.optional().describe('Where the ledger and the outbox lie; else in the spool.'),
      ledger: ledger.prefault({}),
      status: status.prefault({}).describe('Metrics, /healthz and /readyz.'),
      hooks: z.array(hook, { error: 'must be a list of hooks' }).default([]),
      webhooks: z.array(webhook, { error: 'must be a list of webhooks' }).default([]),
      log: z
        .strictObject(
          {
            level: choice(['error', 'warn', 'info', 'debug']).default('info'),
            plaintextNames: choice(['keep', 'omit'])
              .default('keep')
              .describe('omit: the log names no plaintext, nor payloads, folders and other files of a sender.'),
          },
          { error: 'must hold settings like level: info' },
        )
        .prefault({}),
    },
    { error: 'must hold settings like spool:, keys: and landings:' },
  )
  .describe('Configuration of sealdropd.');

/** The configuration with every default filled in; durations in milliseconds, modes as numbers. */
export type Config = z.output<typeof configSchema>;
export type LandingConfig = Config['landings'][number];

/** What `@sealdrop/daemon/config.schema.json` publishes for editors. */
export function configJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(configSchema, { io: 'input' }), title: 'sealdropd configuration' };
}
