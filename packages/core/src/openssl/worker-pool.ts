/** The threads of a process for large files: started when first needed, and kept. */
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import type { Transferable, Worker } from 'node:worker_threads';
import { SealdropError, toSealdropError } from '../errors.ts';
import { Stopped } from './control.ts';
import type { FailedJob, Job, JobMessage, JobResults } from './worker-jobs.ts';

/** Beside this file, with the same ending: `.ts` from source, `.js` when built. A bundle needs it beside itself under this name. */
const PROGRAM = new URL(`payload-worker${extname(new URL(import.meta.url).pathname)}`, import.meta.url);

/** MB. A job makes next to no objects; without limits V8 would grow its young generation for them all the same. */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 };

/** What a thread is told when it starts. */
export interface ThreadSettings {
  /** As setpriority(2) has it; null to leave it as it is. */
  readonly priority: number | null;
}

let settings: ThreadSettings = { priority: null };

/**
 * For the threads that this package starts from now on, so call it before anything is opened: how nice they are, from -20 to 19 (setpriority(2)). Without it, and on other
 * systems than Linux, which has a priority for each thread, they are as nice as the process.
 */
export function setThreadPriority(priority: number): void {
  if (process.platform === 'linux') settings = { priority };
}

function toError(failed: FailedJob): Error {
  if (failed.kind === 'stopped') return new Stopped();
  const { code, message, hint, details } = failed;
  return new SealdropError(code, message, { hint, details });
}

export interface RunOptions {
  readonly transfer?: readonly Transferable[] | undefined;
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

interface PendingJob {
  readonly resolve: (result: JobResults[Job['kind']]) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: RunOptions['onProgress'];
}

/** One thread. It keeps the process alive only while it works. */
export class PoolWorker {
  readonly #worker: Worker;
  /** In the order in which the thread does them; all that it says is about the first. */
  readonly #jobs: PendingJob[] = [];
  #isRunning = false;
  #failure: SealdropError | null = null;

