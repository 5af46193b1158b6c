import { errorCodes } from '@sealdrop/core';
import type { Config } from '../config/schema.ts';
import { freeSpaceAt } from '../operations/free-space.ts';
import { inspectEntry } from '../spool/durable.ts';
import { unlessErrno } from '../spool/errno.ts';
import { type Failure, lastFailureOf } from '../processing/history.ts';
import { envelopeDirectory, envelopesIn, type Spool, type State } from '../spool/layout.ts';
import { askSoon, SILENT } from '../spool/answering.ts';
import { isSpoolOwned } from '../spool/lock.ts';
import { readClaim } from '../spool/records.ts';

interface Count {
  readonly envelopes: number;
  /** When the oldest of them was claimed, ISO 8601; null when there is none. */
  readonly oldest: string | null;
}

interface LandingStatus {
  readonly name: string | null;
  readonly waiting: Count;
  /** What last held up one of those that wait. */
  readonly lastFailure: Failure | null;
  readonly quarantined: Count;
}

/** One envelope; one without a readable claim has no landing. */
interface Found {
  readonly landing: string | null;
  readonly claimed: string | null;
  readonly lastFailure: Failure | null;
}

/** What `sealdropd status --json` prints. */
export interface Status {
  readonly version: 1;
  readonly daemon: 'running' | 'stopped';
  readonly spool: string;
  /** Those of the configuration, then others that the spool knows; the last may be `null`: envelopes without a readable claim. */
  readonly landings: readonly LandingStatus[];
  /** `bytes` is null where there is nothing, or what is there does not answer. */
  readonly freeSpace: readonly { readonly path: string; readonly bytes: number | null; readonly minimum: number }[];
}

/** Looks at the spool's directories; takes nothing from a running daemon, and needs none. */
export async function readStatus(config: Config): Promise<Status> {
  const spool = { root: config.spool };
  const isThere = (await inspectEntry(spool.root)) !== null;
  const waiting = await findEnvelopes(spool, ['claiming', 'claimed']);
  const quarantined = await findEnvelopes(spool, ['quarantine']);
  const names = new Set([
    ...config.landings.map(({ name }) => name),
    ...[...waiting, ...quarantined].map(({ landing }) => landing),
  ]);
  const paths = new Set([config.spool, ...config.landings.map(({ delivery }) => delivery)]);
  return {
    version: 1,
    daemon: isThere && (await isSpoolOwned(spool.root)) ? 'running' : 'stopped',
    spool: spool.root,
    landings: [...names].map((name) => ({
      name,
      waiting: countOf(ofLanding(waiting, name)),
      lastFailure: latestFailure(ofLanding(waiting, name)),
      quarantined: countOf(ofLanding(quarantined, name)),
    })),
    freeSpace: await Promise.all(
      [...paths].map(async (path) => ({ path, bytes: await knownFreeSpace(path), minimum: config.minimumFreeSpace })),
    ),
  };
}

async function knownFreeSpace(path: string): Promise<number | null> {
  const bytes = await askSoon(path, () => freeSpaceAt(path));
  return bytes === SILENT ? null : bytes;
}

function ofLanding(envelopes: readonly Found[], name: string | null): readonly Found[] {
  return envelopes.filter(({ landing }) => landing === name);
}

function countOf(envelopes: readonly Found[]): Count {
  const times = envelopes.flatMap(({ claimed }) => (claimed === null ? [] : [claimed]));
  return { envelopes: envelopes.length, oldest: times.toSorted()[0] ?? null };
}

function latestFailure(envelopes: readonly Found[]): Failure | null {
  const failures = envelopes.flatMap(({ lastFailure }) => (lastFailure === null ? [] : [lastFailure]));
  return failures.toSorted((one, other) => (one.time < other.time ? 1 : -1))[0] ?? null;
}

async function findEnvelopes(spool: Spool, states: readonly State[]): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const state of states) {
    for (const id of (await unlessErrno(['ENOENT'], () => envelopesIn(spool, state))) ?? []) {
      const envelope = envelopeDirectory(spool, state, id);
      const claim = await readClaim(envelope).catch(() => null);
      // A running daemon may have moved it on since.
      if (claim === null && (await inspectEntry(envelope)) === null) continue;
      const [landing, claimed] = claim === null ? [null, null] : [claim.landing, claim.claimed];
      found.push({ landing, claimed, lastFailure: await lastFailureOf(envelope) });
    }
  }
  return found;
}

/** The same for a person. */
export function formatStatus({ daemon, spool, landings, freeSpace }: Status): string {
  const format = ({ envelopes, oldest }: Count): string =>
    oldest === null ? String(envelopes) : `${envelopes} (oldest ${oldest})`;
  const lines = [
    `daemon   ${daemon} (${spool})`,
    ...landings.map(
      ({ name, waiting, lastFailure, quarantined }) =>
        `landing  ${name ?? 'unknown'}: waiting ${format(waiting)}${because(lastFailure)}, quarantined ${format(quarantined)}`,
    ),
    ...freeSpace.map(
      ({ path, bytes, minimum }) =>
        `free     ${path}: ${bytes === null ? 'not there, or does not answer' : `${bytes} bytes`}${bytes !== null && bytes < minimum ? ', too little' : ''}`,
    ),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function because(failure: Failure | null): string {
  if (failure === null) return '';
  return `, held up at ${failure.time} by ${failure.code} (${errorCodes.get(failure.code)?.meaning})`;
}
