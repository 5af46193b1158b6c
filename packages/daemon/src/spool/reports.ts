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
export async function readReport(envelope: string): Promise<ReadReport | null> {
  const text = await unlessErrno(['ENOENT', 'ENOTDIR'], () => readFile(join(envelope, 'report.json'), 'utf8'));
  try {
    return reportSchema.parse(JSON.parse(text ?? ''));
  } catch {
    return null;
  }
}
