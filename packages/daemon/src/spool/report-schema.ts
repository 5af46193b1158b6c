import * as z from 'zod';

const text = z.string().nullable();

const member = z
  .object({
    name: z.string(),
    type: z.enum(['file', 'directory', 'symbolic-link', 'fifo', 'socket', 'device']),
    size: z.int().nonnegative().describe('Bytes.'),
    sha256: text.describe('Of its content; null for what is no ordinary file of one name, or is too much to read.'),
  })
  .readonly();

const diagnosis = z
  .object({
    outcome: z.enum(['opens-as-stated', 'opens-with-repair', 'does-not-open']),
    verdict: z.enum(['certain', 'likely', 'ambiguous', 'none']).describe('How sure the sentence is.'),
    sentence: z.string().describe('Why it failed.'),
    falseAlarmLog2: z
      .number()
      .nullable()
      .describe(
        'log2 of the most that the chance of a false alarm can be; null when the verdict does not come from the plaintext.',
      ),
    commands: z
      .object({ openssl: text, sealdrop: z.string() })
      .readonly()
      .nullable()
      .describe('For a POSIX shell: each opens it from its place in quarantine, and writes the plaintext.'),
    senderMessage: z.string().describe('Ready to send: what was wrong, and what to do.'),
  })
  .readonly();

const timelineEntry = z.object({ time: z.string().describe('ISO 8601, UTC.'), event: z.string() }).readonly();

/** `report.json` beside a quarantined envelope's members. Later programs may add to it; what takes something away or changes it is another version. */
export const quarantineReportSchema = z.object({
  version: z.literal(1),
  id: z.string().describe("The envelope's."),
  landing: z.string(),
  code: z.string().describe('What failed: an error code of @sealdrop/core.'),
  blame: z.enum(['sender', 'receiver', 'passing']),
  message: z.string(),
  hint: text.describe('The cure.'),
  parameters: text.describe('openssl flags, as the envelope or the operator stated them; null when nobody did.'),
  diagnosis,
  members: z.array(member).readonly(),
  attempts: z.int().nonnegative(),
  timeline: z.array(timelineEntry).readonly(),
});

export type QuarantineReport = Readonly<z.output<typeof quarantineReportSchema>>;
export type MemberReport = z.output<typeof member>;
export type TimelineEntry = z.output<typeof timelineEntry>;
/** What a report says of why the envelope failed, beyond the code. */
export type ReportedDiagnosis = z.output<typeof diagnosis>;

/** What `@sealdrop/daemon/report.schema.json` publishes for programs that read reports. */
export function reportJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(quarantineReportSchema, { io: 'input' }), title: 'report.json of sealdropd' };
}
