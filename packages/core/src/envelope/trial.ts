/** One candidate, tried on the beginning and the end of a payload. */
import { createDecipheriv } from 'node:crypto';
import { findCipher } from '../openssl/ciphers.ts';
import type { Cipher } from '../openssl/ciphers.ts';
import { toNodeIv } from '../openssl/key-derivation.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import { secretKey } from '../openssl/secret-key.ts';
import { judgePlaintext, paddingBits } from './evidence.ts';
import type { Appearance } from './evidence.ts';
import type { PayloadSample } from './payload-sample.ts';

export type Padding =
  | { readonly kind: 'valid'; readonly length: number }
  | { readonly kind: 'invalid' }
  /** Not a whole number of blocks: the end is missing, or something was added. */
  | { readonly kind: 'broken-block' }
  /** A mode without padding, or -nopad. */
  | { readonly kind: 'none' };

export interface Trial {
  readonly padding: Padding;
  /** Evidence of the plaintext's beginning and of the padding; -Infinity when the padding is not valid. */
  readonly bits: number;
  /** Evidence of the beginning alone. */
  readonly beginningBits: number;
  /**
   * Evidence of the beginning beyond the first block: in CTR, CFB and OFB mode the first block comes out right in each of them,
   * so that only the rest tells the mode. The same as `beginningBits` in other modes.
   */
  readonly modeBits: number;
  readonly appearance: Appearance;
}

export interface TrialInputs {
  readonly parameters: EncParameters;
  /** Key and IV in one piece, or more. */
  readonly material: Buffer;
  readonly ciphertext: PayloadSample;
  readonly depth: 'quick' | 'full';
}

/** Bytes that show whether a full look is worth while. */
const QUICK_SIZE = 512;
const PROMISING_BITS = 8;
const FEEDBACK_BLOCK = 16;

interface Opened {
  readonly cipher: Cipher;
  readonly key: Buffer;
  readonly iv: Buffer;
}

function decryptPart({ cipher, key, iv }: Opened, ciphertext: Buffer): Buffer {
  const whole = ciphertext.subarray(0, ciphertext.length - (ciphertext.length % cipher.blockLength));
  return createDecipheriv(cipher.nodeName, secretKey(key), toNodeIv(cipher, iv)).setAutoPadding(false).update(whole);
}

/** In CBC mode the IV of the last block is the one before it (NIST SP 800-38A §6.2). */
function judgePadding(opened: Opened, { size, end }: PayloadSample, padding: EncParameters['padding']): Padding {
  const { blockLength } = opened.cipher;
  if (blockLength === 1 || padding === 'none') return { kind: 'none' };
  if (size === 0 || size % blockLength !== 0 || end.length < blockLength) return { kind: 'broken-block' };
  const before = end.subarray(-2 * blockLength, -blockLength);
  const iv = opened.cipher.ivLength === 0 || before.length === 0 ? opened.iv : before;
  return readPadding(decryptPart({ ...opened, iv }, end.subarray(-blockLength)));
}

/** PKCS #7 (RFC 5652 §6.3). */
function readPadding(block: Buffer): Padding {
  const length = block.at(-1) ?? 0;
  const isValid = length >= 1 && length <= block.length && block.subarray(-length).every((byte) => byte === length);
  return isValid ? { kind: 'valid', length } : { kind: 'invalid' };
}

/** The first bytes of the plaintext, without the padding when they reach so far. */
function decryptBeginning(opened: Opened, { beginning, size }: PayloadSample, padding: Padding): Buffer {
  const plaintext = decryptPart(opened, beginning);
  const isWhole = beginning.length === size;
  return isWhole && padding.kind === 'valid' ? plaintext.subarray(0, -padding.length) : plaintext;
}

function bitsOfPadding(padding: Padding, blockLength: number): number {
  if (padding.kind === 'valid') return paddingBits(padding.length, blockLength);
  return padding.kind === 'none' ? 0 : Number.NEGATIVE_INFINITY;
}

function sharesFirstBlock({ mode }: Cipher): boolean {
  return mode === 'ctr' || mode === 'cfb' || mode === 'ofb';
}

export function tryCandidate({ parameters, material, ciphertext, depth }: TrialInputs): Trial {
  const cipher = findCipher(parameters.cipher);
  const { keyLength, ivLength, blockLength } = cipher;
  const iv = parameters.iv === null ? material.subarray(keyLength, keyLength + ivLength) : Buffer.from(parameters.iv);
  const opened = { cipher, key: material.subarray(0, keyLength), iv };
  const padding = judgePadding(opened, ciphertext, parameters.padding);
  const quick = { ...ciphertext, beginning: ciphertext.beginning.subarray(0, QUICK_SIZE) };
  let plaintext = decryptBeginning(opened, quick, padding);
  let evidence = judgePlaintext(plaintext);
  if (depth === 'full' || padding.kind === 'valid' || evidence.bits >= PROMISING_BITS) {
    plaintext = decryptBeginning(opened, ciphertext, padding);
    evidence = judgePlaintext(plaintext);
  }
  const ofPadding = bitsOfPadding(padding, blockLength);
  const { bits: beginningBits, appearance } = evidence;
  const modeBits = sharesFirstBlock(cipher) ? judgePlaintext(plaintext.subarray(FEEDBACK_BLOCK)).bits : beginningBits;
  return { padding, bits: beginningBits + ofPadding, beginningBits, modeBits, appearance };
}
