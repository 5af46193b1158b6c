import { availableParallelism } from 'node:os';

/** PBKDF2 iterations from which a derivation counts as long: some tenths of a second. */
const LONG = 1_000_000;
/** What libuv has without UV_THREADPOOL_SIZE. */
const USUAL_THREADS = 4;

/** So many may go on at the same time; the others wait in the order of their coming. */
class Places {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#take();
    try {
      return await work();
    } finally {
      this.#give();
    }
  }

  async #take(): Promise<void> {
    if (this.#free === 0) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#free -= 1;
  }

  /** It goes to the one that has waited longest. */
  #give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? USUAL_THREADS);
const spare = (Number.isInteger(threads) ? threads : USUAL_THREADS) - 1;
/** On more threads than cores they end no sooner, and take the cores from all else that the process does. */
const cores = availableParallelism();
const places = { short: new Places(cores), long: new Places(Math.max(1, Math.min(spare, cores))) };

/**
 * Runs a derivation in its turn. Short ones never wait for long ones, and long ones are never on all threads of the pool: every file operation of the
 * process needs one too (libuv, "Thread pool work scheduling"), and a sender who asks for the most iterations would bring them to a stand.
 */
export function derive<T>(iterations: number, derivation: () => Promise<T>): Promise<T> {
  return places[iterations < LONG ? 'short' : 'long'].run(derivation);
}
