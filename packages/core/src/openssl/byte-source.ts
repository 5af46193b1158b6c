import { SealdropError } from '../errors.ts';

/** Bytes. Larger pieces are worked off in parts of this size, so that neither memory nor one turn of the event loop grows with them. */
const PIECE_SIZE = 256 * 1024;

/** The same bytes in pieces of bounded size. */
export async function* pieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    for (let start = 0; start < chunk.length; start += PIECE_SIZE) yield chunk.subarray(start, start + PIECE_SIZE);
  }
}

/** Passes chunks on unchanged and shows each to `see`. */
export async function* observe<Chunk>(
  source: AsyncIterable<Chunk>,
  see: (chunk: Chunk) => void,
): AsyncGenerator<Chunk> {
  for await (const chunk of source) {
    see(chunk);
    yield chunk;
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
  const iterator = source[Symbol.asyncIterator]();
  let refuse: (error: SealdropError) => void = () => undefined;
  const onAbort = (): void => refuse(cancelled(signal));
  // A promise for each piece: one for the whole run would keep every piece in memory, as what waits for a promise is let go only when it settles.
  const nextUntilAborted = (): Promise<IteratorResult<Uint8Array>> =>
    new Promise((resolve, reject) => {
      refuse = reject;
      if (signal.aborted) onAbort();
      iterator.next().then(resolve, reject);
    });
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      const next = await nextUntilAborted();
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
