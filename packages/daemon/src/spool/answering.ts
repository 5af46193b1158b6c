import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SealdropError } from '@sealdrop/core';
import { IN_POOL } from './file-calls.ts';
import { askOf, note } from './nearness.ts';

/** ms in which a file system has to answer. One mounted hard from a server that is down never does (nfs(5)), and each question holds a thread until it does. */
const PATIENCE = 5000;

/** Paths of which the last question is still open. */
const open = new Set<string>();

export const SILENT: unique symbol = Symbol('silent');

/**
 * The answer to `ask`, which must change nothing: it may come when nobody waits for it any more. Of a path that does not answer nothing further is asked until it does.
 */
export async function askSoon<T>(path: string, ask: () => Promise<T>): Promise<T | typeof SILENT> {
  if (open.has(path)) return SILENT;
  const enough = new AbortController();
  const answer = ask();
  const late: Promise<typeof SILENT> = delay(PATIENCE, SILENT, { signal: enough.signal }).then(
    () => SILENT,
    () => SILENT,
  );
  try {
    const first = await Promise.race([answer, late]);
    if (first === SILENT) rememberOpen(path, answer);
    return first;
  } finally {
    enough.abort();
  }
}

function rememberOpen(path: string, answer: Promise<unknown>): void {
  open.add(path);
  const forget = (): boolean => open.delete(path);
  answer.then(forget, forget);
}

/** Whether some thread waits for an answer: it outlasts `process.exit`. */
export function isAnyOpen(): boolean {
  return open.size > 0;
}

/** Whether a directory does not answer; that it is not there is an answer. */
export async function isSilent(directory: string): Promise<boolean> {
  return (await askSoon(directory, () => IN_POOL.inspect(join(directory, '.')).catch(() => null))) === SILENT;
}

/** ms for which an answer holds: many envelopes go to one directory. */
const FRESH = 20;
/** When each delivery directory last answered: monotonic, ms. */
const answered = new Map<string, number>();

/** The same of a delivery directory, which says with its answer how near it is. One that is silent is far. */
export async function isDeliverySilent(directory: string): Promise<boolean> {
  if (performance.now() - (answered.get(directory) ?? -Infinity) < FRESH) return false;
  const answer = await askSoon(directory, () => askOf(directory));
  if (answer === SILENT) note(directory, 'far');
  else answered.set(directory, performance.now());
  return answer === SILENT;
}

export function doesNotAnswer(path: string): SealdropError {
  return new SealdropError('io-error', `${path}: its file system does not answer`, {
    hint: 'Is the server down that it is mounted from? It goes on by itself when it answers, or is unmounted.',
  });
}
