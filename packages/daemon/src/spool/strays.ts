import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { SealdropError } from '@sealdrop/core';
import type { LandingConfig } from '../config/schema.ts';
import type { Anchor } from './anchor.ts';
import { finishClaim, newClaim, prepareClaim } from './claim.ts';
import { inspectEntry, removeTree, syncDirectory } from './durable.ts';
import { unlessErrno } from './errno.ts';
import { reach } from './fault-points.ts';
import { envelopeDirectory, membersDirectory, type Spool } from './layout.ts';
import type { ClaimRecord } from './records.ts';

// Strays go the way of an envelope, many to a claim: claiming, claimed, quarantine. They are never put back: each of them is
// either in the landing or in the spool, and a claim of some of them is as good as one of all.

/** Entries of one directory of a landing that belong to no envelope. */
export interface StrayEntries {
  readonly landing: LandingConfig;
  readonly folder: string;
  readonly anchor: Anchor;
  /** As bytes: they need not be UTF-8. */
  readonly names: readonly Buffer[];
}

export interface StrayClaim {
  /** Null when none could be moved. */
  readonly claim: ClaimRecord | null;
  /** Those that stayed where they are: they went meanwhile, or may not be moved. */
  readonly left: readonly Buffer[];
}

/** What a rename says of an entry that went, or that is not ours to move (a mount point, a folder of a strange user). */
const IMMOVABLE = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EBUSY', 'EXDEV'];

const NO_NAMES = { payload: [], 'wrapped-key': [], note: [], manifest: [], signature: [] };

/** Moves strays out of their sender's reach, under names that are UTF-8. */
export async function claimStrays(spool: Spool, strays: StrayEntries): Promise<StrayClaim> {
  const record = recordOf(strays);
  const envelope = envelopeDirectory(spool, 'claiming', record.id);
  await prepareClaim(spool, record);
  const left = await moveAll(strays, membersDirectory(envelope));
  if (left.length === strays.names.length) {
    await removeTree(envelope, 'undo-claim');
    return { claim: null, left };
  }
  await syncDirectory(strays.anchor.path, 'leave-landing');
  await finishClaim(spool, record);
  return { claim: record, left };
}

function recordOf({ landing, folder, names }: StrayEntries): ClaimRecord {
  return {
    ...newClaim({ landing, folder }),
    kind: 'strays',
    layout: 'flat',
    stem: names.length === 1 ? legible(names[0] ?? Buffer.alloc(0)) : '',
    names: NO_NAMES,
    inodes: {},
  };
}

async function moveAll({ anchor, names }: StrayEntries, members: string): Promise<readonly Buffer[]> {
  const left: Buffer[] = [];
  for (const name of names) {
    const from = Buffer.concat([Buffer.from(`${anchor.path}/`), name]);
    const to = join(members, await freeName(members, legible(name)));
    const moved = await unlessErrno(IMMOVABLE, async () => {
      await reach('take-stray', 'rename');
      await rename(from, to);
      return 'moved' as const;
    });
    if (moved === null) left.push(name);
  }
  return left;
}

/** Two names that are not UTF-8 can read the same. */
async function freeName(members: string, name: string): Promise<string> {
  let candidate = name;
  for (let count = 1; (await inspectEntry(join(members, candidate))) !== null; count += 1)
    candidate = `${name}.${count}`;
  return candidate;
}

/** NAME_MAX of Linux file systems (limits.h) less what `freeName` may add. */
const LONGEST_LEGIBLE = 240;

/** A name as text; bytes that are not UTF-8 as `%FF`. */
export function legible(name: Buffer): string {
  const text = name.toString('utf8');
  if (Buffer.from(text, 'utf8').equals(name)) return text;
  return name
    .toString('latin1')
    .replaceAll(/[^\u0020-\u007e]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
    .slice(0, LONGEST_LEGIBLE);
}

/** What a crash left of a claim of strays: those that were not moved yet are still in their landing. */
export async function recoverStrays(spool: Spool, record: ClaimRecord): Promise<'finished' | 'undone'> {
  const envelope = envelopeDirectory(spool, 'claiming', record.id);
  if ((await readdir(membersDirectory(envelope))).length === 0) {
    await removeTree(envelope, 'undo-claim');
    return 'undone';
  }
  await finishClaim(spool, record);
  return 'finished';
}

/** The verdict on a claim of strays. */
export function strayVerdict({ stem, folder }: ClaimRecord): SealdropError {
  const where = folder === '' ? '' : ` in the folder ${folder}`;
  const what = stem === '' ? `files${where} that belong` : `${stem}${where} belongs`;
  return new SealdropError('stray-file', `${what} to no envelope`, {
    hint: 'Ask the sender to name the members of an envelope alike: NAME.enc, NAME.key.enc and NAME.alg.',
  });
}
