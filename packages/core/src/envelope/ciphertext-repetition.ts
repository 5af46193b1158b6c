/** What repeats itself in a ciphertext, which proves nothing for a key and much against the payload. */
import { findCipher } from '../openssl/ciphers.ts';
import type { CipherName } from '../openssl/ciphers.ts';

/** Bytes: the half of most ciphers' blocks, and all of the smallest. */
const COMPARED = 8;

/**
 * Bytes of a ciphertext before the first that stood there already; null when none did. Under any key at all, equal blocks of ciphertext decrypt to
 * equal blocks (in CBC and CFB mode to a pattern as well), which would be taken for structure; what openssl enc writes has no equal blocks but
 * in ECB mode: in 64 KiB once in 2^39 times.
 */
export function findRepetition({ buffer, byteOffset, length }: Uint8Array): number | null {
  const view = new DataView(buffer, byteOffset, length);
  const seen = new Set<bigint>();
  for (let at = 0; at + COMPARED <= length; at += COMPARED) {
    const bytes = view.getBigUint64(at);
    if (seen.has(bytes)) return at;
    seen.add(bytes);
  }
  return null;
}

/** Whether a repetition is a damage: in ECB mode it may be the sender's. */
export function isDamage(repeatsAfter: number | null, cipher: CipherName): repeatsAfter is number {
  return repeatsAfter !== null && findCipher(cipher).mode !== 'ecb';
}

/** A clause after the payload's name. */
export function describeRepetition(repeatsAfter: number): string {
  return `repeats itself after ${repeatsAfter} bytes of ciphertext, as openssl enc writes it in ECB mode only: it was damaged, not written to its end, or added to`;
}
