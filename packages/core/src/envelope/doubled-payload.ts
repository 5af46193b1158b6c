/** A payload that was appended to itself: CBC decrypts it without an error, to the plaintext and as much garbage. */
import { SealdropError, toSealdropError } from '../errors.ts';
import { MAGIC } from '../openssl/header.ts';
import { POOLED_FILES } from './envelope-files.ts';
import type { LocatedPayload } from './locate-payload.ts';

/** Bytes of `Salted__` and a salt: two payloads that share them are one. */
const HEADER_SIZE = 16;

/** Whether the second half of a payload file of `size` bytes begins with the same header as the first. */
export async function isAppendedToItself(path: string, size: number, files = POOLED_FILES): Promise<boolean> {
  if (size % 2 !== 0 || size < 2 * HEADER_SIZE) return false;
  try {
    const handle = await files.open(path, 'r');
    try {
      const [first, second] = [Buffer.alloc(HEADER_SIZE), Buffer.alloc(HEADER_SIZE)];
      await handle.read(first, { position: 0 });
      await handle.read(second, { position: size / 2 });
      return first.subarray(0, MAGIC.length).equals(MAGIC) && first.equals(second);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw toSealdropError(error, path);
  }
}

/** A client that resumes an upload that was complete appends the file to itself, and CBC decrypts that without an error. */
export async function refuseDoubledPayload(located: LocatedPayload): Promise<void> {
  const { path, size, files } = located;
  if (path === null || size === null || !(await isAppendedToItself(path, size, files))) return;
  throw new SealdropError('oversized-payload', `${located.name}: the payload was appended to itself`, {
    hint: 'ask the sender to send it again, not to resume an upload that was complete',
  });
}
