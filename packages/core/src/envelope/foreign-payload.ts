/** What a payload is that openssl enc did not write, or that no longer is what it wrote. */
import { gunzipSync, constants } from 'node:zlib';
import { findCipher } from '../openssl/ciphers.ts';
import { ARMORED_MAGIC, MAGIC, readAsText } from '../openssl/header.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import { describeDisguise, describeRecoding } from './disguised-payload.ts';
import { describeAppearance, judgePlaintext, RECOGNISED_BITS } from './evidence.ts';
import { matchSignature } from './file-signatures.ts';
import type { PayloadSample } from './payload-sample.ts';

/** U+FFFD in UTF-8: what a text program puts in the place of bytes that it does not understand. */
const REPLACEMENT = Buffer.from([0xef, 0xbf, 0xbd]);
/** In random bytes it is found once in 16 million places. */
const TELLING_REPLACEMENTS = 3;
const HEADER_SIZE = 16;
/** Bytes. So many zeroes are no ciphertext. */
const RESERVED_SIZE = 16;
const DESTROYED = 'the payload was passed through a program that took it for UTF-8 text, which destroyed it';

function countOf(bytes: Buffer, part: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(part); at !== -1; at = bytes.indexOf(part, at + part.length)) count += 1;
  return count;
}

function isGzippedPayload(beginning: Buffer): boolean {
  try {
    const finishFlush = constants.Z_SYNC_FLUSH;
    return gunzipSync(beginning, { finishFlush, maxOutputLength: 2 ** 20 })
      .subarray(0, MAGIC.length)
      .equals(MAGIC);
  } catch {
    return false;
  }
}

/** Why no key can open what is left of the payload; null when one could. */
export function describeUselessPayload({ size, beginning }: PayloadSample, stated: EncParameters): string | null {
  const { blockLength } = findCipher(stated.cipher);
  const mayBeEmpty = blockLength === 1 && stated.salt.kind !== 'header';
  if (size === 0) return mayBeEmpty ? null : 'the payload is empty';
  if (size >= RESERVED_SIZE && beginning.every((byte) => byte === 0)) return describeZeroes(size, beginning.length);
  if (countOf(beginning, REPLACEMENT) >= TELLING_REPLACEMENTS) return DESTROYED;
  if (beginning.subarray(0, MAGIC.length).equals(MAGIC)) return describeCutHeader(size, blockLength);
  return size < blockLength ? `the payload has ${size} bytes, which is less than one cipher block: it was cut` : null;
}

/** As an upload leaves it that was broken off, of a program that takes the room first and writes later. */
function describeZeroes(size: number, seen: number): string {
  const what = seen < size ? `begins with ${seen} zero bytes` : 'holds nothing but zero bytes';
  return `the payload ${what}: its room was reserved, but it was never written, or not all of it`;
}

function describeCutHeader(size: number, blockLength: number): string | null {
  if (size < HEADER_SIZE) return 'the payload ends inside its header: the upload was cut';
  if (size > HEADER_SIZE || blockLength === 1) return null;
  return 'the payload ends where its ciphertext should begin: the upload was cut';
}

/** What else than a payload of openssl enc it is; null when that does not show. */
export function describeForeignPayload({ beginning }: PayloadSample): string | null {
  return beginning.subarray(0, MAGIC.length).equals(MAGIC) ? describeRecoding(beginning) : describeOther(beginning);
}

function describeOther(beginning: Buffer): string | null {
  if (isGzippedPayload(beginning)) {
    return 'the payload was compressed with gzip after it was encrypted: decompress it first (gunzip), and send payloads as they are';
  }
  // A fault of the base64 text itself tells more.
  if (readAsText(beginning).startsWith(ARMORED_MAGIC)) return null;
  return describeDisguise(beginning) ?? describeBySignature(beginning) ?? describeAsPlain(beginning);
}

function describeBySignature(beginning: Buffer): string | null {
  const signature = matchSignature(beginning);
  if (signature === null || signature.bits < RECOGNISED_BITS) return null;
  if (signature.packs === 'ciphertext') {
    return `the payload is ${signature.name}, which another program than openssl enc made`;
  }
  if (signature.packs !== 'files') return null;
  return `the payload is ${signature.name}: it was packed after it was encrypted, or it was not encrypted, and then whoever saw it could read it`;
}

function describeAsPlain(beginning: Buffer): string | null {
  const { appearance } = judgePlaintext(beginning);
  const isKnown = appearance.kind === 'file' || appearance.kind === 'text' || appearance.kind === 'structured';
  if (!isKnown) return null;
  return `the payload is not encrypted: it is ${describeAppearance(appearance)} as it stands, and whoever saw it could read it`;
}
