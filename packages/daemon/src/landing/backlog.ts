import { setTimeout as delay } from 'node:timers/promises';

/** Claimed envelopes of a landing that may wait to be opened: enough to have always one at hand, and few enough that claiming leaves the disk to those. */
const MOST_WAITING = 256;
/** So few that a scan may be worth its while again: enough are left to work at until it has found more. */
const FEW_WAITING = MOST_WAITING / 2;
/** So often a scan looks whether one of them has come to its end: counted, since a process that stood still, or its machine, has not waited. */
const MOST_LOOKS = 200;
/** Milliseconds. */
const LOOK_AGAIN = 10;
/** The same between scans, as in an outage: it may last for hours. */
const LOOK_NOW_AND_THEN = 50;

/** Keeps claims from running far ahead of what is opened: what waits in the landing costs neither memory nor syncs. */
export class Backlog {
  readonly #depth: () => number;
  #patience: 'some' | 'none' = 'some';

  /**
   * @param depth how many of the landing's envelopes wait for their turn or have it. Those that have failed and wait do not count: some hundred that only the operator can mend must
   * not keep the others out
   */
  constructor(depth: () => number) {
    this.#depth = depth;
  }

  beginScan(): void {
    this.#patience = 'some';
  }

  /** Whether the scan has waited in vain: from then on it claims only while there happens to be room. */
  get hasLostPatience(): boolean {
    return this.#patience === 'none';
  }

  get isFull(): boolean {
    return this.#depth() >= MOST_WAITING;
  }

  /** Waits until more may be claimed. @returns `full` when that may take long, as in an outage */
  async awaitRoom(isRunning: () => boolean): Promise<'room' | 'full'> {
    for (let looks = 0; this.isFull; looks += 1) {
      if (looks === MOST_LOOKS) this.#patience = 'none';
      if (this.#patience === 'none' || !isRunning()) return 'full';
      await delay(LOOK_AGAIN);
    }
    return 'room';
  }

  /** Waits, `longest` milliseconds at most, until half of the backlog has been worked off. */
  async awaitRoomForMany(longest: number, isRunning: () => boolean): Promise<void> {
    const end = performance.now() + longest;
    do await delay(LOOK_NOW_AND_THEN);
    while (isRunning() && performance.now() < end && this.#depth() > FEW_WAITING);
  }
}
