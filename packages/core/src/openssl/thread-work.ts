/** What jobs on several threads have in common: keys in shared memory, one end, one measure of progress. */
import { SealdropError } from '../errors.ts';
import { checkParameters } from './check-parameters.ts';
import { deriveKey, toNodeIv } from './key-derivation.ts';
import { type DigestRequest, NO_DIGESTS } from './payload-digests.ts';
import type { PayloadOptions } from './payload-stream.ts';
import type { KeyedCipher } from './payload-transform.ts';
import { type Control, stop, Stopped } from './control.ts';
import { shareSecret } from './shared-bytes.ts';
import type { PoolWorker } from './worker-pool.ts';

export interface Keys {
  readonly keyed: KeyedCipher;
  readonly digests: DigestRequest;
}

/** Derives the key and zeroes it after the work. */
export async function withKeys<Result>(
  options: PayloadOptions & { readonly digests?: DigestRequest | undefined },
  salt: Uint8Array | null,
  work: (keys: Keys) => Promise<Result>,
): Promise<Result> {
  const { parameters, secret, maximumIterations, digests = NO_DIGESTS } = options;
  const cipher = checkParameters(parameters);
  const derived = await deriveKey(parameters, { secret, salt, maximumIterations });
  const nodeIv = toNodeIv(cipher, derived.iv);
  const key = shareSecret(derived.key);
  const iv = nodeIv === null ? null : shareSecret(nodeIv);
  const hmacKey = digests.hmacKey === null ? null : shareSecret(digests.hmacKey);
  try {
    return await work({ keyed: { cipher, key, iv }, digests: { ...digests, hmacKey } });
  } finally {
    for (const bytes of [derived.key, derived.iv, nodeIv, key, iv, hmacKey]) bytes?.fill(0);
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new SealdropError('cancelled', 'interrupted', { cause: signal.reason });
}

/** Waits for jobs that need each other. The first failure or the signal ends them all, and all have ended when this settles. */
export async function together<Results extends readonly unknown[]>(
  control: Control,
  signal: AbortSignal | undefined,
  jobs: { readonly [Index in keyof Results]: Promise<Results[Index]> },
): Promise<Results> {
  const end = (): void => stop(control);
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted === true) end();
  try {
    const results = await Promise.all(jobs);
    throwIfAborted(signal);
    return results;
  } catch (error) {
    end();
    await Promise.allSettled(jobs);
    if (error instanceof Stopped) throwIfAborted(signal);
    throw error;
  } finally {
    signal?.removeEventListener('abort', end);
  }
}

/** Adds up what several threads report. */
export function summing(onProgress: (bytes: number) => void): (bytes: number) => void {
  let total = 0;
  return (bytes) => onProgress((total += bytes));
}

export function pair(workers: readonly PoolWorker[]): readonly [PoolWorker, PoolWorker] {
  const [first, second] = workers;
  if (first === undefined || second === undefined) throw new SealdropError('internal', 'two threads are needed');
  return [first, second];
}
