import { join } from 'node:path';
import { type Anchor, FOLDER_GONE, openAnchor } from './anchor.ts';
import { finishClaim, keepWhatIsThere, namesOf, putBack } from './claim.ts';
import { inspectEntry, moveDurably, removeTree } from './durable.ts';
import { unlessErrno } from './errno.ts';
import { envelopeDirectory, envelopesIn, membersDirectory, type Spool } from './layout.ts';
import { type ClaimRecord, readClaim } from './records.ts';
import { recoverStrays } from './strays.ts';

/** What became of a claim that was left half done. */
export interface MendedClaim {
  readonly outcome: 'claim finished' | 'claim undone';
  readonly landing: string | null;
  /** Of what is claimed now. */
  readonly claim: ClaimRecord | null;
}

/** Finishes a claim that was cut off, or undoes it when the sender has changed or removed what is left in the landing. Doing it twice changes nothing. */
export async function mendClaim(spool: Spool, id: string): Promise<MendedClaim> {
  const envelope = envelopeDirectory(spool, 'claiming', id);
  const record = await readClaim(envelope);
  if (record === null) {
    // The record comes before the first member: there is nothing in it.
    await removeTree(envelope, 'undo-empty-claim');
    return { outcome: 'claim undone', landing: null, claim: null };
  }
  const claim = record.kind === 'strays' ? await mendStrays(spool, record) : await finishOrUndo(spool, record);
  return { outcome: claim === null ? 'claim undone' : 'claim finished', landing: record.landing, claim };
}

/**
 * Mends what a failing disk left half claimed of a landing while the daemon ran. Only for the one who claims from that landing, and not while a claim is under way.
 * @returns the claims that are finished now
 */
export async function mendClaims(spool: Spool, landing: string): Promise<readonly ClaimRecord[]> {
  const finished: ClaimRecord[] = [];
  for (const id of await envelopesIn(spool, 'claiming')) {
    const record = await readClaim(envelopeDirectory(spool, 'claiming', id)).catch(() => null);
    // Without a record it may be another landing's, just begun.
    if (record?.landing !== landing) continue;
    const { claim } = await mendClaim(spool, id);
    if (claim !== null) finished.push(claim);
  }
  return finished;
}

async function mendStrays(spool: Spool, record: ClaimRecord): Promise<ClaimRecord | null> {
  return (await recoverStrays(spool, record)) === 'finished' ? record : null;
}

async function finishOrUndo(spool: Spool, record: ClaimRecord): Promise<ClaimRecord | null> {
  const members = membersDirectory(envelopeDirectory(spool, 'claiming', record.id));
  const anchor = await unlessErrno(FOLDER_GONE, () => openAnchor(record.root, record.folder));
  try {
    // Without a landing to go back to, what there is will be judged as it is.
    if (anchor === null) return await keepWhatIsThere(spool, record);
    if (!(await takeRest(record, members, anchor))) return await putBack(spool, record, anchor.path);
    await finishClaim(spool, record);
    return record;
  } finally {
    await anchor?.release();
  }
}

/** Moves the members that are still in the landing, if they are the same files as before. */
async function takeRest(record: ClaimRecord, members: string, anchor: Anchor): Promise<boolean> {
  for (const name of namesOf(record)) {
    const [taken, left] = [await inspectEntry(join(members, name)), await inspectEntry(join(anchor.path, name))];
    // With both names it was being put back, and goes on that way: one with a second name would count as hostile.
    if (taken !== null && taken.ino === left?.ino) return false;
    if (taken !== null) continue;
    if (left === null || String(left.ino) !== record.inodes[name]) return false;
    await moveDurably(join(anchor.path, name), join(members, name), 'take-rest');
  }
  return true;
}
