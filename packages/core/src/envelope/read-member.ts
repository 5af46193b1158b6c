/** Reading the small members (wrapped key, note, manifest) whole, and asking of a payload what it is. */
import { SealdropError, toSealdropError } from '../errors.ts';
import { type EnvelopeFile, POOLED_FILES } from './envelope-files.ts';

/** Bytes: what most members fit into. */
const USUAL_SIZE = 4096;

/**
 * The bytes of a member, never more than `limit` + 1: enough to see that it is too large, whatever its size.
 * @throws SealdropError `not-found`, `not-permitted`, `hostile-file` for a directory, `io-error`, naming the file
 */
export async function readMember(path: string, limit: number, files = POOLED_FILES): Promise<Buffer> {
  try {
    const handle = await files.open(path, 'r');
    try {
      return await readUpTo(handle, limit + 1);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EISDIR') throw directoryInPlace(path);
    throw toSealdropError(error, path);
  }
}

async function readUpTo(handle: EnvelopeFile, limit: number): Promise<Buffer> {
  let buffer = Buffer.alloc(Math.min(USUAL_SIZE, limit));
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer.subarray(length), { position: null });
    length += bytesRead;
    if (bytesRead === 0 || length === limit) return buffer.subarray(0, length);
    if (length === buffer.length) buffer = Buffer.concat([buffer], Math.min(2 * length, limit));
  }
}

function directoryInPlace(path: string): SealdropError {
  return new SealdropError('hostile-file', `${path}: is a directory, not a file`);
}

/**
 * Bytes of a regular file; null for a pipe or device, which can be read only once.
 * @throws SealdropError `not-found`, `not-permitted`, `hostile-file` for a directory, naming the file
 */
export async function payloadSizeOnDisk(path: string, files = POOLED_FILES): Promise<number | null> {
  try {
    const status = await files.stat(path);
    if (status.isDirectory()) throw directoryInPlace(path);
    return status.isFile() ? status.size : null;
  } catch (error) {
    throw toSealdropError(error, path);
  }
}
