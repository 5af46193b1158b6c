import { toSealdropError } from '@sealdrop/core';
import type { Logger } from './logger.ts';

interface Round {
  /** For the log. */
  readonly name: string;
  /** ms between the end of one and the beginning of the next. */
  readonly pause: number;
  readonly work: () => Promise<void>;
}

/** What is done again and again for as long as the daemon runs; a failure is logged once and ends nothing. */
export class Rounds {
  readonly #logger: Logger;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #failing = new Map<string, string>();
  #state: 'going' | 'ended' = 'going';

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Begins after one pause. */
  begin(round: Round): void {
    if (this.#state === 'ended') return;
    const timer = setTimeout(() => {
      this.#running.set(
        round.name,
        this.#make(round).finally(() => this.begin(round)),
      );
    }, round.pause);
    timer.unref();
    this.#timers.set(round.name, timer);
  }

  async end(): Promise<void> {
    this.#state = 'ended';
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await Promise.all(this.#running.values());
  }

  async #make({ name, work }: Round): Promise<void> {
    try {
      await work();
      this.#failing.delete(name);
    } catch (thrown) {
      const { code, message, hint } = toSealdropError(thrown);
      if (this.#failing.get(name) === message) return;
      this.#failing.set(name, message);
      this.#logger.error(`${name} failed`, { stage: 'daemon', code, reason: message, hint });
    }
  }
}
