import { setTimeout as delay } from 'node:timers/promises';

/** Claimed envelopes of a landing that may wait to be opened: enough to have always one at hand, and few enough that claiming leaves the disk to those. */
const MOST_WAITING = 256;
/** Milliseconds that a scan waits for one of them to come to its end. */
const PATIENCE = 2000;
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

  get isFull(): boolean {
    return this.#depth() >= MOST_WAITING;
  }

  /** Waits until more may be claimed. @returns `full` when that may take long, as in an outage: then nothing more in this scan */
  async awaitRoom(isRunning: () => boolean): Promise<'room' | 'full'> {
    const end = performance.now() + PATIENCE;
    while (this.isFull) {
      if (performance.now() > end) this.#patience = 'none';
      if (this.#patience === 'none' || !isRunning()) return 'full';
      await delay(LOOK_AGAIN);
    }
    return 'room';
  }
}
