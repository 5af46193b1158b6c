import { OAEP_HASHES } from '@sealdrop/core';
import * as z from 'zod';
import { DURATION_PATTERN, parseDuration } from './duration.ts';

// The one truth about the configuration: types, defaults, messages and the published JSON Schema all come from here.

const duration = z
  .string({ error: 'must be a duration: a whole number and a unit, like 500ms, 2s, 5m, 24h or 7d' })
  .regex(DURATION_PATTERN, { error: 'must be a duration: a whole number and a unit, like 500ms, 2s, 5m, 24h or 7d' })
  .transform(parseDuration);

const directory = z
  .string({ error: 'must be the path of a directory' })
  .regex(/^\/[^\0]*$/, { error: 'must be an absolute path, beginning with /' })
  .transform((path) => (path === '/' ? path : path.replace(/\/+$/, '')));

const choice = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `must be one of: ${values.join(', ')}` });

const wholeNumber = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
};

const text = z.string({ error: 'must be text' }).min(1, { error: 'must not be empty' });

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
    mode: z
      .string({ error: 'must be an octal mode in quotes, like "0640"' })
      .regex(/^0?[0-7]{3}$/, { error: 'must be an octal mode in quotes, like "0640"' })
      .transform((octal) => Number.parseInt(octal, 8))
      .prefault('0600')
      .describe('Permissions of delivered files.'),
    parameters: text
      .optional()
      .describe('openssl flags for envelopes that bring neither note nor manifest, like -aes-256-cbc -pbkdf2.'),
    oaep: choice(OAEP_HASHES).optional().describe('OAEP hash, whatever the envelope says.'),
    weakKeys: choice(['refuse', 'allow']).default('refuse').describe('Passphrases under 16 bytes.'),
    maximumIterations: wholeNumber(1, 2 ** 31 - 1).default(10_000_000),
  },
  { error: 'must be a landing with name:, directory: and delivery:' },
);

export const configSchema = z
  .strictObject(
    {
      spool: directory.describe("The daemon's own directory, mode 0700: what is claimed, quarantined, archived."),
      keys: z
        .array(text, { error: 'must be a list of keys, like - aws-kms:alias/inbound or - file:/etc/sealdrop/key.pem' })
        .min(1, { error: 'needs at least one key, like - aws-kms:alias/inbound' })
        .describe('Tried in order: aws-kms:<id, alias or ARN>, an ARN, alias/NAME, or file:<PEM>.'),
      passphraseFile: directory.optional().describe('For encrypted PEM keys: its first line is the passphrase.'),
      aws: aws.prefault({}),
      landings: z
        .array(landing, { error: 'must be a list of landings' })
        .min(1, { error: 'needs at least one landing' }),
      scanInterval: duration.prefault('5m').describe('A full scan finds what the file watcher missed.'),
      incompleteAfter: duration.prefault('24h').describe('Then an envelope that still lacks a member is quarantined.'),
      archive: choice(['delete', 'keep'])
        .default('delete')
        .describe('What becomes of an envelope once delivered: deleted, or kept in SPOOL/archive.'),
      concurrency: wholeNumber(1, 256).default(4).describe('Envelopes opened at the same time.'),
      shutdownTimeout: duration.prefault('30s').describe('How long SIGTERM waits for envelopes in progress.'),
      log: z
        .strictObject(
          { level: choice(['error', 'warn', 'info', 'debug']).default('info') },
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
