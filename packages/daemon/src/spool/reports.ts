import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { unlessErrno } from './durable.ts';

const member = z.object({
  name: z.string(),
  type: z.enum(['file', 'directory', 'symbolic-link', 'fifo', 'socket', 'device']),
  size: z.number(),
  sha256: z.string().nullable(),
});

const text = z.string().nullable();

const diagnosis = z.object({
  outcome: z.enum(['opens-as-stated', 'opens-with-repair', 'does-not-open']),
  /** How sure the sentence is. */
  verdict: z.enum(['certain', 'likely', 'ambiguous', 'none']),
  /** Why it did not open. */
  sentence: z.string(),
  /** log2 of the most that the chance of a false alarm can be; null when it does not come from the plaintext. */
  falseAlarmLog2: z.number().nullable(),
  /** That open it from its place in quarantine; they write the plaintext. */
  commands: z.object({ openssl: text, sealdrop: z.string() }).nullable(),
  /** Ready to send. */
  senderMessage: z.string(),
});

/** What a report says of why the envelope failed, beyond the code. */
export type ReportedDiagnosis = Readonly<z.output<typeof diagnosis>>;

// What is not in it is not known: a person may have edited it, and an envelope must not be out of reach for that.
const reportSchema = z.object({
  version: z.literal(1).catch(1),
  id: z.string().default(''),
  landing: z.string().default(''),
  code: z.string().default('internal'),
  blame: z.string().default('sender'),
  message: z.string().default('the report says nothing'),
  hint: z.string().nullable().default(null),
  parameters: z.string().nullable().default(null),
  diagnosis: diagnosis.nullable().catch(null).default(null),
  members: z.array(member).readonly().default([]),
  attempts: z.number().default(1),
  timeline: z
    .array(z.object({ time: z.string(), event: z.string() }))
    .readonly()
    .default([]),
});

/** The report as far as it can be read. */
export type ReadReport = z.output<typeof reportSchema>;

/** Null when there is none, or when it is no report at all. */
export function readReport(envelope: string): Promise<ReadReport | null> {
  return read(join(envelope, 'report.json'));
}

/** The report that an envelope had before it was sent back for the `count`th time. */
export function readEarlierReport(envelope: string, count: number): Promise<ReadReport | null> {
  return read(join(envelope, `report-${count}.json`));
}

async function read(path: string): Promise<ReadReport | null> {
  const contents = await unlessErrno(['ENOENT', 'ENOTDIR'], () => readFile(path, 'utf8'));
  try {
    return reportSchema.parse(JSON.parse(contents ?? ''));
  } catch {
    return null;
  }
}