  constructor() {
    // Loaded with the first thread: most processes start none.
    const threads = process.getBuiltinModule('node:worker_threads');
    this.#worker = new threads.Worker(PROGRAM, {
      env: threads.SHARE_ENV,
      name: 'sealdrop',
      resourceLimits: RESOURCE_LIMITS,
      workerData: settings,
    });
    this.#worker.on('online', () => (this.#isRunning = true));
    this.#worker.on('message', (message: JobMessage) => this.#heard(message));
    this.#worker.on('error', (error) => (this.#failure ??= toSealdropError(error)));
    this.#worker.on('exit', () => this.#ended());
    // After the listeners: who listens to messages keeps the process alive.
    this.#worker.unref();
  }

  /** To start takes some tens of milliseconds. */
  get isRunning(): boolean {
    return this.#isRunning && !this.hasEnded;
  }

  get hasEnded(): boolean {
    return this.#failure !== null;
  }

  /** The jobs of one thread are done in the order of asking. @throws SealdropError whatever the job throws, or `internal` when the thread ends; `Stopped` */
  async run<Kind extends Job['kind']>(
    job: Extract<Job, { kind: Kind }>,
    { transfer = [], onProgress }: RunOptions = {},
  ): Promise<JobResults[Kind]> {
    if (this.#failure !== null) throw this.#failure;
    this.#worker.postMessage(job, [...transfer]);
    if (this.#jobs.length === 0) this.#worker.ref();
    const { promise, resolve, reject } = Promise.withResolvers<JobResults[Kind]>();
    // The worker answers each job with its own kind of result.
    this.#jobs.push({ resolve: (result) => resolve(result as JobResults[Kind]), reject, onProgress });
    return promise;
  }

  #heard(message: JobMessage): void {
    const [job] = this.#jobs;
    if (message.kind === 'progress') {
      job?.onProgress?.(message.bytes);
      return;
    }
    this.#jobs.shift();
    if (this.#jobs.length === 0) this.#worker.unref();
    if (message.kind === 'done') job?.resolve(message.result);
    else job?.reject(toError(message));
  }

  #ended(): void {
    this.#failure ??= new SealdropError('internal', 'a worker thread has ended');
    for (const { reject } of this.#jobs.splice(0)) reject(this.#failure);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

interface Request {
  readonly minimum: number;
  readonly maximum: number;
  grant(workers: readonly PoolWorker[]): void;
  refuse(reason: unknown): void;
}

export interface LeaseOptions {
  /** Fewer would not do: threads that wait for each other must all be there. */
  readonly minimum: number;
  /** More could not help. */
  readonly maximum: number;
  readonly signal?: AbortSignal | undefined;
}

export class WorkerPool {
  readonly #size: number;
  readonly #idle: PoolWorker[] = [];
  readonly #busy = new Set<PoolWorker>();
  readonly #waiting: Request[] = [];

  /** @param size threads at most; at least 2, so that a reader and a writer can work together */
  constructor(size: number) {
    this.#size = Math.max(2, size);
  }

  /** Whether there are threads, running already, that nobody uses. */
  get hasIdle(): boolean {
    return this.#idle.some(({ isRunning }) => isRunning);
  }

  /** Whether somebody waits for threads. */
  get isWanted(): boolean {
    return this.#waiting.length > 0;
  }

  /** Starts threads that will be needed soon, while there is other work to do. */
  prepare(count: number): void {
    const missing = Math.min(count, this.#size) - this.#busy.size - this.#idle.length;
    for (let started = 0; started < missing; started++) this.#idle.push(new PoolWorker());
  }

  /**
   * Lends threads to `work`, in the order of asking.
   * @throws SealdropError `cancelled` when the signal aborts before there are enough; whatever `work` throws
   */
  async lend<Result>(
    { minimum, maximum, signal }: LeaseOptions,
    work: (workers: readonly PoolWorker[]) => Promise<Result>,
  ): Promise<Result> {
    const { promise, resolve: grant, reject } = Promise.withResolvers<readonly PoolWorker[]>();
    const request: Request = { minimum, maximum, grant, refuse: reject };
    const onAbort = (): void => {
      const place = this.#waiting.indexOf(request);
      if (place !== -1) this.#waiting.splice(place, 1);
      reject(new SealdropError('cancelled', 'interrupted', { cause: signal?.reason }));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiting.push(request);
    if (signal?.aborted === true) onAbort();
    this.#grantNext();
    const workers = await promise.finally(() => signal?.removeEventListener('abort', onAbort));
    try {
      return await work(workers);
    } finally {
      this.#takeBack(workers);
    }
  }

  /** Ends all threads: work that is under way fails with `internal`. */
  async end(): Promise<void> {
    await Promise.all([...this.#idle.splice(0), ...this.#busy].map((worker) => worker.end()));
  }

  #grantNext(): void {
    for (let request = this.#waiting[0]; request !== undefined; request = this.#waiting[0]) {
      const free = this.#size - this.#busy.size;
      if (free < request.minimum) return;
      this.#waiting.shift();
      try {
        request.grant(this.#take(Math.min(request.maximum, free)));
      } catch (error) {
        request.refuse(error);
      }
    }
  }

  #take(count: number): readonly PoolWorker[] {
    // Those that are missing are started at first: what cannot be started then costs none of the idle ones.
    this.prepare(this.#busy.size + count);
    const workers = Array.from({ length: count }, () => this.#idleWorker() ?? new PoolWorker());
    for (const worker of workers) this.#busy.add(worker);
    return workers;
  }

  #idleWorker(): PoolWorker | undefined {
    for (let worker = this.#idle.pop(); worker !== undefined; worker = this.#idle.pop()) {
      if (!worker.hasEnded) return worker;
    }
    return undefined;
  }

  #takeBack(workers: readonly PoolWorker[]): void {
    for (const worker of workers) this.#busy.delete(worker);
    this.#idle.push(...workers.filter((worker) => !worker.hasEnded));
    this.#grantNext();
  }
}

let shared: WorkerPool | undefined;

/** The pool of this process: as many threads as there are cores. */
export function sharedWorkerPool(): WorkerPool {
  shared ??= new WorkerPool(availableParallelism());
  return shared;
}
