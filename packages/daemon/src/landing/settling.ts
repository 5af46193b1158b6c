import { performance } from 'node:perf_hooks';
import { inspectEntry } from '../spool/durable.ts';
import { fingerprintOf } from '../spool/members.ts';

/** The fingerprint of a directory entry; null when there is none. */
export async function fingerprint(path: string): Promise<string | null> {
  const entry = await inspectEntry(path);
  return entry === null ? null : fingerprintOf(entry);
}

interface Stillness {
  readonly fingerprint: string;
  /** On the monotonic clock, in milliseconds. */
  readonly since: number;
}

/** Remembers since when each envelope's members have stood still. */
export class Settling {
  #seen = new Map<string, Stillness>();
  #current = new Map<string, Stillness>();

  /** Milliseconds for which `key` has looked like this. */
  stillFor(key: string, fingerprints: ReadonlyMap<string, string>): number {
    const now = performance.now();
    const looks = JSON.stringify([...fingerprints]);
    const before = this.#seen.get(key);
    const since = before?.fingerprint === looks ? before.since : now;
    this.#current.set(key, { fingerprint: looks, since });
    return now - since;
  }

  /** `key` has been claimed: of a hundred thousand in one scan not all need be remembered to its end. */
  forget(key: string): void {
    this.#current.delete(key);
  }

  /** Ends one scan: what it did not mention is forgotten. */
  endScan(): void {
    this.#seen = this.#current;
    this.#current = new Map();
  }
}
