import type { Derivation } from './derive-job.ts';
import { shareBytes } from './shared-bytes.ts';
import type { PoolWorker } from './worker-pool.ts';

/** One is at work, and the next lies ready: a thread that never sleeps keeps its core. */
const AT_A_TIME = 2;
/** Bytes: a passphrase and a key. Longer ones get more. */
const USUAL_MEMORY = 1024;

/** A thread that is lent to the queue. What it is given and gives lies in memory of both, which is zeroed: a copy in a message could not be. */
export class Lane {
  readonly #worker: PoolWorker;
  /** For the derivations that it can still take. */
  readonly #free: Uint8Array[] = Array.from({ length: AT_A_TIME }, () => shareBytes(USUAL_MEMORY));

  constructor(worker: PoolWorker) {
    this.#worker = worker;
  }

  get load(): number {
    return AT_A_TIME - this.#free.length;
  }

  get hasRoom(): boolean {
    return this.#free.length > 0 && !this.#worker.hasEnded;
  }

  /** @throws SealdropError `internal` when the thread ends */
  async derive({ secret, salt, iterations, length, digest }: Derivation): Promise<Buffer> {
    const needed = secret.length + length;
    const usual = this.#free.pop();
    const memory = usual !== undefined && usual.length >= needed ? usual : shareBytes(needed);
    memory.set(secret);
    try {
      const place = { memory, secretLength: secret.length };
      // Of a view, a message copies all of the memory that it looks at.
      const ownSalt = Uint8Array.from(salt);
      await this.#worker.run({ kind: 'derive', ...place, salt: ownSalt, iterations, length, digest });
      return Buffer.from(memory.subarray(secret.length, needed));
    } finally {
      memory.fill(0, 0, needed);
      this.#free.push(memory);
    }
  }
}
