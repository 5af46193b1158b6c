import { dirname, join } from 'node:path';
import { SealdropError } from '@sealdrop/core';
import type { LandingConfig } from '../config/schema.ts';
import { inspectEntry, linkDurably, moveDurably, removeFile, setModeDurably, syncDirectory } from './durable.ts';
import { errnoOf } from './errno.ts';
import { envelopeDirectory, type Spool } from './layout.ts';
import { permissionsOf } from './permissions.ts';
import { type DeliveryFacts, type DeliveryRecord, readDelivery, removeDelivery, writeDelivery } from './records.ts';

type Collision = LandingConfig['collision'];

/** NAME_MAX of Linux file systems (limits.h), in bytes. */
const LONGEST_NAME = 255;

/** Where an envelope's plaintext grows: a dot name, so that whoever collects deliveries passes it by. */
export function partPath(delivery: string, id: string): string {
  return join(delivery, `.sealdrop-${id}.part`);
}

export interface Delivery {
  /** The claimed envelope's directory, for the record. */
  readonly envelope: string;
  readonly part: string;
  readonly directory: string;
  readonly name: string;
  readonly collision: Collision;
  /** Permissions of the delivered file. */
  readonly mode: number;
  /** Kept in the record, for the receipt. */
  readonly facts?: DeliveryFacts | undefined;
}

/**
 * Gives a whole, synced part file its final name. Whenever the process dies in here, `settleDelivery` knows from the record what is left to do.
 * @returns the record, with the final path
 * @throws SealdropError `collision` when the name is taken and the setting says `quarantine`
 */
export async function deliver(delivery: Delivery): Promise<DeliveryRecord> {
  await ensureMode(delivery);
  // The part's own name must be safe before the record: a missing part means "delivered" from then on.
  await syncDirectory(delivery.directory, 'part-name');
  for (;;) {
    const final = await chooseName(delivery);
    const record = await deliverAs(delivery, final);
    if (record !== 'taken') return record;
  }
}

/** Final names that envelopes are being given: two of the same name would take turns in choosing what the other gets. */
const underWay = new Set<string>();

async function deliverAs(delivery: Delivery, final: string): Promise<DeliveryRecord | 'taken'> {
  underWay.add(final);
  try {
    const record = await recordOf(delivery, final);
    await writeDelivery(delivery.envelope, record);
    return (await publish(record, delivery.collision)) === 'taken' ? 'taken' : record;
  } catch (error) {
    if (isOfVanishedPart(error)) await removeDelivery(delivery.envelope);
    throw error;
  } finally {
    underWay.delete(final);
  }
}

/** The part was made for the owner alone, and synced; most landings want nothing else. */
async function ensureMode({ part, mode }: Delivery): Promise<void> {
  const entry = await inspectEntry(part);
  if (entry === null || permissionsOf(entry) !== mode) await setModeDurably(part, mode, 'part-mode');
}

/** Somebody removed the part, or the directory, before it got its name: the record would say that it is delivered. */
function isOfVanishedPart(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT' && ['link', 'rename'].includes((error as NodeJS.ErrnoException).syscall ?? '');
}

/** Looked at last of all: a record without a part means "delivered", and the directory's inode tells whether it is the one that the part lies in. */
async function recordOf({ part, facts }: Delivery, final: string): Promise<DeliveryRecord> {
  const [entry, directory] = [await inspectEntry(part), await inspectEntry(join(dirname(part), '.'))];
  if (entry === null || directory === null) {
    throw new SealdropError('io-error', `${part}: the part file, or its directory, has disappeared`);
  }
  return {
    version: 1,
    part,
    final,
    size: Number(entry.size),
    inode: String(entry.ino),
    directoryInode: String(directory.ino),
    facts,
  };
}

