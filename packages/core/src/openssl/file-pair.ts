/** The two ends of work from file to file: an input that exists and an output that does not, until it is whole. */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { toSealdropError } from '../errors.ts';
import type { OpenFile } from './file-bytes.ts';

export interface InputFile extends OpenFile {
  /** Bytes, when it was opened. */
  readonly size: number;
  /** Up to so many bytes from `position` on. */
  read(length: number, position: number): Promise<Buffer>;
}

async function readUpTo(handle: FileHandle, length: number, position: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** @throws SealdropError that names the file; whatever `work` throws */
export async function withInputFile<Result>(
  path: string,
  work: (input: InputFile) => Promise<Result>,
): Promise<Result> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw toSealdropError(error, path);
  });
  try {
    const { size } = await handle.stat();
    const read = (length: number, position: number): Promise<Buffer> => readUpTo(handle, length, position);
    return await work({ descriptor: handle.fd, name: path, size, read });
  } catch (error) {
    throw toSealdropError(error, path);
  } finally {
    await handle.close();
  }
}

/**
 * Makes a new file for `work` to fill, and fsyncs it. When anything fails, the file is gone.
 * @throws SealdropError `already-exists` when there is one of that name, which is left alone; others that name the file; whatever `work` throws
 */
export async function withOutputFile<Result>(
  { path, mode }: { readonly path: string; readonly mode: number },
  work: (output: OpenFile) => Promise<Result>,
): Promise<Result> {
  const handle = await open(path, 'wx', mode).catch((error: unknown) => {
    throw toSealdropError(error, path);
  });
  try {
    const result = await work({ descriptor: handle.fd, name: path });
    await handle.sync();
    return result;
  } catch (error) {
    await rm(path, { force: true });
    throw toSealdropError(error, path);
  } finally {
    await handle.close();
  }
}
