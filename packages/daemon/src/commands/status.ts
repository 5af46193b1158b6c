import type { Config } from '../config/schema.ts';
import { freeSpaceAt } from '../operations/free-space.ts';
import { inspectEntry, unlessErrno } from '../spool/durable.ts';
import { envelopeDirectory, envelopesIn, type Spool, type State } from '../spool/layout.ts';
import { isSpoolOwned } from '../spool/lock.ts';
import { readClaim } from '../spool/records.ts';

interface Count {
  readonly envelopes: number;
  /** When the oldest of them was claimed, ISO 8601; null when there is none. */
  readonly oldest: string | null;
}

/** What `sealdropd status --json` prints. */
export interface Status {
  readonly version: 1;
  readonly daemon: 'running' | 'stopped';
  readonly spool: string;
  /** Those of the configuration, then others that the spool knows; the last may be `null`: envelopes without a readable claim. */
  readonly landings: readonly { readonly name: string | null; readonly waiting: Count; readonly quarantined: Count }[];
  readonly freeSpace: readonly { readonly path: string; readonly bytes: number | null; readonly minimum: number }[];
}

/** Looks at the spool's directories; takes nothing from a running daemon, and needs none. */
export async function readStatus(config: Config): Promise<Status> {
  const spool = { root: config.spool };
  const isThere = (await inspectEntry(spool.root)) !== null;
  const waiting = await claimTimes(spool, ['claiming', 'claimed']);
  const quarantined = await claimTimes(spool, ['quarantine']);
  const names = new Set([...config.landings.map(({ name }) => name), ...waiting.keys(), ...quarantined.keys()]);
  const paths = new Set([config.spool, ...config.landings.map(({ delivery }) => delivery)]);
  return {
    version: 1,
    daemon: isThere && (await isSpoolOwned(spool.root)) ? 'running' : 'stopped',
    spool: spool.root,
    landings: [...names].map((name) => ({
      name,
      waiting: countOf(waiting.get(name)),
      quarantined: countOf(quarantined.get(name)),
    })),
    freeSpace: await Promise.all(
      [...paths].map(async (path) => ({ path, bytes: await freeSpaceAt(path), minimum: config.minimumFreeSpace })),
    ),
  };
}

function countOf(times: readonly string[] = []): Count {
  return { envelopes: times.length, oldest: times.filter((time) => time !== '').toSorted()[0] ?? null };
}

/** When the envelopes in these states were claimed, by landing. */
async function claimTimes(spool: Spool, states: readonly State[]): Promise<Map<string | null, string[]>> {
  const times = new Map<string | null, string[]>();
  for (const state of states) {
    for (const id of (await unlessErrno(['ENOENT'], () => envelopesIn(spool, state))) ?? []) {
      const envelope = envelopeDirectory(spool, state, id);
      const claim = await readClaim(envelope).catch(() => null);
      // A running daemon may have moved it on since.
      if (claim === null && (await inspectEntry(envelope)) === null) continue;
      const landing = claim?.landing ?? null;
      times.set(landing, [...(times.get(landing) ?? []), ...(claim === null ? [''] : [claim.claimed])]);
    }
  }
  return times;
}

/** The same for a person. */
export function formatStatus({ daemon, spool, landings, freeSpace }: Status): string {
  const format = ({ envelopes, oldest }: Count): string =>
    oldest === null ? String(envelopes) : `${envelopes} (oldest ${oldest})`;
  const lines = [
    `daemon   ${daemon} (${spool})`,
    ...landings.map(
      ({ name, waiting, quarantined }) =>
        `landing  ${name ?? 'unknown'}: waiting ${format(waiting)}, quarantined ${format(quarantined)}`,
    ),
    ...freeSpace.map(
      ({ path, bytes, minimum }) =>
        `free     ${path}: ${bytes === null ? 'not there' : `${bytes} bytes`}${bytes !== null && bytes < minimum ? ', too little' : ''}`,
    ),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