/** Only a guess: whether the name is free says the link. */
async function chooseName({ directory, name, collision }: Delivery): Promise<string> {
  const wished = join(directory, name);
  if (collision === 'replace') return replaceable(wished);
  const isThere = (await inspectEntry(wished)) !== null;
  if (!isThere && (collision === 'quarantine' || !underWay.has(wished))) return wished;
  if (collision === 'suffix') return suffixed(directory, name);
  throw new SealdropError('collision', `${wished} exists already`, {
    hint: 'Move the delivered file away, or set collision to suffix or replace; then retry the envelope.',
  });
}

/** The lowest number that is free, where none is between those in use: a sender may send one name ten thousand times, so not each is looked at. */
async function suffixed(directory: string, name: string): Promise<string> {
  const path = (count: number): string => join(directory, withSuffix(name, count));
  const isFree = async (count: number): Promise<boolean> =>
    !underWay.has(path(count)) && (await inspectEntry(path(count))) === null;
  let [taken, free] = [0, 1];
  while (!(await isFree(free))) [taken, free] = [free, 2 * free];
  while (free - taken > 1) {
    const middle = Math.floor((taken + free) / 2);
    if (await isFree(middle)) free = middle;
    else taken = middle;
  }
  return path(free);
}

async function replaceable(path: string): Promise<string> {
  if ((await inspectEntry(path))?.isDirectory() !== true) return path;
  throw new SealdropError('collision', `${path} is a directory`, { hint: 'Move the directory away, then retry.' });
}

/** `report.csv.1`; a name at the limit loses its last characters, not its number. */
export function withSuffix(name: string, count: number): string {
  const suffix = `.${count}`;
  let stem = name;
  while (Buffer.byteLength(stem) + suffix.length > LONGEST_NAME) stem = Array.from(stem).slice(0, -1).join('');
  return stem + suffix;
}

async function publish({ part, final }: DeliveryRecord, collision: Collision): Promise<'done' | 'taken'> {
  if (collision === 'replace') {
    await moveDurably(part, final, 'publish-over');
    return 'done';
  }
  if ((await linkDurably(part, final, 'publish')) === 'taken') return 'taken';
  await removeFile(part, 'part-unlink');
  return 'done';
}

/**
 * What a crash or a failure left of a delivery. `delivered`: the plaintext has its final name, and the part file is gone.
 * `undone`: no trace is left.
 * @returns the record, with the final path, or null when it is undone
 * @throws SealdropError `not-found` when the delivery directory is not the one where delivery began
 */
export async function settleDelivery(envelope: string, part: string): Promise<DeliveryRecord | null> {
  const record = await readDelivery(envelope);
  if (record === null) {
    await removeFile(part, 'undo-part');
    return null;
  }
  await sameDirectory(record, envelope);
  const entry = await inspectEntry(record.part);
  // The part loses its name only after the final name is safe, whatever the collector did with the file since.
  if (entry === null) return record;
  // Should the collector have removed the file in the instant before the crash, it gets it once more: nothing on disk tells.
  const linked = entry.nlink > 1n && String(entry.ino) === record.inode;
  // In this order: a record without a part would mean "delivered".
  if (!linked) await removeDelivery(envelope);
  await removeFile(record.part, linked ? 'part-unlink' : 'undo-part');
  return linked ? record : null;
}

async function sameDirectory(record: DeliveryRecord, envelope: string): Promise<void> {
  const directory = dirname(record.part);
  const entry = await inspectEntry(join(directory, '.'));
  if (entry !== null && String(entry.ino) === record.directoryInode) return;
  throw new SealdropError('not-found', `${directory}: not the delivery directory that it was when delivery began`, {
    hint: `Mount or restore it. If it is gone for good, remove ${join(envelope, 'deliver.json')}: the file is then delivered anew.`,
  });
}

/** From `claimed` to `delivered`: the envelope is done, all but its remains. */
export async function markDelivered(spool: Spool, id: string): Promise<void> {
  await moveDurably(envelopeDirectory(spool, 'claimed', id), envelopeDirectory(spool, 'delivered', id), 'delivered');
}
