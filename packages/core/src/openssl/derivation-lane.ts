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
  /** For the derivations that it can take. */
  readonly #memories: Uint8Array[] = Array.from({ length: AT_A_TIME }, () => shareBytes(USUAL_MEMORY));
  #load = 0;

  constructor(worker: PoolWorker) {
    this.#worker = worker;
  }

  /** Derivations that it has. */
  get load(): number {
    return this.#load;
  }

  get hasRoom(): boolean {
    return this.#load < AT_A_TIME && !this.hasEnded;
  }

  get hasEnded(): boolean {
    return this.#worker.hasEnded;
  }

  /** @throws SealdropError `internal` when the thread ends */
  async derive({ secret, salt, iterations, length, digest }: Derivation): Promise<Buffer> {
    this.#load += 1;
    const usual = this.#memories.pop();
    const needed = secret.length + length;
    let memory = usual;
    try {
      if (memory === undefined || memory.length < needed) memory = shareBytes(needed);
      memory.set(secret);
      const place = { memory, secretLength: secret.length };
      // Of a view, a message copies all of the memory that it looks at.
      const ownSalt = Uint8Array.from(salt);
      await this.#worker.run({ kind: 'derive', ...place, salt: ownSalt, iterations, length, digest });
      return Buffer.from(memory.subarray(secret.length, needed));
    } finally {
      memory?.fill(0);
      if (usual !== undefined) this.#memories.push(usual);
      this.#load -= 1;
    }
  }
}
