import { join } from 'node:path';
import * as z from 'zod';
import { removeFile, writeRecord } from './durable.ts';
import { callsAt } from './file-calls.ts';

// The small files that lie beside an envelope's members and tell `recover` how far it got.

const names = z.array(z.string()).readonly();

const claimSchema = z.object({
  version: z.literal(1),
  /** Files that belong to no envelope: `names` is empty then, and whatever lies in `members` is theirs. */
  kind: z.literal('strays').optional(),
  id: z.string(),
  landing: z.string(),
  /** The landing's directory, and the folder in it that the members were taken from (`''`: the directory itself). */
  root: z.string(),
  folder: z.string(),
  /** Where a part file of this envelope may lie. */
  delivery: z.string(),
  claimed: z.iso.datetime(),
  layout: z.enum(['flat', 'folder']),
  stem: z.string(),
  names: z.object({ payload: names, 'wrapped-key': names, note: names, manifest: names, signature: names }),
  /** Inode numbers as decimal text. */
  inodes: z.record(z.string(), z.string()),
});

/** What opening an envelope brought to light, for its receipt. */
const factsSchema = z.object({
  plaintextName: z.string(),
  payloadSize: z.number().nullable(),
  /** When the last member was written: ms since the epoch. */
  received: z.number().nullable(),
  attempts: z.number(),
  keyName: z.string(),
  /** openssl flags. */
  parameters: z.string(),
  verification: z.string(),
  /** Hex, of the RSA ciphertext. */
  wrappedKeySha256: z.string().nullable(),
  repairs: z.array(z.string()).readonly(),
});

const deliverySchema = z.object({
  version: z.literal(1),
  part: z.string(),
  final: z.string(),
  size: z.number(),
  /** Inode numbers as decimal text: of the part file, and of the delivery directory (is it the same one, is it mounted?). */
  inode: z.string(),
  directoryInode: z.string(),
  facts: factsSchema.optional(),
});

/** Written before the first member is moved. */
export type ClaimRecord = z.output<typeof claimSchema>;

export type DeliveryFacts = z.output<typeof factsSchema>;

/** Written when the part file is whole and synced, before it gets its final name. */
export type DeliveryRecord = z.output<typeof deliverySchema>;

const CLAIM = 'claim.json';
const DELIVERY = 'deliver.json';

export const readClaim = (envelope: string): Promise<ClaimRecord | null> => read(join(envelope, CLAIM), claimSchema);
export const writeClaim = (envelope: string, record: ClaimRecord): Promise<void> =>
  writeRecord(join(envelope, CLAIM), record, 'claim-record');

export const readDelivery = (envelope: string): Promise<DeliveryRecord | null> =>
  read(join(envelope, DELIVERY), deliverySchema);
export const writeDelivery = (envelope: string, record: DeliveryRecord): Promise<void> =>
  writeRecord(join(envelope, DELIVERY), record, 'delivery-record');
export const removeDelivery = (envelope: string): Promise<void> =>
  removeFile(join(envelope, DELIVERY), 'undo-delivery');

async function read<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  const text = await callsAt(path).read(path);
  return text === null ? null : schema.parse(JSON.parse(text));
}
