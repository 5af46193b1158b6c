import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import type { LandingConfig } from '../config/schema.ts';
import type { Anchor } from '../spool/anchor.ts';
import { claimEnvelope, removeEmptyFolder } from '../spool/claim.ts';
import { errnoOf } from '../spool/errno.ts';
import type { Spool } from '../spool/layout.ts';
import type { ClaimRecord } from '../spool/records.ts';
import { Turns } from '../spool/turns.ts';
import type { FoundEnvelope } from './assembler.ts';
import { type FileIdentity, identify, openForWriting } from './open-writers.ts';
import { fingerprint } from './settling.ts';

/** Looking through /proc costs milliseconds: once for so many envelopes, soon enough before each is claimed. */
export const CLAIMED_TOGETHER = 32;

/** An envelope that is ready by its members' sizes and times. */
export interface ReadyEnvelope {
  readonly found: FoundEnvelope;
  readonly entries: ReadonlyMap<string, BigIntStats>;
}

/** What claiming says of something that is not ours to move; the rest of the landing need not wait for it. */
export const CLOSED: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EXDEV', 'EBUSY']);

interface Place {
  readonly landing: LandingConfig;
  readonly spool: Spool;
  /** The directory that all of them lie in. */
  readonly anchor: Anchor;
  readonly onClaimed: (claim: ClaimRecord) => void;
  readonly onBusy: (found: FoundEnvelope) => void;
  /** Told of one that holds a folder which may not be moved. */
  readonly onBlocked: (found: FoundEnvelope, errno: string) => void;
}

interface SharedPlace extends Place {
  readonly turns: Turns;
}

/**
 * Claims the envelopes that no process is writing to, side by side: they share the syncs of the directories they have in common.
 * @param ready few enough to be looked up together
 * @returns how many are left
 * @throws the first error, when all of them have come to an end
 */
export async function claimReady(ready: readonly ReadyEnvelope[], place: Place): Promise<number> {
  const written = openForWriting(ready.flatMap(({ entries }) => filesOf(entries)));
  const turns = new Turns();
  const claims = await Promise.allSettled(
    ready.map(async (envelope) => {
      if (!isWritten(envelope, written)) return claimOne(envelope, { ...place, turns });
      place.onBusy(envelope.found);
      return false;
    }),
  );
  const failed = claims.find((claim) => claim.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return claims.filter((claim) => claim.status === 'fulfilled' && !claim.value).length;
}

function isWritten({ entries }: ReadyEnvelope, written: ReadonlySet<string>): boolean {
  return filesOf(entries).some(({ device, inode }) => written.has(identify(device, inode)));
}

function filesOf(entries: ReadonlyMap<string, BigIntStats>): readonly FileIdentity[] {
  return [...entries].map(([name, { dev, ino }]) => ({ name, device: dev, inode: ino }));
}

async function claimOne(ready: ReadyEnvelope, place: SharedPlace): Promise<boolean> {
  const { folder } = ready.found;
  const { landing, onClaimed } = place;
  const claim = await claimUnlessBlocked(ready, place);
  if (claim === null) return false;
  if (folder !== '') await removeEmptyFolder(join(landing.directory, folder));
  onClaimed(claim);
  return true;
}

/** To move a folder elsewhere, one must be allowed to write to it, too (rename(2)): its sender decides that. A file that cannot be moved is the landing's fault. */
async function claimUnlessBlocked({ found, entries }: ReadyEnvelope, place: SharedPlace): Promise<ClaimRecord | null> {
  const { landing, spool, anchor, onBlocked, turns } = place;
  const { group, folder } = found;
  try {
    return await claimEnvelope(spool, { landing, group, folder, anchor, entries, turns }, fingerprint);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    const holdsFolder = [...entries.values()].some((entry) => entry.isDirectory());
    if (!holdsFolder || !CLOSED.has(errno)) throw error;
    onBlocked(found, errno);
    return null;
  }
}
