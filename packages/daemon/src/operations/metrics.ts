import { errorCodes, type ErrorCode } from '@sealdrop/core';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Outcome } from '../ledger/receipt.ts';

/** The parts of an envelope's way that are timed. */
export const TIMED_STAGES = ['queue', 'open', 'decrypt', 'deliver', 'archive'] as const;
export type TimedStage = (typeof TIMED_STAGES)[number];

export interface EnvelopeEnd {
  readonly landing: string;
  readonly outcome: Outcome;
  /** Null for a delivered one. */
  readonly code: string | null;
  /** Bytes delivered; null when none were, or when it is not known. */
  readonly plaintextSize: number | null;
}

export interface KmsRequestEnd {
  readonly seconds: number;
  /** Null when it succeeded. */
  readonly code: string | null;
}

export interface QueueState {
  readonly landing: string;
  /** Claimed envelopes that are not at their end, those in progress included. */
  readonly depth: number;
  /** When the oldest of them was claimed: ms since the epoch; null when there is none. */
  readonly oldest: number | null;
}

export interface MetricsOptions {
  readonly version: string;
  /** Names of the configured landings. */
  readonly landings: readonly string[];
  /** Asked at every scrape. */
  readonly queues: () => readonly QueueState[];
  /** ms since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

const KMS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const STAGE_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800];
const NO_CODE = 'none';
/** A landing that is not in the configuration (any more). */
const OTHER_LANDING = 'other';

/**
 * What Prometheus sees of the daemon. Every label value comes from a closed list or from the configuration, so no sender can make the number
 * of time series grow; what is on no list counts as `internal` or `other`.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #queues: () => readonly QueueState[];
  readonly #now: () => number;
  #landings: ReadonlySet<string> = new Set();

  readonly #envelopes = new Counter({
    name: 'sealdrop_envelopes_total',
    help: 'Envelopes that reached an end.',
    labelNames: ['landing', 'outcome', 'code'],
    registers: [this.#registry],
  });
  readonly #plaintextBytes = new Counter({
    name: 'sealdrop_plaintext_bytes_total',
    help: 'Bytes of plaintext delivered.',
    labelNames: ['landing'],
    registers: [this.#registry],
  });
  readonly #lastDelivery = new Gauge({
    name: 'sealdrop_last_delivery_timestamp_seconds',
    help: 'When the last envelope was delivered since the start of the daemon, in seconds since the epoch.',
    labelNames: ['landing'],
    registers: [this.#registry],
  });
  readonly #stages = new Histogram({
    name: 'sealdrop_stage_duration_seconds',
    help: 'How long an envelope took for a part of its way.',
    labelNames: ['stage'],
    buckets: STAGE_SECONDS,
    registers: [this.#registry],
  });
  readonly #kmsDuration = new Histogram({
    name: 'sealdrop_kms_request_duration_seconds',
    help: 'How long a key took to unwrap, with all retries, failed or not.',
    buckets: KMS_SECONDS,
    registers: [this.#registry],
  });
  readonly #kmsErrors = new Counter({
    name: 'sealdrop_kms_errors_total',
    help: 'Requests to AWS KMS that failed.',
    labelNames: ['code'],
    registers: [this.#registry],
  });

  constructor({ version, landings, queues, now = Date.now }: MetricsOptions) {
    this.#queues = queues;
    this.#now = now;
    this.#gaugeQueues();
    new Gauge({
      name: 'sealdrop_build_info',
      help: 'Always 1; the labels say what is running.',
      labelNames: ['version', 'node_version'],
      registers: [this.#registry],
    }).set({ version, node_version: process.versions.node }, 1);
    collectDefaultMetrics({ register: this.#registry });
    this.setLandings(landings);
  }

  /** After the configuration changed. */
  setLandings(landings: readonly string[]): void {
    this.#landings = new Set(landings);
    // From the first scrape on, so that the first delivery is an increase.
    for (const landing of landings) {
      this.#envelopes.inc({ landing, outcome: 'delivered', code: NO_CODE }, 0);
      this.#plaintextBytes.inc({ landing }, 0);
    }
  }

  envelopeEnded({ landing, outcome, code, plaintextSize }: EnvelopeEnd): void {
    const label = this.#landingLabel(landing);
    this.#envelopes.inc({ landing: label, outcome, code: codeLabel(code) });
    if (outcome !== 'delivered') return;
    this.#plaintextBytes.inc({ landing: label }, plaintextSize ?? 0);
    this.#lastDelivery.set({ landing: label }, this.#now() / 1000);
  }

  stageEnded(stage: TimedStage, seconds: number): void {
    this.#stages.observe({ stage }, seconds);
  }

  /** Runs a part of an envelope's way; only one that succeeds is counted. */
  async timed<T>(stage: TimedStage, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await work();
    this.stageEnded(stage, (performance.now() - began) / 1000);
    return result;
  }

  kmsRequestEnded({ seconds, code }: KmsRequestEnd): void {
    this.#kmsDuration.observe(seconds);
    if (code !== null) this.#kmsErrors.inc({ code: codeLabel(code) });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All of it in Prometheus' text format. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  #gaugeQueues(): void {
    const depth = new Gauge({
      name: 'sealdrop_queue_depth',
      help: 'Claimed envelopes that are not at their end.',
      labelNames: ['landing'],
      registers: [this.#registry],
      collect: () => {
        depth.reset();
        for (const landing of this.#landings) depth.set({ landing }, 0);
        for (const queue of this.#queues()) depth.inc({ landing: this.#landingLabel(queue.landing) }, queue.depth);
      },
    });
    const oldest = new Gauge({
      name: 'sealdrop_oldest_waiting_seconds',
      help: 'Age of the oldest claimed envelope that is not at its end, 0 without one.',
      labelNames: ['landing'],
      registers: [this.#registry],
      collect: () => {
        oldest.reset();
        for (const [landing, seconds] of this.#ages()) oldest.set({ landing }, seconds);
      },
    });
  }

  #ages(): ReadonlyMap<string, number> {
    const ages = new Map([...this.#landings].map((landing) => [landing, 0]));
    for (const { landing, oldest } of this.#queues()) {
      const label = this.#landingLabel(landing);
      const age = oldest === null ? 0 : (this.#now() - oldest) / 1000;
      ages.set(label, Math.max(ages.get(label) ?? 0, age));
    }
    return ages;
  }

  #landingLabel(landing: string): string {
    return this.#landings.has(landing) ? landing : OTHER_LANDING;
  }
}

function codeLabel(code: string | null): ErrorCode | typeof NO_CODE {
  if (code === null) return NO_CODE;
  return errorCodes.has(code as ErrorCode) ? (code as ErrorCode) : 'internal';
}
