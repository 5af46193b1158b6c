/** A payload that was appended to itself: CBC decrypts it without an error, to the plaintext and as much garbage. */
import { open } from 'node:fs/promises';
import { SealdropError, toSealdropError } from '../errors.ts';
import { MAGIC } from '../openssl/header.ts';
import type { LocatedPayload } from './locate-payload.ts';

/** Bytes of `Salted__` and a salt: two payloads that share them are one. */
const HEADER_SIZE = 16;

/** Whether the second half of a payload file of `size` bytes begins with the same header as the first. */
export async function isAppendedToItself(path: string, size: number): Promise<boolean> {
  if (size % 2 !== 0 || size < 2 * HEADER_SIZE) return false;
  try {
    await using handle = await open(path, 'r');
    const first = await handle.read(Buffer.alloc(HEADER_SIZE), { position: 0 });
    const second = await handle.read(Buffer.alloc(HEADER_SIZE), { position: size / 2 });
    return first.buffer.subarray(0, MAGIC.length).equals(MAGIC) && first.buffer.equals(second.buffer);
  } catch (error) {
    throw toSealdropError(error, path);
  }
}

/** A client that resumes an upload that was complete appends the file to itself, and CBC decrypts that without an error. */
export async function refuseDoubledPayload(located: LocatedPayload): Promise<void> {
  const { path, size } = located;
  if (path === null || size === null || !(await isAppendedToItself(path, size))) return;
  throw new SealdropError('oversized-payload', `${located.name}: the payload was appended to itself`, {
    hint: 'ask the sender to send it again, not to resume an upload that was complete',
  });
}
