import { availableParallelism } from 'node:os';

/** PBKDF2 iterations from which a derivation counts as long: some tenths of a second. */
const LONG = 1_000_000;
/** What libuv has without UV_THREADPOOL_SIZE. */
const USUAL_THREADS = 4;

const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? USUAL_THREADS);
const spare = (Number.isInteger(threads) ? threads : USUAL_THREADS) - 1;
/** On more threads than cores they end no sooner. */
let places = Math.max(1, Math.min(spare, availableParallelism()));
const waiting: (() => void)[] = [];

/**
 * Runs a derivation, long ones never on all threads of the pool: every file operation of the process needs one too (libuv, "Thread pool work
 * scheduling"), and a sender who asks for the most iterations would bring them to a stand.
 */
export async function derive<T>(iterations: number, derivation: () => Promise<T>): Promise<T> {
  if (iterations < LONG) return derivation();
  await takePlace();
  try {
    return await derivation();
  } finally {
    givePlace();
  }
}

async function takePlace(): Promise<void> {
  if (places > 0) {
    places -= 1;
    return;
  }
  await new Promise<void>((resolve) => {
    waiting.push(resolve);
  });
}

/** It goes to the one that has waited longest. */
function givePlace(): void {
  const next = waiting.shift();
  if (next === undefined) places += 1;
  else next();
}
