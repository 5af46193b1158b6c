import {
  type Diagnosis,
  diagnoseEnvelope,
  type DiagnoseOptions,
  type EnvelopeMembers,
  SealdropError,
  toSealdropError,
} from '@sealdrop/core';
import { Allowance } from './allowance.ts';

/** HMACs that PBKDF2 may compute for one envelope: one to five seconds of a core. */
const BUDGET = 5_000_000;
/** The same while many of a landing wait, as when somebody sends ten thousand that do not open: the usual mistakes are still found. */
const BUDGET_IN_A_FLOOD = 200_000;
const FLOOD = 20;
/** ms. Longer takes only base64 text of many gigabytes, or a disk or key that hangs. */
const LONGEST = 60_000;

export type Finding =
  | { readonly kind: 'diagnosis'; readonly diagnosis: Diagnosis }
  /** It could not be looked into, for a reason that is not the envelope's. */
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Finds out why envelopes do not open, one after the other, each within bounds of time and memory; the landings take turns. Whoever waits here must
 * have stepped aside: it can take a while until its turn comes.
 */
export class Diagnostician {
  /** To be taken from before a turn is waited for. */
  readonly allowance = new Allowance();
  readonly #stopping = new AbortController();
  readonly #longest: number;
  /** By landing, in the order of their turns: calling one begins its turn. None is empty. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #isBusy = false;

  /** @param longest ms for one envelope */
  constructor(longest = LONGEST) {
    this.#longest = longest;
  }

  /**
   * Runs `work` when the turn comes, with the budget for a diagnosis in it.
   * @throws SealdropError `cancelled` once `stop` was called
   */
  async inTurn<T>(landing: string, work: (budget: number) => Promise<T>): Promise<T> {
    await this.#turnOf(landing);
    try {
      this.#throwIfStopping();
      const waiting = this.#waiting.get(landing)?.length ?? 0;
      return await work(waiting >= FLOOD ? BUDGET_IN_A_FLOOD : BUDGET);
    } finally {
      this.#isBusy = false;
      this.#beginNext();
    }
  }

  /** Ends a diagnosis that is under way, and all waiting. */
  stop(): void {
    this.#stopping.abort();
    for (const turns of this.#waiting.values()) for (const begin of turns) begin();
    this.#waiting.clear();
  }

  /** For use in a turn. @throws SealdropError `cancelled` once `stop` was called */
  async diagnose(members: EnvelopeMembers, options: Omit<DiagnoseOptions, 'signal'>): Promise<Finding> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#longest)]);
    try {
      // A system call that hangs heeds no signal.
      const diagnosis = await Promise.race([diagnoseEnvelope(members, { ...options, signal }), aborted(signal)]);
      return { kind: 'diagnosis', diagnosis };
    } catch (thrown) {
      this.#throwIfStopping();
      if (signal.aborted) return { kind: 'unknown', reason: `it took longer than ${this.#longest / 1000} seconds` };
      return { kind: 'unknown', reason: toSealdropError(thrown, members.payload).message };
    }
  }

  #turnOf(landing: string): Promise<void> {
    return new Promise((begin) => {
      const turns = this.#waiting.get(landing);
      if (turns === undefined) this.#waiting.set(landing, [begin]);
      else turns.push(begin);
      this.#beginNext();
    });
  }

  #beginNext(): void {
    const [next] = this.#waiting;
    if (this.#isBusy || next === undefined) return;
    const [landing, turns] = next;
    const begin = turns.shift();
    this.#waiting.delete(landing);
    if (turns.length > 0) this.#waiting.set(landing, turns);
    this.#isBusy = true;
    begin?.();
  }

  #throwIfStopping(): void {
    if (this.#stopping.signal.aborted) throw new SealdropError('cancelled', 'the daemon stops');
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new SealdropError('cancelled', 'interrupted')), { once: true });
  });
}
