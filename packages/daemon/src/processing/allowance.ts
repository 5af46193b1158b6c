/** Diagnoses that a landing has at once: more than anybody reads one by one. */
export const ALLOWANCE = 100;
/** ms after which it has one more. */
const REFILL = 60_000;

interface Account {
  left: number;
  /** When `left` was counted: ms on the clock. */
  counted: number;
}

/**
 * How many diagnoses each landing still has. Each takes seconds of a core and up to eight requests of AWS KMS, and who sends ten thousand envelopes that do not
 * open is not to spend them.
 */
export class Allowance {
  readonly #now: () => number;
  readonly #accounts = new Map<string, Account>();

  /** @param now ms on a clock that is never set back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Whether there was one left. */
  take(landing: string): boolean {
    const account = this.#account(landing);
    if (account.left < 1) return false;
    account.left -= 1;
    return true;
  }

  /** For one that was worth its cost. */
  giveBack(landing: string): void {
    const account = this.#account(landing);
    account.left = Math.min(ALLOWANCE, account.left + 1);
  }

  #account(landing: string): Account {
    const now = this.#now();
    const account = this.#accounts.get(landing) ?? { left: ALLOWANCE, counted: now };
    account.left = Math.min(ALLOWANCE, account.left + (now - account.counted) / REFILL);
    account.counted = now;
    this.#accounts.set(landing, account);
    return account;
  }
}
