import { randomBytes } from 'node:crypto';
import { link, rename, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { EnvelopeGroup } from '@sealdrop/core';
import type { LandingConfig } from '../config/schema.ts';
import type { Anchor } from './anchor.ts';
import {
  errnoOf,
  inspectEntry,
  makeDirectory,
  moveDurably,
  removeFile,
  removeTree,
  syncDirectory,
  unlessErrno,
} from './durable.ts';
import { envelopeDirectory, membersDirectory, type Spool } from './layout.ts';
import { type ClaimRecord, writeClaim } from './records.ts';

/** What is to be claimed: names that lie in one directory of a landing. */
export interface Claimable {
  readonly landing: LandingConfig;
  readonly group: EnvelopeGroup;
  /** Where the members lie below the landing's directory; `''` for the directory itself. */
  readonly folder: string;
  /** That folder held open: whatever its path means by now, this is where the members were seen. */
  readonly anchor: Anchor;
  /** Size, times and inode of each member when it was found settled; `fingerprint` of landing/settling.ts. */
  readonly fingerprints: ReadonlyMap<string, string>;
}

export function namesOf(group: Pick<EnvelopeGroup, 'names'>): readonly string[] {
  return Object.values(group.names).flat();
}

/** `20261124T104500-1f2e3d4c5b`: sorts by time. */
function newId(now: Date): string {
  const time = now.toISOString().replace(/[-:]/g, '').slice(0, 15);
  return `${time}-${randomBytes(5).toString('hex')}`;
}

/**
 * Takes an envelope out of its sender's reach: each member is moved into `spool/claimed/<id>/members`, as it is. Renaming follows no
 * link and reads no byte; what the members are is asked where the sender can no longer change them.
 * @returns the record, or null when the sender changed or removed a member meanwhile (then all is put back)
 */
export async function claimEnvelope(
  spool: Spool,
  claimable: Claimable,
  fingerprint: (path: string) => Promise<string | null>,
): Promise<ClaimRecord | null> {
  const record = await recordOf(claimable);
  if (record === null) return null;
  const envelope = envelopeDirectory(spool, 'claiming', record.id);
  await makeDirectory(envelope);
  await makeDirectory(membersDirectory(envelope));
  await writeClaim(envelope, record);
  try {
    if (!(await takeMembers(claimable, membersDirectory(envelope), fingerprint))) {
      await putBack(spool, record, claimable.anchor.path);
      return null;
    }
  } catch (error) {
    await putBack(spool, record, claimable.anchor.path);
    throw error;
  }
  await syncDirectory(claimable.anchor.path);
  await finishClaim(spool, record);
  return record;
}

async function recordOf({ landing, group, folder, anchor }: Claimable): Promise<ClaimRecord | null> {
  const inodes: Record<string, string> = Object.create(null);
  for (const name of namesOf(group)) {
    const entry = await inspectEntry(join(anchor.path, name));
    if (entry === null) return null;
    inodes[name] = String(entry.ino);
  }
  const now = new Date();
  return {
    version: 1,
    id: newId(now),
    landing: landing.name,
    root: landing.directory,
    folder,
    delivery: landing.delivery,
    claimed: now.toISOString(),
    layout: group.layout,
    stem: group.stem,
    names: group.names,
    inodes,
  };
}

async function takeMembers(
  { anchor, group, fingerprints }: Claimable,
  members: string,
  fingerprint: (path: string) => Promise<string | null>,
): Promise<boolean> {
  for (const name of namesOf(group)) {
    const moved = await unlessErrno(['ENOENT'], async () => {
      await rename(join(anchor.path, name), join(members, name));
      return true;
    });
    if (moved === null) return false;
    if ((await fingerprint(join(members, name))) !== fingerprints.get(name)) return false;
  }
  return true;
}

/** The last step of a claim: from here on the envelope is ours. */
export async function finishClaim(spool: Spool, record: ClaimRecord): Promise<void> {
  const claiming = envelopeDirectory(spool, 'claiming', record.id);
  await syncDirectory(membersDirectory(claiming));
  await moveDurably(claiming, envelopeDirectory(spool, 'claimed', record.id));
}

/** An envelope's own folder goes with it; one that still holds something stays. */
export async function removeEmptyFolder(directory: string): Promise<void> {
  await unlessErrno(['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EBUSY'], () => rmdir(directory));
}

/**
 * Undoes a claim. When the sender has used one of the names again meanwhile, the new file stays: what was taken then becomes an envelope of its own, to be
 * judged as it is, rather than being mixed with the new one.
 * @param directory where the members go back to
 */
export async function putBack(spool: Spool, record: ClaimRecord, directory: string): Promise<'undone' | 'claimed'> {
  const envelope = envelopeDirectory(spool, 'claiming', record.id);
  const members = membersDirectory(envelope);
  const names = await presentNames(members, record);
  const free = await Promise.all(names.map((name) => isFreeFor(join(members, name), join(directory, name))));
  let given = free.every(Boolean);
  for (const name of given ? names : []) given = (await giveBack(join(members, name), join(directory, name))) && given;
  if (!given) {
    await keepWhatIsThere(spool, record);
    return 'claimed';
  }
  await removeTree(envelope);
  return 'undone';
}

/** Finishes a claim of which some members never came. */
export async function keepWhatIsThere(spool: Spool, record: ClaimRecord): Promise<void> {
  const envelope = envelopeDirectory(spool, 'claiming', record.id);
  const present = new Set(await presentNames(membersDirectory(envelope), record));
  const only = (names: readonly string[]): readonly string[] => names.filter((name) => present.has(name));
  const { payload, note, manifest, signature } = record.names;
  const names = {
    payload: only(payload),
    'wrapped-key': only(record.names['wrapped-key']),
    note: only(note),
    manifest: only(manifest),
    signature: only(signature),
  };
  await writeClaim(envelope, { ...record, names });
  await finishClaim(spool, record);
}

async function presentNames(members: string, record: ClaimRecord): Promise<readonly string[]> {
  const names = namesOf(record);
  const entries = await Promise.all(names.map((name) => inspectEntry(join(members, name))));
  return names.filter((_, index) => entries[index] !== null);
}

/** Free, or taken by the very same file: a crash between link and unlink leaves both names. */
async function isFreeFor(member: string, name: string): Promise<boolean> {
  const [ours, theirs] = [await inspectEntry(member), await inspectEntry(name)];
  return theirs === null || ours?.ino === theirs.ino;
}

async function giveBack(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
  } catch (error) {
    return errnoOf(error) === 'EEXIST' ? dropIfSame(from, to) : giveBackByRename(from, to);
  }
  await syncDirectory(dirname(to));
  await removeFile(from);
  return true;
}

/** A crash between link and unlink leaves both names. */
async function dropIfSame(from: string, to: string): Promise<boolean> {
  const [ours, theirs] = [await inspectEntry(from), await inspectEntry(to)];
  if (ours === null || theirs === null || ours.ino !== theirs.ino || ours.isDirectory()) return false;
  await removeFile(from);
  return true;
}

/** Directories cannot be linked. */
async function giveBackByRename(from: string, to: string): Promise<boolean> {
  if ((await inspectEntry(to)) !== null) return false;
  const moved = await unlessErrno(['ENOENT', 'EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EACCES', 'EPERM'], async () => {
    await moveDurably(from, to);
    return true;
  });
  return moved ?? false;
}
