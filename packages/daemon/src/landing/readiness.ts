import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import type { Config, LandingConfig } from '../config/schema.ts';
import { namesOf } from '../spool/claim.ts';
import { inspectEntry } from '../spool/durable.ts';
import { fingerprintOf } from '../spool/members.ts';
import { announcedSize } from './announced-size.ts';
import { type FoundEnvelope, keyOf } from './assembler.ts';
import type { Settling } from './settling.ts';

/** While a writer is at work, or a manifest's sizes do not match yet, we look again this soon: a file's closing raises no event. */
export const LOOK_AGAIN = 200;

export type Readiness =
  /** As far as sizes and times tell: `writers` must still be asked for. */
  | { readonly ready: 'now'; readonly entries: ReadonlyMap<string, BigIntStats> }
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
  const wait = await remaining(found, entries, { directory, timing });
  return wait <= 0 ? { ready: 'now', entries } : { ready: 'later', wait: Math.ceil(wait) };
}

/** Milliseconds until the members may be ready; none when they are. */
async function remaining(
  found: FoundEnvelope,
  entries: ReadonlyMap<string, BigIntStats>,
  { directory, timing }: { readonly directory: string; readonly timing: Timing },
): Promise<number> {
  if (found.missing.length > 0) return untilOverdue(entries, timing.incompleteAfter);
  const still = timing.settling.stillFor(keyOf(found), fingerprintsOf(entries));
  const wait = timing.landing.settle - still;
  if (found.group.names.manifest.length === 0) return wait;
  if (hasFurtherName(entries)) return Math.min(wait, LOOK_AGAIN);
  const arrived = await compareWithManifest(found, directory, entries);
  if (arrived === 'all') return 0;
  // A connection that broke may be resumed much later: what is to come was announced.
  if (arrived === 'part' && wait <= 0) return untilOverdue(entries, timing.incompleteAfter);
  return Math.min(wait, LOOK_AGAIN);
}

/** OpenSSH's sftp-server renames by link and unlink (sftp-server.c, process_rename): for a moment a member has two names. One that keeps them is judged later. */
function hasFurtherName(entries: ReadonlyMap<string, BigIntStats>): boolean {
  return [...entries.values()].some((entry) => entry.isFile() && entry.nlink > 1n);
}

function fingerprintsOf(entries: ReadonlyMap<string, BigIntStats>): ReadonlyMap<string, string> {
  return new Map([...entries].map(([name, entry]) => [name, fingerprintOf(entry)]));
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
function untilOverdue(entries: ReadonlyMap<string, BigIntStats>, incompleteAfter: number): number {
  const newest = Math.max(...[...entries.values()].map((entry) => Number(entry.ctimeMs)));
  return newest + incompleteAfter - Date.now();
}

/**
 * How much has arrived of what the manifest announces. The sizes of the small members are not announced: an empty one has only been opened.
 * `unknown`: the manifest is not to be read, or the payload is nothing that grows.
 */
async function compareWithManifest(
  { group }: FoundEnvelope,
  directory: string,
  entries: ReadonlyMap<string, BigIntStats>,
): Promise<'all' | 'part' | 'unknown'> {
  const [manifest] = group.names.manifest;
  const payload = entries.get(group.names.payload[0] ?? '');
  if (manifest === undefined || payload?.isFile() !== true) return 'unknown';
  const announced = await announcedSize(join(directory, manifest));
  if (announced === null || payload.size > announced) return 'unknown';
  if (payload.size < announced) return 'part';
  return [...entries.values()].some((entry) => entry !== payload && entry.size === 0n) ? 'unknown' : 'all';
}
