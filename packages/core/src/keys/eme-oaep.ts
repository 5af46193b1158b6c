import { createHash, timingSafeEqual } from 'node:crypto';
import type { OaepHash, OaepParameters } from './oaep-parameters.ts';

function hashOf(name: OaepHash, ...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash(name);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** MGF1 (RFC 8017 appendix B.2.1) XORed onto `target`. */
function unmask(target: Buffer, seed: Uint8Array, name: OaepHash): void {
  const counter = Buffer.alloc(4);
  for (let offset = 0, block = 0; offset < target.length; block += 1) {
    counter.writeUInt32BE(block);
    const mask = hashOf(name, seed, counter);
    for (let index = 0; index < mask.length && offset < target.length; index += 1, offset += 1) {
      target.writeUInt8(target.readUInt8(offset) ^ mask.readUInt8(index), offset);
    }
  }
}

/** 1 when two bytes are equal, else 0, without a branch. */
function equalBytes(left: number, right: number): number {
  return ((left ^ right) - 1) >>> 31;
}

/** Where PS ends in PS || 0x01 || M. The loop always runs to the end, so that its time tells nothing of the padding. */
function findSeparator(padded: Buffer): { readonly index: number; readonly valid: number } {
  let looking = 1;
  let index = 0;
  let bad = 0;
  for (let at = 0; at < padded.length; at += 1) {
    const byte = padded.readUInt8(at);
    const separator = equalBytes(byte, 1);
    index |= at & -(looking & separator);
    bad |= looking & (1 - separator) & (1 - equalBytes(byte, 0));
    looking &= 1 - separator;
  }
  return { index, valid: (1 - looking) & (1 - bad) };
}

/**
 * EME-OAEP decoding (RFC 8017 §7.1.2 step 3), for what OpenSSL can do but Node's API cannot say: an MGF1 hash of its own.
 * All faults give the same answer, since telling them apart is Manger's attack. `encoded` is overwritten.
 * @returns the message, or null when the padding is wrong
 */
export function decodeOaep(encoded: Buffer, oaep: OaepParameters): Buffer | null {
  const labelHash = hashOf(oaep.hash, oaep.label);
  const hashLength = labelHash.length;
  if (encoded.length < 2 * hashLength + 2) return null;
  const seed = encoded.subarray(1, 1 + hashLength);
  const block = encoded.subarray(1 + hashLength);
  unmask(seed, block, oaep.mgf1Hash);
  unmask(block, seed, oaep.mgf1Hash);
  const padded = block.subarray(hashLength);
  const { index, valid } = findSeparator(padded);
  const sameLabel = timingSafeEqual(block.subarray(0, hashLength), labelHash) ? 1 : 0;
  const accepted = valid & sameLabel & equalBytes(encoded.readUInt8(0), 0);
  const message = accepted === 1 ? Buffer.from(padded.subarray(index + 1)) : null;
  encoded.fill(0);
  return message;
}
