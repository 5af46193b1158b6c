import {
  type Diagnosis,
  diagnoseEnvelope,
  type DiagnoseOptions,
  type EnvelopeMembers,
  SealdropError,
  toSealdropError,
} from '@sealdrop/core';

/** HMACs that PBKDF2 may compute for one envelope: one to five seconds of a core. */
const BUDGET = 5_000_000;
/** The same while many wait, as when somebody sends ten thousand that do not open: the usual mistakes are still found. */
const BUDGET_IN_A_FLOOD = 200_000;
const FLOOD = 20;
/** ms. Longer takes only base64 text of many gigabytes, or a disk or key that hangs. */
const LONGEST = 60_000;

export type Finding =
  | { readonly kind: 'diagnosis'; readonly diagnosis: Diagnosis }
  /** It could not be looked into, for a reason that is not the envelope's. */
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Finds out why envelopes do not open, one after the other, each within bounds of time and memory. Whoever waits here must have stepped aside: it can
 * take a while until its turn comes.
 */
export class Diagnostician {
  readonly #stopping = new AbortController();
  readonly #longest: number;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @param longest ms for one envelope */
  constructor(longest = LONGEST) {
    this.#longest = longest;
  }

  /** @throws SealdropError `cancelled` once `stop` was called */
  async diagnose(members: EnvelopeMembers, options: Omit<DiagnoseOptions, 'budget' | 'signal'>): Promise<Finding> {
    this.#waiting += 1;
    const turn = this.#last.then(() => this.#diagnoseNow(members, options));
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Ends what is under way and all that waits. */
  stop(): void {
    this.#stopping.abort();
  }

  async #diagnoseNow(members: EnvelopeMembers, options: DiagnoseOptions): Promise<Finding> {
    this.#throwIfStopping();
    const budget = this.#waiting > FLOOD ? BUDGET_IN_A_FLOOD : BUDGET;
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#longest)]);
    try {
      // A system call that hangs heeds no signal.
      const diagnosis = await Promise.race([
        diagnoseEnvelope(members, { ...options, budget, signal }),
        aborted(signal),
      ]);
      return { kind: 'diagnosis', diagnosis };
    } catch (thrown) {
      this.#throwIfStopping();
      if (signal.aborted) return { kind: 'unknown', reason: `it took longer than ${this.#longest / 1000} seconds` };
      return { kind: 'unknown', reason: toSealdropError(thrown, members.payload).message };
    }
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
