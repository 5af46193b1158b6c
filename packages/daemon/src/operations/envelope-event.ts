import * as z from 'zod';

const text = z.string().nullable();

/** What commands and webhooks are told of one envelope; null is "not known" or "none". */
export const envelopeEventSchema = z.strictObject({
  version: z.literal(1),
  /** The same each time this event is told again, so that a receiver can drop what it has seen. Also a file name. */
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/),
  event: z.enum(['delivered', 'quarantined']),
  time: z.iso.datetime(),
  /** The envelope's id. */
  envelope: z.string(),
  landing: z.string(),
  plaintextName: text,
  /** Bytes. */
  plaintextSize: z.number().nullable(),
  deliveryPath: text,
  /** Why it was quarantined, and what to do. */
  code: text,
  message: text,
  hint: text,
  /** openssl flags. */
  parameters: text,
  keyName: text,
  verification: text,
  /** What had to be put right to open it, in words. */
  repairs: z.array(z.string()).readonly().default([]),
  /** Why it did not open, and what could be written to its sender about it. */
  diagnosis: text.default(null),
  senderMessage: text.default(null),
});

export type EnvelopeEvent = z.output<typeof envelopeEventSchema>;
export type EventKind = EnvelopeEvent['event'];
