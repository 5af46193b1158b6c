import { type SealdropError, toSealdropError } from '@sealdrop/core';
import { LONGEST_TIMER } from '../config/duration.ts';
import type { Instruments } from '../operations/instruments.ts';
import type { QueueState } from '../operations/metrics.ts';
import { namesOf } from '../spool/claim.ts';
import type { ClaimRecord } from '../spool/records.ts';
import { type Job, LandingQueue, newJob } from './landing-queue.ts';
import type { Attempt, AttemptResult } from './attempt.ts';

/** ms that an envelope may be at work before it counts as slow: it is huge, or waits for KMS. */
const SLOW_AFTER = 3000;
/** Times the concurrency: what may be at work in all, when some of it is slow. */
export const MOST_AT_WORK = 2;

export interface SchedulerOptions {
  /** Takes an envelope to its end; `again` when it is to be begun anew, as it is. */
  readonly process: (attempt: Attempt) => Promise<AttemptResult>;
  /** Asked at each start, so that a reloaded configuration counts at once. */
  readonly concurrency: () => number;
  /** Told whenever nothing is at work any more. */
  readonly onIdle?: (() => void) | undefined;
  readonly instruments: Pick<Instruments, 'logger' | 'names'>;
}

/**
 * Runs claimed envelopes, a few at a time; the landings take turns. One that has nothing at work does not wait for slow envelopes of others: it gets a place beyond the
 * concurrency.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  /** In the order of their turns. */
  #queues = new Map<string, LandingQueue>();
  /** All that are not at their end, in the order of their coming. */
  readonly #known = new Map<string, ClaimRecord>();
  /** With the time of their start: on the monotonic clock, in milliseconds. */
  readonly #running = new Map<Job, number>();
  /** These, and those that stepped aside. */
  readonly #unfinished = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #state: 'open' | 'draining' = 'open';

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** @param origin `claimed`: by this process, a moment ago; else something may be left of an earlier attempt */
  add(claim: ClaimRecord, origin: 'claimed' | 'found' = 'found'): void {
    this.#known.set(claim.id, claim);
    this.#options.instruments.names.learn(claim.id, [...namesOf(claim), claim.stem, claim.folder]);
    this.#queue(claim.landing).add(newJob(claim, origin === 'claimed'));
    this.#dispatch();
  }

  /** Whether this envelope waits here or is in progress. */
  knows(id: string): boolean {
    return this.#known.has(id);
  }

  /** Whether anything is at work; what stepped aside does not count. */
  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  /** How many of a landing's envelopes are at work or next; without those that have failed and wait. */
  depth(landing: string): number {
    return this.#queues.get(landing)?.depth ?? 0;
  }

  get queues(): readonly QueueState[] {
    const states = new Map<string, { landing: string; depth: number; oldest: number | null }>();
    for (const { landing, claimed } of this.#known.values()) {
      const { depth, oldest } = states.get(landing) ?? { depth: 0, oldest: null };
      const time = Date.parse(claimed);
      states.set(landing, { landing, depth: depth + 1, oldest: oldest === null ? time : Math.min(oldest, time) });
    }
    return [...states.values()];
  }

  /** Tries everything again now: the cause of failures may be mended. */
  retryAll(): void {
    for (const queue of this.#queues.values()) queue.reset();
    this.#dispatch();
  }

  /** Starts nothing any more and waits for what runs; what is not done after `timeout` milliseconds is interrupted and stays claimed. */
  async drain(timeout: number): Promise<void> {
    this.#state = 'draining';
    clearTimeout(this.#timer);
    const timer = setTimeout(() => this.#abort.abort(), timeout);
    await Promise.all(this.#unfinished);
    clearTimeout(timer);
  }

  #queue(landing: string): LandingQueue {
    const existing = this.#queues.get(landing);
    if (existing !== undefined) return existing;
    const queue = new LandingQueue();
    this.#queues = new Map([[landing, queue], ...this.#queues]);
    return queue;
  }

  #dispatch(): void {
    if (this.#state === 'draining') return;
    let started = true;
    while (started) started = this.#startNext();
    this.#setTimer();
    if (!this.isBusy) this.#options.onIdle?.();
  }

  /** Whether one more of this landing's envelopes may be at work. */
  #hasRoom(queue: LandingQueue, now: number): boolean {
    const concurrency = this.#options.concurrency();
    if (this.#running.size < concurrency) return true;
    if (!queue.idle || this.#running.size >= MOST_AT_WORK * concurrency) return false;
    return this.#slowTimes().filter((time) => time > now).length < concurrency;
  }

  /** When each that is at work begins to count as slow. */
  #slowTimes(): readonly number[] {
    return [...this.#running.values()].map((began) => began + SLOW_AFTER);
  }

  /** Gives the first landing with something to do its turn, then moves it to the end. */
  #startNext(): boolean {
    const now = performance.now();
    for (const [landing, queue] of this.#queues) {
      const job = this.#hasRoom(queue, now) ? queue.take(now) : null;
      if (job === null) continue;
      this.#queues.delete(landing);
      this.#queues.set(landing, queue);
      this.#running.set(job, now);
      const run = this.#run(job, queue).finally(() => {
        this.#running.delete(job);
        this.#unfinished.delete(run);
        this.#dispatch();
      });
      this.#unfinished.add(run);
      return true;
    }
    return false;
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const now = performance.now();
    const next = Math.min(Infinity, ...[...this.#queues.values()].map((queue) => this.#nextTime(queue, now)));
    if (next === Infinity) return;
    const delay = Math.min(LONGEST_TIMER, Math.max(1, next - now));
    this.#timer = setTimeout(() => this.#dispatch(), delay);
  }

  /** When this landing may start something, if nothing else changes. */
  #nextTime(queue: LandingQueue, now: number): number {
    if (this.#hasRoom(queue, now)) return queue.nextTime();
    if (!queue.idle || this.#running.size >= MOST_AT_WORK * this.#options.concurrency()) return Infinity;
    const nextSlow = Math.min(Infinity, ...this.#slowTimes().filter((time) => time > now));
    return Math.max(nextSlow, queue.nextTime());
  }

  async #run(job: Job, queue: LandingQueue): Promise<void> {
    const { claim, isNew, failures } = job;
    const stepAside = (): void => this.#stepAside(job, queue);
    try {
      const result = await this.#options.process({
        claim,
        number: failures + 1,
        isNew,
        signal: this.#abort.signal,
        stepAside,
      });
      // As another job: this one is still at its end when that may begin.
      if (result === 'again') queue.add({ ...job, isNew: false });
      else this.#forget(claim.id);
    } catch (error) {
      this.#failed(job, queue, toSealdropError(error, claim.id));
      return;
    }
    if (!queue.succeeded(job)) return;
    this.#options.instruments.logger.info('resumed', { stage: 'open', landing: claim.landing });
  }

  #forget(id: string): void {
    this.#known.delete(id);
    this.#options.instruments.names.forget(id);
  }

  #stepAside(job: Job, queue: LandingQueue): void {
    queue.stepAside(job);
    if (this.#running.delete(job)) this.#dispatch();
  }

  #failed(job: Job, queue: LandingQueue, error: SealdropError): void {
    // What stepped aside is not waited for.
    const isInterrupted = this.#state === 'draining' && error.code === 'cancelled';
    if (this.#abort.signal.aborted || isInterrupted) {
      queue.interrupted(job);
      return;
    }
    const { delay, news } = queue.failed(job, error);
    const fields = {
      stage: 'open',
      envelope: job.claim.id,
      landing: job.claim.landing,
      code: error.code,
      reason: error.message,
      hint: error.hint,
      retryInMs: delay,
    } as const;
    const { logger } = this.#options.instruments;
    if (news === 'known') logger.debug('not yet', fields);
    else if (error.blame === 'passing') logger.warn('not yet', fields);
    else logger.error('not yet', fields);
  }
}
