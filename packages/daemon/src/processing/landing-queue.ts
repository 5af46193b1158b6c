import type { SealdropError } from '@sealdrop/core';
import type { ClaimRecord } from '../spool/records.ts';
import { retryDelay } from './retry.ts';

/** A claimed envelope in the queue. */
export interface Job {
  readonly claim: ClaimRecord;
  /** Claimed by this process, and never begun. */
  readonly isNew: boolean;
  /** Since the daemon started. */
  readonly failures: number;
  /** On the monotonic clock, in milliseconds: the wall clock may be set back. */
  readonly notBefore: number;
}

export function newJob(claim: ClaimRecord, isNew: boolean): Job {
  return { claim, isNew, failures: 0, notBefore: 0 };
}

/**
 * The claimed envelopes of one landing. While its envelopes fail through no fault of their own, it sends out one at a time, after a pause that grows: ten thousand
 * envelopes that wait for a key must not each ask for it.
 */
export class LandingQueue {
  #ready: Job[] = [];
  #waiting: Job[] = [];
  readonly #inFlight = new Set<string>();
  #failures = 0;
  #pausedUntil = 0;
  #lastCode: string | null = null;

  add(job: Job): void {
    this.#ready.push(job);
  }

  /** At work or next; without those that have failed and wait. */
  get depth(): number {
    return this.#ready.length + this.#inFlight.size;
  }

  /** Whether none of its envelopes is at work. */
  get idle(): boolean {
    return this.#inFlight.size === 0;
  }

  /** The next job to start now, if there is one. */
  take(now: number): Job | null {
    this.#wake(now);
    const held = this.#failures > 0 && (this.#inFlight.size > 0 || this.#pausedUntil > now);
    const job = held ? undefined : this.#ready.shift();
    if (job === undefined) return null;
    this.#inFlight.add(job.claim.id);
    return job;
  }

  #wake(now: number): void {
    if (!this.#waiting.some((job) => job.notBefore <= now)) return;
    this.#ready.push(...this.#waiting.filter((job) => job.notBefore <= now));
    this.#waiting = this.#waiting.filter((job) => job.notBefore > now);
  }

  /** When `take` may have something again (on the monotonic clock, in milliseconds); infinity while only `add`, `succeeded` or `failed` can change that. */
  nextTime(): number {
    const due = this.#ready.length > 0 ? 0 : Math.min(Infinity, ...this.#waiting.map((job) => job.notBefore));
    if (due === Infinity || (this.#failures > 0 && this.#inFlight.size > 0)) return Infinity;
    return this.#failures > 0 ? Math.max(due, this.#pausedUntil) : due;
  }

  /** What is left of a job waits for its turn elsewhere: the others need not wait for it. */
  stepAside({ claim }: Job): void {
    this.#inFlight.delete(claim.id);
  }

  /** @returns whether that ends a series of failures */
  succeeded({ claim }: Job): boolean {
    this.#inFlight.delete(claim.id);
    const resumed = this.#failures > 0;
    this.#failures = 0;
    this.#lastCode = null;
    return resumed;
  }

  /** Puts a job back for later. @returns the delay in milliseconds, and whether the landing has just failed in the same way. */
  failed(job: Job, error: SealdropError): { readonly delay: number; readonly news: 'new' | 'known' } {
    this.#inFlight.delete(job.claim.id);
    const blame = error.blame === 'passing' ? 'passing' : 'receiver';
    const delay = retryDelay(blame, job.failures + 1);
    const now = performance.now();
    this.#waiting.push({ ...job, isNew: false, failures: job.failures + 1, notBefore: now + delay });
    const news = this.#lastCode === error.code ? 'known' : 'new';
    this.#lastCode = error.code;
    // A fault of ours may strike one envelope only; the others must not wait for it.
    if (error.code !== 'internal') this.#pause(blame, now);
    return { delay, news };
  }

  #pause(blame: 'receiver' | 'passing', now: number): void {
    this.#failures += 1;
    this.#pausedUntil = now + retryDelay(blame, this.#failures);
  }

  /** Puts a job back: it was interrupted, not tried. */
  interrupted(job: Job): void {
    this.#inFlight.delete(job.claim.id);
    this.#ready.unshift({ ...job, isNew: false });
  }

  /** Forgets all pauses, as when the configuration has changed. */
  reset(): void {
    this.#failures = 0;
    this.#lastCode = null;
    this.#ready.push(...this.#waiting);
    this.#waiting = [];
  }
}
