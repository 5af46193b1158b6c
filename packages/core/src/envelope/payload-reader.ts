/** Reading a payload, from disk (as often as needed) or from a stream (once). */
import { toSealdropError } from '../errors.ts';
import { throwIfCancelled } from '../keys/cancellation.ts';
import { releaseMemory } from '../openssl/payload-transform.ts';
import { type EnvelopeFile, type EnvelopeFiles, POOLED_FILES } from './envelope-files.ts';
import { PAYLOAD_END_LENGTH } from '../openssl/payload-tail.ts';
import type { PayloadEnds } from '../openssl/payload-tail.ts';

/** Bytes a read: large enough that the cost of a call does not show, small enough for many envelopes at once. */
const READ_SIZE = 512 * 1024;

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((bytesRead: number) => void) | undefined;
}

export interface ReadFileOptions extends ReadOptions {
  /** Bytes that the file had when it was looked at. Small files then get a small buffer: thousands of large ones keep the garbage collector busy. */
  readonly size?: number | undefined;
  readonly files?: EnvelopeFiles | undefined;
}

/** The bytes of a file, with read errors that name it. Each chunk is good until the next is asked for: they share one buffer. */
export async function* readFileInChunks(path: string, options: ReadFileOptions = {}): AsyncGenerator<Buffer> {
  const { files = POOLED_FILES } = options;
  try {
    const handle = await files.open(path, 'r');
    try {
      yield* readToEnd(handle, options);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw toSealdropError(error, path);
  }
}

async function* readToEnd(handle: EnvelopeFile, options: ReadFileOptions): AsyncGenerator<Buffer> {
  const { signal, onProgress, size = READ_SIZE } = options;
  const buffer = Buffer.allocUnsafeSlow(Math.min(READ_SIZE, Math.max(1, size)));
  let total = 0;
  for (;;) {
    throwIfCancelled(signal);
    const { bytesRead } = await handle.read(buffer, { position: null });
    if (bytesRead === 0) return;
    total += bytesRead;
    onProgress?.(total);
    yield buffer.subarray(0, bytesRead);
  }
}

/** The first and last bytes of a file of `size` bytes. */
export async function readEndsOfFile(path: string, size: number, files = POOLED_FILES): Promise<PayloadEnds> {
  try {
    const handle = await files.open(path, 'r');
    try {
      const length = Math.min(PAYLOAD_END_LENGTH, size);
      const beginning = await readAt(handle, length, 0);
      return { beginning, end: await readAt(handle, length, size - length), size };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw toSealdropError(error, path);
  }
}

async function readAt(handle: EnvelopeFile, length: number, position: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, { position });
  return buffer.subarray(0, bytesRead);
}

/** The same of a stream that is already open. */
export async function* readStreamInChunks(
  source: AsyncIterable<Uint8Array>,
  options: ReadOptions = {},
): AsyncGenerator<Buffer> {
  let bytesRead = 0;
  for await (const chunk of source) {
    throwIfCancelled(options.signal);
    bytesRead += chunk.length;
    options.onProgress?.(bytesRead);
    yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
}

/**
 * Writes all chunks into a new file and fsyncs it. What is written is given up.
 * @returns bytes written
 */
export async function writeNewFile(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  { mode, files = POOLED_FILES }: { readonly mode: number; readonly files?: EnvelopeFiles },
): Promise<number> {
  const handle = await files.open(path, 'wx', mode);
  let size = 0;
  try {
    for await (const chunk of chunks) {
      await writeAll(handle, chunk);
      size += chunk.length;
      releaseMemory(chunk);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return size;
}

/** write(2) may write less than it was given. */
async function writeAll(handle: EnvelopeFile, chunk: Uint8Array): Promise<void> {
  let offset = 0;
  while (offset < chunk.length) {
    const { bytesWritten } = await handle.write(chunk.subarray(offset));
    offset += bytesWritten;
  }
}
