/** What repeats itself in a ciphertext, which proves nothing for a key and much against the payload. */

/** Bytes: the half of most ciphers' blocks, and all of the smallest. */
const COMPARED = 8;

/**
 * Bytes of a ciphertext before the first that stood there already; all when none did. Under any key at all, equal blocks of ciphertext decrypt to
 * equal blocks (in CBC and CFB mode to a pattern as well), which would be taken for structure; what openssl enc writes has no equal blocks but
 * in ECB mode: in 64 KiB once in 2^39 times.
 */
export function lengthBeforeRepetition({ buffer, byteOffset, length }: Uint8Array): number {
  const view = new DataView(buffer, byteOffset, length);
  const seen = new Set<bigint>();
  for (let at = 0; at + COMPARED <= length; at += COMPARED) {
    const bytes = view.getBigUint64(at);
    if (seen.has(bytes)) return at;
    seen.add(bytes);
  }
  return length;
}
