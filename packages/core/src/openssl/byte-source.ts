import { SealdropError } from '../errors.ts';

/** Bytes. Larger pieces are worked off in parts of this size, so that neither memory nor one turn of the event loop grows with them. */
const PIECE_SIZE = 256 * 1024;

/** The same bytes in pieces of bounded size. */
export async function* pieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    for (let start = 0; start < chunk.length; start += PIECE_SIZE) yield chunk.subarray(start, start + PIECE_SIZE);
  }
}

function cancelled(signal: AbortSignal): SealdropError {
  return new SealdropError('cancelled', 'interrupted', { cause: signal.reason });
}

/** The same pieces until the signal aborts, even while the source keeps one waiting. */
export async function* abortable(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (signal === undefined) {
    yield* source;
    return;
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => undefined);
  const onAbort = (): void => reject(cancelled(signal));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not awaited when aborted: a source that waits for input would keep us here.
    const returned = iterator.return?.();
    if (!signal.aborted) await returned;
    else returned?.catch(() => undefined);
  }
}
