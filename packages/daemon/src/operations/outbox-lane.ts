import { toSealdropError } from '@sealdrop/core';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, moveDurably, removeFile, writeRecord } from '../spool/durable.ts';
import { errnoOf, unlessErrno } from '../spool/errno.ts';
import { envelopeEventSchema, type EnvelopeEvent, type EventKind } from './envelope-event.ts';

/**
 * - `sent`: the receiver has it.
 * - `try-again`: it may take it later.
 * - `rejected`: it will never take it.
 */
export interface SendResult {
  readonly result: 'sent' | 'try-again' | 'rejected';
  /** For the log: what came back. Short; it may hold a stranger's control characters. */
  readonly detail: string;
}

/** One receiver of events. */
export interface OutboxTarget {
  /** Unique, stable, and a directory name. */
  readonly name: string;
  readonly events: readonly EventKind[];
  /** Events on their way to it at the same time. */
  readonly concurrency: number;
  /** `signal` is aborted when the daemon stops; what came of it does not matter then. To throw is to answer `try-again`. */
  send(event: EnvelopeEvent, signal: AbortSignal): Promise<SendResult>;
}

export interface OutboxResult {
  readonly target: string;
  /** The event's id. */
  readonly id: string;
  /** `given-up`: rejected, unreadable, or older than `giveUpAfter`; its file now lies in `failed/`. */
  readonly result: 'sent' | 'try-again' | 'given-up';
  readonly detail: string;
  /** Attempts since the daemon started. */
  readonly attempts: number;
}

export interface LanePolicy {
  /** ms until the next attempt after so many failed ones. */
  readonly retryDelay: (failures: number) => number;
  /** ms after the event's time when no further attempt is made. */
  readonly giveUpAfter: number;
  /** Each attempt's result, for log and metrics. */
  readonly onResult: (result: OutboxResult) => void;
}

export interface LaneOptions extends LanePolicy {
  readonly directory: string;
  readonly target: OutboxTarget;
}

const SUFFIX = '.json';
const FAILED = 'failed';
/** More than an operator would look at; the oldest go first. */
const MOST_FAILED = 1000;

/** The events for one target: each is a file until the target has it, so that a crash at any time loses none. */
export class OutboxLane {
  readonly #options: LaneOptions;
  readonly #attempts = new Map<string, number>();
  readonly #queue: string[] = [];
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Makes the directories, and takes up what is left from before. */
  async open(): Promise<void> {
    for (const directory of [this.#options.directory, this.#failedDirectory]) {
      await makeDirectory(directory, 'outbox-directory').catch((error: unknown) => {
        if (errnoOf(error) !== 'EEXIST') throw error;
      });
    }
    for (const name of (await readdir(this.#options.directory)).sort()) {
      if (name.endsWith(SUFFIX)) this.#enqueue(name.slice(0, -SUFFIX.length));
      // Half written when the daemon was killed: the one who posted it was never told that it was.
      else if (name.endsWith('.tmp')) await removeFile(join(this.#options.directory, name), 'outbox-drop');
    }
  }

  /** Resolves when the event is on disk. */
  async post(event: EnvelopeEvent): Promise<void> {
    if (!this.#options.target.events.includes(event.event)) return;
    await writeRecord(this.#path(event.id), event, 'outbox-post');
    this.#enqueue(event.id);
  }

  /** Events that the target does not have yet. */
  get pending(): number {
    return this.#attempts.size;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await Promise.all(this.#running.values());
  }

  get #failedDirectory(): string {
    return join(this.#options.directory, FAILED);
  }

  #path(id: string): string {
    return join(this.#options.directory, `${id}${SUFFIX}`);
  }

  #enqueue(id: string): void {
    if (this.#attempts.has(id)) return;
    this.#attempts.set(id, 0);
    this.#queue.push(id);
    this.#next();
  }

  #next(): void {
    while (this.#running.size < this.#options.target.concurrency && !this.#closing.signal.aborted) {
      const id = this.#queue.shift();
      if (id === undefined) return;
      const running = this.#run(id).finally(() => {
        this.#running.delete(id);
        this.#next();
      });
      this.#running.set(id, running);
    }
  }

  async #run(id: string): Promise<void> {
    const attempts = (this.#attempts.get(id) ?? 0) + 1;
    this.#attempts.set(id, attempts);
    const { target, onResult } = this.#options;
    const { result, detail } = await this.#conclude(id).catch((thrown: unknown): OutboxOutcome => {
      return { result: 'try-again', detail: toSealdropError(thrown, this.#path(id)).message };
    });
    if (this.#closing.signal.aborted && result === 'try-again') return;
    if (result === 'try-again') this.#retryLater(id, attempts);
    else this.#attempts.delete(id);
    onResult({ target: target.name, id, result, detail, attempts });
  }

  /** One attempt, and what it does to the file. */
  async #conclude(id: string): Promise<OutboxOutcome> {
    const event = await readEvent(this.#path(id));
    if (event === null) return this.#giveUp(id, 'its file is not an event');
    const { result, detail } = await this.#options.target.send(event, this.#closing.signal);
    if (result === 'rejected') return this.#giveUp(id, detail);
    if (result === 'sent') {
      await removeFile(this.#path(id), 'outbox-drop');
      return { result, detail };
    }
    const expired = Date.now() - Date.parse(event.time) > this.#options.giveUpAfter;
    return expired && !this.#closing.signal.aborted ? this.#giveUp(id, detail) : { result, detail };
  }

  async #giveUp(id: string, detail: string): Promise<OutboxOutcome> {
    await unlessErrno(['ENOENT'], () =>
      moveDurably(this.#path(id), join(this.#failedDirectory, `${id}${SUFFIX}`), 'outbox-failed'),
    );
    const names = (await readdir(this.#failedDirectory)).sort();
    for (const name of names.slice(0, -MOST_FAILED)) await removeFile(join(this.#failedDirectory, name), 'outbox-drop');
    return { result: 'given-up', detail };
  }

  #retryLater(id: string, failures: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(id);
      this.#queue.push(id);
      this.#next();
    }, this.#options.retryDelay(failures));
    timer.unref();
    this.#timers.set(id, timer);
  }
}

type OutboxOutcome = Pick<OutboxResult, 'result' | 'detail'>;

/** Null for what is no event. */
async function readEvent(path: string): Promise<EnvelopeEvent | null> {
  const json = await unlessErrno(['ENOENT'], () => readFile(path, 'utf8'));
  try {
    return envelopeEventSchema.parse(JSON.parse(json ?? ''));
  } catch {
    return null;
  }
}
