import { addAbortSignal } from 'node:stream';

/** Standard input as bytes, each piece good until the next is asked for; an interruption ends the waiting for more. */
export async function* readStandardInput(signal: AbortSignal): AsyncGenerator<Buffer> {
  const { releaseMemory } = await import('@sealdrop/core');
  for await (const piece of addAbortSignal(signal, process.stdin) as AsyncIterable<Buffer>) {
    yield piece;
    releaseMemory(piece);
  }
}

function write(piece: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  process.stdout.write(piece, (error) => (error ? reject(error) : resolve()));
  return promise;
}

/**
 * Writes to standard output as fast as its reader takes it.
 * @param bytes plaintext as core gives it: what is written is given up
 */
export async function writeStandardOutput(bytes: AsyncIterable<Buffer>): Promise<void> {
  const { releaseMemory } = await import('@sealdrop/core');
  for await (const piece of bytes) {
    await write(piece);
    releaseMemory(piece);
  }
}

/** Waits until what was written to standard output is out. @throws the error that kept it back */
export async function flushStandardOutput(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  process.stdout.write('', (error) => (error ? reject(error) : resolve()));
  await promise;
}
