import { randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import type { EnvelopeGroup } from '@sealdrop/core';
import type { LandingConfig } from '../config/schema.ts';
import type { Anchor } from './anchor.ts';
import {
  inspectEntry,
  linkDurably,
  makeDirectory,
  makeInnerDirectory,
  moveDurably,
  removeFile,
  removeTree,
  syncDirectory,
} from './durable.ts';
import { errnoOf, unlessErrno } from './errno.ts';
import { reach } from './fault-points.ts';
import { callsAt } from './file-calls.ts';
import { envelopeDirectory, membersDirectory, type Spool } from './layout.ts';
import { fingerprintOf } from './members.ts';
import { type ClaimRecord, writeClaim } from './records.ts';
import type { Turns } from './turns.ts';

/** What is to be claimed: names that lie in one directory of a landing. */
export interface Claimable {
  readonly landing: LandingConfig;
  readonly group: EnvelopeGroup;
  /** Where the members lie below the landing's directory; `''` for the directory itself. */
  readonly folder: string;
  /** That folder held open: whatever its path means by now, this is where the members were seen. */
  readonly anchor: Anchor;
  /** What each member was like when it was found settled. */
  readonly entries: ReadonlyMap<string, BigIntStats>;
  /** One envelope of a landing at a time takes its members; all else goes on side by side. */
  readonly turns: Turns;
}

export function namesOf(group: Pick<EnvelopeGroup, 'names'>): readonly string[] {
  return Object.values(group.names).flat();
}

/** `20261124T104500-1f2e3d4c5b`: sorts by time. */
function newId(now: Date): string {
  const time = now.toISOString().replace(/[-:]/g, '').slice(0, 15);
  return `${time}-${randomBytes(5).toString('hex')}`;
}

/** What every claim from a landing's folder begins with, whatever is claimed. */
export function newClaim({ landing, folder }: Pick<Claimable, 'landing' | 'folder'>) {
  const now = new Date();
  return {
    version: 1,
    id: newId(now),
    landing: landing.name,
    root: landing.directory,
    folder,
    delivery: landing.delivery,
    claimed: now.toISOString(),
  } as const;
}

/**
 * Takes an envelope out of its sender's reach: each member is moved into `spool/claimed/<id>/members`, as it is. Renaming follows no
 * link and reads no byte; what the members are is asked where the sender can no longer change them.
 * @param fingerprint of an entry, as `fingerprintOf`; null when there is none
 * @returns the record; of what there is, when the sender used a name again meanwhile; null when the sender changed or removed a member (then all is put back)
 */
export async function claimEnvelope(
  spool: Spool,
  claimable: Claimable,
  fingerprint: (path: string) => Promise<string | null>,
): Promise<ClaimRecord | null> {
  const record = recordOf(claimable);
  await prepareClaim(spool, record);
  try {
    const taken = await claimable.turns.take(() => takeMembers(claimable, membersOf(spool, record), fingerprint));
    if (!taken) {
      return await putBack(spool, record, claimable.anchor.path);
    }
    await syncDirectory(claimable.anchor.path, 'leave-landing');
    await finishClaim(spool, record);
    return record;
  } catch (error) {
    // What cannot be put back now is mended by the landing's next scan.
    const kept = await putBack(spool, record, claimable.anchor.path).catch(() => null);
    if (kept !== null) return kept;
    throw error;
  }
}

/** Until the record is there, nothing has been taken. */
export async function prepareClaim(spool: Spool, record: ClaimRecord): Promise<void> {
  const envelope = envelopeDirectory(spool, 'claiming', record.id);
  try {
    await makeDirectory(envelope, 'claim-directory');
    await makeInnerDirectory(membersDirectory(envelope), 'claim-members');
    await writeClaim(envelope, record);
  } catch (error) {
    await removeTree(envelope, 'undo-claim').catch(() => undefined);
    throw error;
  }
}

function membersOf(spool: Spool, { id }: ClaimRecord): string {
  return membersDirectory(envelopeDirectory(spool, 'claiming', id));
}

function recordOf({ landing, group, folder, entries }: Claimable): ClaimRecord {
  const inodes: Record<string, string> = Object.create(null);
  for (const [name, { ino }] of entries) inodes[name] = String(ino);
  const { layout, stem, names } = group;
  return { ...newClaim({ landing, folder }), layout, stem, names, inodes };
}

async function takeMembers(
  { anchor, group, entries }: Claimable,
  members: string,
  fingerprint: (path: string) => Promise<string | null>,
): Promise<boolean> {
  for (const name of namesOf(group)) {
    const moved = await unlessErrno(['ENOENT'], async () => {
      await reach('take-member', 'rename');
      await callsAt(anchor.path).rename(join(anchor.path, name), join(members, name));
      return true;
    });
    if (moved === null) return false;
    const before = entries.get(name);
    if (before === undefined || (await fingerprint(join(members, name))) !== fingerprintOf(before)) return false;
  }
  return true;
}

/** The last step of a claim: from here on the envelope is ours. */
export async function finishClaim(spool: Spool, record: ClaimRecord): Promise<void> {
  const claiming = envelopeDirectory(spool, 'claiming', record.id);
  await syncDirectory(membersDirectory(claiming), 'settle-members');
  const claimed = envelopeDirectory(spool, 'claimed', record.id);
  try {
    await moveDurably(claiming, claimed, 'claim');
  } catch (error) {
    // Only the sync after it failed: should a power cut undo it, `recover` does it again.
    if ((await inspectEntry(claimed)) === null) throw error;
  }
}

/** An envelope's own folder goes with it; one that still holds something stays. */
export async function removeEmptyFolder(directory: string): Promise<void> {
  await unlessErrno(['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EBUSY'], () =>
    callsAt(directory).removeDirectory(directory),
  );
}

/**
 * Undoes a claim. When the sender has used one of the names again meanwhile, the new file stays: what was taken then becomes an envelope of its own, to be
 * judged as it is, rather than being mixed with the new one.
 * @param directory where the members go back to
 * @returns null when all is back; else the record of what is claimed now
 */
export async function putBack(spool: Spool, record: ClaimRecord, directory: string): Promise<ClaimRecord | null> {
  const members = membersOf(spool, record);
  const names = await presentNames(members, record);
  const free = await Promise.all(names.map((name) => isFreeFor(join(members, name), join(directory, name))));
  let given = free.every(Boolean);
  for (const name of given ? names : []) given = (await giveBack(join(members, name), join(directory, name))) && given;
  if (!given) return keepWhatIsThere(spool, record);
  await removeTree(envelopeDirectory(spool, 'claiming', record.id), 'undo-claim');
  return null;
}

/** Finishes a claim of which some members never came. @returns null when none did */
export async function keepWhatIsThere(spool: Spool, record: ClaimRecord): Promise<ClaimRecord | null> {
  const envelope = envelopeDirectory(spool, 'claiming', record.id);
  const present = new Set(await presentNames(membersDirectory(envelope), record));
  if (present.size === 0) {
    await removeTree(envelope, 'undo-claim');
    return null;
  }
  const only = (names: readonly string[]): readonly string[] => names.filter((name) => present.has(name));
  const { payload, note, manifest, signature } = record.names;
  const names = {
    payload: only(payload),
    'wrapped-key': only(record.names['wrapped-key']),
    note: only(note),
    manifest: only(manifest),
    signature: only(signature),
  };
  const kept = { ...record, names };
  await writeClaim(envelope, kept);
  await finishClaim(spool, kept);
  return kept;
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
    if ((await linkDurably(from, to, 'undo-member')) === 'taken') return await dropIfSame(from, to);
  } catch (error) {
    // The folder that it came from was removed meanwhile.
    if (errnoOf(error) === 'ENOENT') return false;
    // Of anything else than that it is no file (EPERM), the next scan has to think anew.
    if (errnoOf(error) !== 'EPERM') throw error;
    return giveBackByRename(from, to);
  }
  await removeFile(from, 'undo-member-unlink');
  return true;
}

/** A crash between link and unlink leaves both names. */
async function dropIfSame(from: string, to: string): Promise<boolean> {
  const [ours, theirs] = [await inspectEntry(from), await inspectEntry(to)];
  if (ours === null || theirs === null || ours.ino !== theirs.ino || ours.isDirectory()) return false;
  await removeFile(from, 'undo-member-unlink');
  return true;
}

/** Directories cannot be linked. */
async function giveBackByRename(from: string, to: string): Promise<boolean> {
  if ((await inspectEntry(to)) !== null) return false;
  const moved = await unlessErrno(['ENOENT', 'EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EACCES', 'EPERM'], async () => {
    await moveDurably(from, to, 'undo-directory');
    return true;
  });
  return moved ?? false;
}
