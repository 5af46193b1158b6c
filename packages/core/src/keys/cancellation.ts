import { SealdropError } from '../errors.ts';

/** Whatever the abort's reason is, callers are promised `cancelled`. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new SealdropError('cancelled', 'interrupted', { cause: signal.reason });
}
