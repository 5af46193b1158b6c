import { pbkdf2 } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import type { Derivation } from './derive-job.ts';
import { Lane } from './derivation-lane.ts';
import { sharedWorkerPool, type WorkerPool } from './worker-pool.ts';

/** PBKDF2 iterations from which a derivation counts as long: some tenths of a second. */
const LONG = 1_000_000;
/** What libuv has without UV_THREADPOOL_SIZE. */
const USUAL_THREADS = 4;
/** From here on a large file that needs the threads would wait too long for the derivations that they have. */
const TOO_LONG_FOR_THREADS = 100_000;
/** So many must have come while others waited before threads are started for them: below, that takes longer than it saves. */
const WORTH_THREADS = 32;

const pbkdf2InPool = promisify(pbkdf2);

function deriveInPool({ secret, salt, iterations, length, digest }: Derivation): Promise<Buffer> {
  return pbkdf2InPool(secret, salt, iterations, length, digest);
}

interface Waiting {
  readonly derivation: Derivation;
  readonly done: PromiseWithResolvers<Buffer>;
}

/**
 * Derivations in the order of their coming, a few at a time: on libuv's pool, and where many wait on threads of our own. Each of libuv's sleeps between two derivations, so that Linux
 * finds a core idle and those that could run on the other (docs/performance.md); ours have the next one before they end.
 */
class DerivationQueue {
  /** At the same time. */
  readonly #places: number;
  #pool: WorkerPool | null;
  readonly #waiting: Waiting[] = [];
  #inPool = 0;
  #lanes: readonly Lane[] = [];
  /** Whether threads of our own are asked for, or lent. */
  #borrowing = false;
  #onGivenBack: () => void = () => undefined;
  /** How many came since none waited. */
  #backlog = 0;

  /** @param pool null where none of its threads may be kept so long */
  constructor(places: number, pool: WorkerPool | null) {
    this.#places = places;
    this.#pool = pool;
  }

  run(derivation: Derivation): Promise<Buffer> {
    const done = Promise.withResolvers<Buffer>();
    this.#waiting.push({ derivation, done });
    this.#backlog += 1;
    this.#dispatch();
    return done.promise;
  }

  #dispatch(): void {
    const pool = this.#pool;
    if (pool !== null && this.#worthThreads(pool)) {
      void this.#borrow(pool);
      // They are here in a moment, unless others have them: those may keep them for hours.
      if (!pool.isWanted) return;
    }
    while (this.#waiting.length > 0 && this.#startNext());
    if (this.#lanes.every(({ load }) => load === 0)) this.#giveBack();
    if (this.#waiting.length === 0) this.#backlog = 0;
  }

  /** Threads that are there are used for every one. */
  #worthThreads(pool: WorkerPool): boolean {
    if (this.#waiting.length === 0 || this.#borrowing || pool.isWanted) return false;
    return pool.hasIdle || this.#backlog >= WORTH_THREADS;
  }

  /** @returns whether there was room for it */
  #startNext(): boolean {
    const lane = this.#freeLane();
    if (lane !== undefined) void this.#deriveOn(lane);
    else if (this.#inPool + this.#living < this.#places) void this.#deriveInPool();
    else return false;
    return true;
  }

  /** The one that has least to do. None when a large file needs the threads: they are given back when they are done. */
  #freeLane(): Lane | undefined {
    if (this.#pool?.isWanted === true) return undefined;
    return this.#lanes.filter(({ hasRoom }) => hasRoom).toSorted((one, other) => one.load - other.load)[0];
  }

  get #living(): number {
    return this.#lanes.filter(({ hasEnded }) => !hasEnded).length;
  }

  /** What a thread had when it ended is derived anew. */
  async #deriveOn(lane: Lane): Promise<void> {
    await this.#deriveNext((derivation) =>
      lane.derive(derivation).catch((error: unknown) => {
        if (!lane.hasEnded) throw error;
        return deriveInPool(derivation);
      }),
    );
    this.#dispatch();
  }

  async #deriveInPool(): Promise<void> {
    this.#inPool += 1;
    await this.#deriveNext(deriveInPool);
    this.#inPool -= 1;
    this.#dispatch();
  }

  /** Keeps threads until they have nothing to do. */
  async #borrow(pool: WorkerPool): Promise<void> {
    this.#borrowing = true;
    try {
      await pool.lend({ minimum: 1, maximum: this.#places }, async (workers) => {
        const done = Promise.withResolvers<void>();
        this.#onGivenBack = done.resolve;
        this.#lanes = workers.map((worker) => new Lane(worker));
        this.#dispatch();
        await done.promise;
      });
    } catch {
      // No thread can be started: libuv's pool goes on without, for good.
      this.#pool = null;
    }
    this.#borrowing = false;
    this.#dispatch();
  }

  #giveBack(): void {
    this.#lanes = [];
    this.#onGivenBack();
  }

  /** Never rejects: whoever waits hears of it. */
  async #deriveNext(work: (derivation: Derivation) => Promise<Buffer>): Promise<void> {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    try {
      next.done.resolve(await work(next.derivation));
    } catch (error) {
      next.done.reject(error);
    }
  }
}

const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? USUAL_THREADS);
const spare = (Number.isInteger(threads) ? threads : USUAL_THREADS) - 1;
/** On more threads than cores they end no sooner, and take the cores from all else that the process does. */
const cores = availableParallelism();
const queues = {
  brief: new DerivationQueue(cores, sharedWorkerPool()),
  short: new DerivationQueue(cores, null),
  long: new DerivationQueue(Math.max(1, Math.min(spare, cores)), null),
};

function lengthOf({ iterations }: Derivation): keyof typeof queues {
  if (iterations < TOO_LONG_FOR_THREADS) return 'brief';
  return iterations < LONG ? 'short' : 'long';
}

/**
 * Runs a derivation in its turn. Shorter ones never wait for longer ones, and long ones are never on all threads of the pool: every file operation of the
 * process needs one too (libuv, "Thread pool work scheduling"), and a sender who asks for the most iterations would bring them to a stand.
 * @returns the key's bytes
 */
export function derive(derivation: Derivation): Promise<Buffer> {
  return queues[lengthOf(derivation)].run(derivation);
}
