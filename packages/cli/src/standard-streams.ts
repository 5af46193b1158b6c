import { addAbortSignal } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Standard input as bytes; an interruption ends the waiting for more. */
export function readStandardInput(signal: AbortSignal): AsyncIterable<Buffer> {
  return addAbortSignal(signal, process.stdin) as AsyncIterable<Buffer>;
}

/** Writes to standard output as fast as its reader takes it. */
export async function writeStandardOutput(bytes: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void> {
  await pipeline(bytes, process.stdout, { end: false, signal });
}

/** Waits until what was written to standard output is out. @throws the error that kept it back */
export async function flushStandardOutput(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  process.stdout.write('', (error) => (error ? reject(error) : resolve()));
  await promise;
}
