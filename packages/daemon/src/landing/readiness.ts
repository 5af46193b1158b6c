import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import type { Config, LandingConfig } from '../config/schema.ts';
import { namesOf } from '../spool/claim.ts';
import { inspectEntry } from '../spool/durable.ts';
import { announcedSize } from './announced-size.ts';
import { type FoundEnvelope, keyOf } from './assembler.ts';
import { identify, openForWriting } from './open-writers.ts';
import { fingerprintOf, type Settling } from './settling.ts';

/** While a writer is at work, or a manifest's sizes do not match yet, we look again this soon: a file's closing raises no event. */
const LOOK_AGAIN = 200;

export type Readiness =
  | {
      readonly ready: 'now';
      readonly reason: 'settled' | 'overdue';
      readonly fingerprints: ReadonlyMap<string, string>;
    }
  /** Milliseconds until it is worth looking again. */
  | { readonly ready: 'later'; readonly wait: number }
  | { readonly ready: 'gone' };

interface Timing {
  readonly landing: LandingConfig;
  readonly incompleteAfter: Config['incompleteAfter'];
  readonly settling: Settling;
}

/** Decides whether an envelope may be claimed: it is whole and has settled, or has waited too long for its missing members. */
export async function readiness(found: FoundEnvelope, directory: string, timing: Timing): Promise<Readiness> {
  const entries = await inspectMembers(found, directory);
  if (entries === null) return { ready: 'gone' };
  const fingerprints = new Map([...entries].map(([name, entry]) => [name, fingerprintOf(entry)]));
  const still = timing.settling.stillFor(keyOf(found), fingerprints);
  const { settle } = timing.landing;
  if (found.state === 'incomplete') return overdue(entries, fingerprints, timing.incompleteAfter);
  if (still < settle && !(await matchesManifest(found, directory, entries))) {
    const hasManifest = found.group.names.manifest.length > 0;
    return { ready: 'later', wait: Math.ceil(hasManifest ? Math.min(settle - still, LOOK_AGAIN) : settle - still) };
  }
  if (isBeingWritten(entries)) return { ready: 'later', wait: LOOK_AGAIN };
  return { ready: 'now', reason: 'settled', fingerprints };
}

async function inspectMembers(found: FoundEnvelope, directory: string): Promise<Map<string, BigIntStats> | null> {
  const entries = new Map<string, BigIntStats>();
  for (const name of namesOf(found.group)) {
    const entry = await inspectEntry(join(directory, name));
    if (entry === null) return null;
    entries.set(name, entry);
  }
  return entries;
}

/** By the ctime, the one time that a sender cannot set; unlike a clock of ours it goes on over a restart. */
function overdue(
  entries: ReadonlyMap<string, BigIntStats>,
  fingerprints: ReadonlyMap<string, string>,
  incompleteAfter: number,
): Readiness {
  const newest = Math.max(...[...entries.values()].map((entry) => Number(entry.ctimeMs)));
  const wait = newest + incompleteAfter - Date.now();
  return wait <= 0 ? { ready: 'now', reason: 'overdue', fingerprints } : { ready: 'later', wait };
}

/** The sizes of the small members are not announced: an empty one has only been opened. */
async function matchesManifest(
  { group }: FoundEnvelope,
  directory: string,
  entries: ReadonlyMap<string, BigIntStats>,
): Promise<boolean> {
  const [manifest] = group.names.manifest;
  const [payload] = group.names.payload;
  if (manifest === undefined || payload === undefined) return false;
  if ([...entries].some(([name, entry]) => name !== payload && entry.size === 0n)) return false;
  const announced = await announcedSize(join(directory, manifest));
  return announced !== null && announced === entries.get(payload)?.size;
}

function isBeingWritten(entries: ReadonlyMap<string, BigIntStats>): boolean {
  const files = [...entries].map(([name, { dev, ino }]) => ({ name, device: dev, inode: ino }));
  const written = openForWriting(files);
  return files.some(({ device, inode }) => written.has(identify(device, inode)));
}
