import { join } from 'node:path';
import * as z from 'zod';
import { callsAt } from './file-calls.ts';
import { quarantineReportSchema } from './report-schema.ts';

const { shape } = quarantineReportSchema;

// What is not in it is not known: a person may have edited it, or an earlier version wrote it, and an envelope must not be out of reach for that.
const readableSchema = z.object({
  version: shape.version.catch(1),
  id: shape.id.default(''),
  landing: shape.landing.default(''),
  code: shape.code.default('internal'),
  blame: z.string().default('sender'),
  message: shape.message.default('the report says nothing'),
  hint: shape.hint.default(null),
  parameters: shape.parameters.default(null),
  diagnosis: shape.diagnosis.nullable().catch(null).default(null),
  members: shape.members.default([]),
  attempts: shape.attempts.default(1),
  timeline: shape.timeline.default([]),
});

/** The report as far as it can be read. */
export type ReadReport = z.output<typeof readableSchema>;

/** Null when there is none, or when it is no report at all. */
export function readReport(envelope: string): Promise<ReadReport | null> {
  return read(join(envelope, 'report.json'));
}

/** The report that an envelope had before it was sent back for the `count`th time. */
export function readEarlierReport(envelope: string, count: number): Promise<ReadReport | null> {
  return read(join(envelope, `report-${count}.json`));
}

async function read(path: string): Promise<ReadReport | null> {
  const contents = await callsAt(path).read(path);
  if (contents === null) return null;
  try {
    return readableSchema.parse(JSON.parse(contents));
  } catch {
    return null;
  }
}
