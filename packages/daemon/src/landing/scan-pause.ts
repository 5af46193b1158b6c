/** Milliseconds from scan to scan: hints come in showers while files are being written. The first after a while is followed at once. */
const SHORTEST = 10;
const LONGEST = 10_000;
/** A scan may take up this part of the time at most: 100,000 files must not be listed anew at every write. */
const SHARE = 10;

export interface ScanEffort {
  /** Milliseconds, without what went into claiming: that is work done, not time to be spared. */
  readonly duration: number;
  /** Entries of the landing and its folders. */
  readonly entries: number;
  /** How many of them were claimed: the next scan will not see them. */
  readonly claimed: number;
}

/** Milliseconds to the next scan, by what that is going to take. */
export function pauseAfter({ duration, entries, claimed }: ScanEffort): number {
  const left = entries === 0 ? 0 : Math.max(0, 1 - claimed / entries);
  return Math.min(LONGEST, Math.max(SHORTEST, SHARE * duration * left));
}
