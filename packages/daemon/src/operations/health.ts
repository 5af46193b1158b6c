import type { SealdropError } from '@sealdrop/core';

/**
 * - `ok`: as far as is known it works.
 * - `waiting`: an outage that passes by itself; work is retried.
 * - `failed`: it stays so until the operator mends something.
 */
export type ConditionState = 'ok' | 'waiting' | 'failed';

/** One thing that must be in order, like `kms` or `delivery:acme`. */
export interface Condition {
  readonly name: string;
  readonly state: ConditionState;
  /** Since when it has been in this state: ms since the epoch. */
  readonly since: number;
  /** Why, in the words of the latest failure; null for `ok`. */
  readonly code: string | null;
  readonly message: string | null;
  readonly hint: string | null;
}

/** What a condition takes from a SealdropError. */
export type HealthError = Pick<SealdropError, 'code' | 'blame' | 'message' | 'hint'>;

/** What the daemon knows of its own condition. Names must come from the configuration, never from a sender. */
export class Health {
  readonly #conditions = new Map<string, Condition>();
  readonly #now: () => number;

  /** @param now ms since the epoch */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /**
   * Tells how the latest use of something went: null for success. An error that is its receiver's fault makes the condition `failed`, a passing
   * one `waiting`, and a sender's says nothing about us.
   * @returns whether the state changed, so that it is logged once
   */
  report(name: string, error: HealthError | null): 'changed' | 'same' {
    if (error?.blame === 'sender') return 'same';
    // What was never heard of counts as in order: that it is so is no news.
    const before = this.#conditions.get(name) ?? inOrder(name, this.#now());
    const state = stateAfter(error);
    const since = before.state === state ? before.since : this.#now();
    this.#conditions.set(name, { ...inOrder(name, since), ...reasonOf(error), state });
    return before.state === state ? 'same' : 'changed';
  }

  /** What no longer exists, like a landing that was removed from the configuration. */
  forget(name: string): void {
    this.#conditions.delete(name);
  }

  /** Sorted by name. */
  get conditions(): readonly Condition[] {
    return [...this.#conditions.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Whether nothing waits for the operator. */
  get ready(): boolean {
    return this.conditions.every(({ state }) => state !== 'failed');
  }
}

function inOrder(name: string, since: number): Condition {
  return { name, state: 'ok', since, code: null, message: null, hint: null };
}

function reasonOf(error: HealthError | null): Partial<Condition> {
  if (error === null) return {};
  const { code, message, hint = null } = error;
  return { code, message, hint };
}

function stateAfter(error: HealthError | null): ConditionState {
  if (error === null) return 'ok';
  return error.blame === 'passing' ? 'waiting' : 'failed';
}
