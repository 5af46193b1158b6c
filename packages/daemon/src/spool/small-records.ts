import { OAEP_HASHES } from '@sealdrop/core';
import { join } from 'node:path';
import * as z from 'zod';
import { inspectEntry, removeFile, writeRecord } from './durable.ts';
import { callsAt } from './file-calls.ts';

// Further records beside an envelope's members, of what happened to it besides being claimed and delivered.

const historySchema = z.object({
  version: z.literal(1),
  /** That failed, through no fault of the sender. */
  attempts: z.number(),
  timeline: z.array(z.object({ time: z.string(), event: z.string() })).readonly(),
});

const retrySchema = z.object({
  version: z.literal(1),
  requested: z.iso.datetime(),
  /** How many times it was sent back so far. */
  count: z.number(),
  /** openssl flags to open it with, whatever it says itself. */
  parameters: z.string().nullable(),
  oaep: z.enum(OAEP_HASHES).nullable(),
});

/** What happened to an envelope over all runs of the daemon. */
export type History = z.output<typeof historySchema>;

/** An operator's order to try a quarantined envelope again. */
export type RetryOrder = z.output<typeof retrySchema>;

const HISTORY = 'history.json';
const RETRY = 'retry.json';
const TOLD = 'told.json';

export const readHistory = (envelope: string): Promise<History | null> => read(join(envelope, HISTORY), historySchema);
export const writeHistory = (envelope: string, history: History): Promise<void> =>
  writeRecord(join(envelope, HISTORY), history, 'history');

export const readRetry = (envelope: string): Promise<RetryOrder | null> => read(join(envelope, RETRY), retrySchema);
export const writeRetry = (envelope: string, order: RetryOrder): Promise<void> =>
  writeRecord(join(envelope, RETRY), order, 'retry-order');

/** Whether ledger and hooks have heard of a quarantined envelope. */
export const isTold = async (envelope: string): Promise<boolean> => (await inspectEntry(join(envelope, TOLD))) !== null;
export const markTold = (envelope: string): Promise<void> =>
  writeRecord(join(envelope, TOLD), { version: 1, time: new Date().toISOString() }, 'told');
export const unmarkTold = (envelope: string): Promise<void> => removeFile(join(envelope, TOLD), 'untold');

/** Null when there is none, or when it cannot be understood: none of these is worth holding an envelope up for. */
async function read<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  const text = await callsAt(path).read(path);
  if (text === null) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
