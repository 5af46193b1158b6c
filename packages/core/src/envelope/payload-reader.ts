/** Reading a payload, from disk (as often as needed) or from a stream (once). */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { toSealdropError } from '../errors.ts';
import { throwIfCancelled } from '../keys/cancellation.ts';
import { releaseMemory } from '../openssl/payload-transform.ts';
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
}

/** The bytes of a file, with read errors that name it. Each chunk is good until the next is asked for: they share one buffer. */
export async function* readFileInChunks(path: string, options: ReadFileOptions = {}): AsyncGenerator<Buffer> {
  try {
    const handle = await open(path, 'r');
    try {
      yield* readToEnd(handle, options);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw toSealdropError(error, path);
  }
}

async function* readToEnd(handle: FileHandle, options: ReadFileOptions): AsyncGenerator<Buffer> {
  const { signal, onProgress, size = READ_SIZE } = options;
  const buffer = Buffer.allocUnsafeSlow(Math.min(READ_SIZE, Math.max(1, size)));
  let total = 0;
  for (;;) {
    throwIfCancelled(signal);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return;
    total += bytesRead;
    onProgress?.(total);
    yield buffer.subarray(0, bytesRead);
  }
}

/** The first and last bytes of a file of `size` bytes. */
export async function readEndsOfFile(path: string, size: number): Promise<PayloadEnds> {
  try {
    const handle = await open(path, 'r');
    try {
      const length = Math.min(PAYLOAD_END_LENGTH, size);
      const beginning = await handle.read(Buffer.alloc(length), 0, length, 0);
      const end = await handle.read(Buffer.alloc(length), 0, length, size - length);
      return {
        beginning: beginning.buffer.subarray(0, beginning.bytesRead),
        end: end.buffer.subarray(0, end.bytesRead),
        size,
      };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw toSealdropError(error, path);
  }
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
export async function writeNewFile(path: string, chunks: AsyncIterable<Uint8Array>, mode: number): Promise<number> {
  const handle = await open(path, 'wx', mode);
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
async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let offset = 0;
  while (offset < chunk.length) {
    const { bytesWritten } = await handle.write(chunk, offset, chunk.length - offset);
    offset += bytesWritten;
  }
}
