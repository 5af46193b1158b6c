/** Where a cipher can begin in the middle of a ciphertext, so that threads share one large file (NIST SP 800-38A §6). */
import type { Cipher } from './ciphers.ts';

/** RFC 8439 §2.3. */
const CHACHA_BLOCK = 64n;
const CHACHA_COUNTER_BITS = 64;

/** Every range but the last is a whole number of these bytes: of the blocks of every cipher, ChaCha20's included. */
export const RANGE_UNIT = 64;

/** Whether decryption can begin at any block. In OFB mode the key stream can only be made from its beginning. */
export function canBeginAnywhere({ mode }: Cipher): boolean {
  return mode !== 'ofb';
}

export interface RangeStart {
  /** Bytes of ciphertext before the range, a multiple of `RANGE_UNIT`. */
  readonly offset: number;
  /** The `ivLength` bytes of ciphertext before the range; not looked at when `offset` is 0 or `needsBytesBefore` says no. */
  readonly before: Uint8Array;
}

/** Whether the IV of a range is ciphertext: in CBC and the CFB modes. */
export function needsBytesBefore({ mode }: Cipher): boolean {
  return mode === 'cbc' || mode === 'cfb' || mode === 'cfb1' || mode === 'cfb8';
}

/** The IV with which a range decrypts as if all before it had been decrypted. */
export function rangeIv(cipher: Cipher, iv: Uint8Array | null, { offset, before }: RangeStart): Uint8Array | null {
  if (iv === null || offset === 0) return iv;
  if (needsBytesBefore(cipher)) return before;
  return cipher.mode === 'ctr' ? counterAfter(iv, offset) : chachaCounterAfter(iv, offset);
}

/** The counter is the whole IV, big-endian, and wraps around (openssl/crypto/modes/ctr128.c). */
function counterAfter(iv: Uint8Array, offset: number): Buffer {
  const blocks = BigInt(offset) / BigInt(iv.length);
  const counter = BigInt.asUintN(iv.length * 8, BigInt(`0x${Buffer.from(iv).toString('hex')}`) + blocks);
  return Buffer.from(counter.toString(16).padStart(iv.length * 2, '0'), 'hex');
}

/** The first half of the IV is the counter, little-endian, 64 bits (`chacha_cipher` in openssl/crypto/evp/e_chacha20_poly1305.c carries). */
function chachaCounterAfter(iv: Uint8Array, offset: number): Buffer {
  const started = Buffer.from(iv);
  const counter = started.readBigUInt64LE() + BigInt(offset) / CHACHA_BLOCK;
  started.writeBigUInt64LE(BigInt.asUintN(CHACHA_COUNTER_BITS, counter));
  return started;
}
