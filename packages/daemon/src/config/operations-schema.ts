import * as z from 'zod';
import { DEFAULT_STATUS_ADDRESS } from '../operations/status-server.ts';
import { absolutePath, choice, duration, text, wholeNumber } from './schema-words.ts';

// Settings of what surrounds the envelopes' way: receipts, status page, hooks, webhooks, retention.

const OCTAL_MESSAGE = 'must be an octal mode in quotes, like "0660"';

export const octalMode = z
  .string({ error: OCTAL_MESSAGE })
  .regex(/^0?[0-7]{3}$/, { error: OCTAL_MESSAGE })
  .transform((octal) => Number.parseInt(octal, 8));

export const ledger = z.strictObject(
  {
    plaintextNames: choice(['keep', 'omit'])
      .default('keep')
      .describe('omit: receipts hold no names of plaintexts, of a delivery path only the directory.'),
    keepFor: duration.optional().describe('Receipts older than this are removed; without it they are kept.'),
  },
  { error: 'must hold settings like plaintextNames: omit' },
);

const statusPage = z
  .strictObject(
    {
      host: text.optional().describe('Default 127.0.0.1. The page has no protection of its own.'),
      port: wholeNumber(0, 65_535).optional().describe('Default 9464.'),
      socket: absolutePath('socket').optional().describe('A Unix socket instead of host and port.'),
      mode: octalMode.optional().describe('Permissions of the socket. Default 0660.'),
    },
    { error: 'must hold host: and port:, or socket:, or be the word off' },
  )
  .refine(({ host, port, socket }) => socket === undefined || (host === undefined && port === undefined), {
    error: 'has both a socket and a host or port; choose one',
  })
  .transform(({ host, port, socket, mode }) =>
    socket === undefined
      ? { host: host ?? DEFAULT_STATUS_ADDRESS.host, port: port ?? DEFAULT_STATUS_ADDRESS.port }
      : { socket, mode: mode ?? 0o660 },
  );

export const status = z.union([z.literal('off'), statusPage], {
  error: 'must hold host: and port:, or socket:, or be the word off',
});

export const archive = z.union(
  [
    choice(['delete', 'keep']),
    z.strictObject({ keepFor: duration }, { error: 'must be one of: delete, keep, or hold keepFor: and a duration' }),
  ],
  { error: 'must be one of: delete, keep, or hold keepFor: and a duration' },
);

export const quarantine = z.strictObject(
  { keepFor: duration.optional().describe('Quarantined envelopes older than this are purged; without it, never.') },
  { error: 'must hold keepFor: and a duration' },
);

const name = z
  .string({ error: 'needs a name' })
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, { error: 'must be 1 to 64 letters, digits, dashes or underscores' })
  .describe('Stands in the log; the directory of its outbox.');

const on = z
  .array(choice(['delivered', 'quarantined']), { error: 'must be a list of: delivered, quarantined' })
  .min(1, { error: 'must name at least one of: delivered, quarantined' })
  .default(['delivered', 'quarantined']);

const concurrency = wholeNumber(1, 64);

export const hook = z.strictObject(
  {
    name,
    command: z
      .array(text, { error: 'must be a list: the program and its arguments, like [/usr/local/bin/notify, --quiet]' })
      .min(1, { error: 'must begin with a program' })
      .refine(([program]) => program === undefined || program.startsWith('/'), {
        error: 'must begin with the absolute path of a program; no shell looks it up',
      }),
    on,
    timeout: duration.prefault('30s').describe('Then the command is killed, and run again later.'),
    concurrency: concurrency.default(2).describe('Runs at the same time.'),
  },
  { error: 'must be a hook with name: and command:' },
);

export const webhook = z.strictObject(
  {
    name,
    url: text.describe('https://, or http:// to a loopback address.'),
    secretFile: absolutePath('file').describe('Its first line signs each request (HMAC-SHA256).'),
    authorityFile: absolutePath('file').optional().describe('PEM certificates to trust instead of the usual ones.'),
    on,
    timeout: duration.prefault('10s').describe('For the whole request.'),
    concurrency: concurrency.default(4).describe('Requests at the same time.'),
  },
  { error: 'must be a webhook with name:, url: and secretFile:' },
);
