/** A payload that was appended to itself: CBC decrypts it without an error, to the plaintext and as much garbage. */
import { open } from 'node:fs/promises';
import { toSealdropError } from '../errors.ts';
import { MAGIC } from '../openssl/header.ts';

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
