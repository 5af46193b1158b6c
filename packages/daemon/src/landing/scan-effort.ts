import type { Listing } from './scanner.ts';

/** Milliseconds from scan to scan: hints come in showers while files are being written. The first after a while is followed at once. */
const SHORTEST = 10;
const LONGEST = 10_000;
/** A scan may take up this part of the time at most, unless it was the backlog that held it up: 100,000 files must not be listed anew at every write. */
const SHARE = 10;
/** What a listing costs however few entries it finds, in entries: reading a directory that was large once takes as long as then (ext4). */
const COST_OF_NONE = 100;

/** What a scan has found and claimed, and how long it took: by that goes when the next one is due. */
export class ScanEffort {
  #entries = 0;
  /** Of the entries: the next scan will not see them. */
  #claimedEntries = 0;
  #claimed = 0;
  #listing = 0;
  #judging = 0;
  /** By folder, the files that have not been claimed. */
  readonly #left = new Map<string, number>();

  /** Files and folders. */
  get entries(): number {
    return this.#entries;
  }

  /** Envelopes. */
  get claimed(): number {
    return this.#claimed;
  }

  found({ folder, files, folders, unusable }: Pick<Listing, 'folder' | 'files' | 'folders' | 'unusable'>): void {
    this.#entries += files.length + folders.length + unusable.length;
    this.#left.set(folder, files.length);
  }

  /** An envelope. It may be of a claim that an earlier run began, and never found. */
  tookFrom(folder: string, members: number): void {
    this.#claimed += 1;
    const left = this.#left.get(folder);
    if (left === undefined) return;
    this.#left.set(folder, left - members);
    const isEmptied = folder !== '' && left === members;
    // Such a folder is removed, too.
    this.#claimedEntries += isEmptied ? members + 1 : members;
  }

  /** @param milliseconds spent on reading directories */
  listedFor(milliseconds: number): void {
    this.#listing += milliseconds;
  }

  /** @param milliseconds spent on what was found, but not on claiming: that is work done, not time to be spared. In a burst it is mostly the time of other work */
  judgedFor(milliseconds: number): void {
    this.#judging += milliseconds;
  }

  /** Milliseconds to the next scan. */
  get pause(): number {
    const [listing, judging] = [this.#listing, this.#judging];
    return pauseAfter({ listing, judging, entries: this.#entries, claimed: this.#claimedEntries });
  }
}

export interface ScanOutcome {
  /** Milliseconds that reading the directories took. */
  readonly listing: number;
  /** Milliseconds that judging what is in them took. */
  readonly judging: number;
  /** Entries of the landing and its folders. */
  readonly entries: number;
  /** How many of them were claimed: the next scan will not see them. */
  readonly claimed: number;
}

/** Milliseconds to the next scan, by what that is going to take. */
export function pauseAfter({ listing, judging, entries, claimed }: ScanOutcome): number {
  const left = Math.max(0, entries - claimed);
  const next = (listing * (left + COST_OF_NONE)) / (entries + COST_OF_NONE) + (judging * left) / Math.max(1, entries);
  return Math.min(LONGEST, Math.max(SHORTEST, SHARE * next));
}
