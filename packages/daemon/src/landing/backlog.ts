import { setTimeout as delay } from 'node:timers/promises';

/** Claimed envelopes of a landing that may wait to be opened: enough to have always one at hand, and few enough that claiming leaves the disk to those. */
const MOST_WAITING = 256;
/** So few that a scan may be worth its while again: enough are left to work at until it has found more. */
const FEW_WAITING = MOST_WAITING / 2;
/** How often a scan looks whether one of them has come to its end, and after how many milliseconds: a process that was stopped meanwhile, or its machine, has not lost patience. */
const LOOKS = 200;
const LOOK_AGAIN = 10;

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

  /** Whether the scan claims nothing more, however much it finds. */
  get hasClosed(): boolean {
    return this.#patience === 'none';
  }

  get hasRoomForMany(): boolean {
    return this.#depth() <= FEW_WAITING;
  }

  get isFull(): boolean {
    return this.#depth() >= MOST_WAITING;
  }

  /** Waits until more may be claimed. @returns `full` when that may take long, as in an outage: then nothing more in this scan */
  async awaitRoom(isRunning: () => boolean): Promise<'room' | 'full'> {
    for (let looks = 0; this.isFull; looks += 1) {
      if (looks > LOOKS) this.#patience = 'none';
      if (this.#patience === 'none' || !isRunning()) return 'full';
      await delay(LOOK_AGAIN);
    }
    return 'room';
  }
}
