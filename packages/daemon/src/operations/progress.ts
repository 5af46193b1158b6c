/** What is in progress and has not moved for too long. */
export interface StuckWork {
  readonly id: string;
  /** ms since it last moved. */
  readonly still: number;
}

/**
 * Tells a working daemon from a hung one: each piece of work says when it begins, moves and ends. With nothing in progress the daemon is
 * idle, which is as good as moving.
 */
export class Progress {
  #limit: number;
  readonly #now: () => number;
  readonly #moved = new Map<string, number>();

  /**
   * @param limit ms without a move after which work counts as stuck: longer than any single step can take when all is well
   * @param now a clock that is never set, in ms; the wall clock would trip it
   */
  constructor(limit: number, now: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#now = now;
  }

  /** After the configuration changed. */
  setLimit(limit: number): void {
    this.#limit = limit;
  }

  /** Work `id` began or moved on: a stage was reached, bytes were written. */
  moved(id: string): void {
    this.#moved.set(id, this.#now());
  }

  /** Work `id` ended, or rests until it is tried again. */
  ended(id: string): void {
    this.#moved.delete(id);
  }

  /** Longest first. */
  stuck(): readonly StuckWork[] {
    const now = this.#now();
    return [...this.#moved]
      .map(([id, moved]) => ({ id, still: now - moved }))
      .filter(({ still }) => still > this.#limit)
      .sort((a, b) => b.still - a.still);
  }

  /** Whether nothing is stuck: for `startWatchdog` and `/healthz`. */
  readonly alive = (): boolean => this.stuck().length === 0;
}
