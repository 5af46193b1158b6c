/**
 * How sure it is that a decryption was the right one. Under a wrong key, or with wrong parameters, what comes out is noise: uniform,
 * independent bytes. All evidence is counted in bits: b bits of evidence arise from noise with a chance of at most 2^-b.
 *
 * - **Beginning** (up to 64 KiB): the average of five models (a file signature, text, UTF-8, byte frequencies, and noise itself: 0 bits),
 *   each as in byte-statistics.ts: log2 of the mean of their 2^bits. Averages of such models are such models.
 *   What repeats itself in the ciphertext, and all behind it, is not looked at (ciphertext-repetition.ts).
 * - **Padding**: a length of n out of blocks of k bytes is expected once in k times from a right key and once in 2^8n from noise:
 *   8n - log2 k bits. An invalid padding ends the matter.
 * - Both are independent of each other in noise, so that bits add up.
 * - **Trials**: of N trials the best looks better than one alone. What is stated is given half of the chance of error in advance (1 bit), all
 *   other candidates, at most 4,096, share the other half (13 bits each): by the union bound the figures hold for a whole diagnosis.
 *
 * `certain` is 32 bits, one false alarm in four thousand million diagnoses; `likely` is 10 bits, one in a thousand.
 */
import { chiSquare, chiSquareDeviation, frequencyBits, textBits, utf8Bits } from './byte-statistics.ts';
import { matchSignature, SIGNATURE_COUNT } from './file-signatures.ts';

export type Verdict = 'certain' | 'likely' | 'ambiguous' | 'none';

/** Bytes of the plaintext's beginning that are looked at. */
export const EVIDENCE_SIZE: number = 64 * 1024;

/** The most candidates that one diagnosis may try beside what is stated. */
export const MAXIMUM_CANDIDATES = 4096;

const CERTAIN_BITS = 32;
const LIKELY_BITS = 10;
const STATED_COST = 1;
const CANDIDATE_COST: number = 1 + Math.log2(MAXIMUM_CANDIDATES);

/** Bits from which on a beginning counts as recognised rather than noise: noise gets there once in 65,536 times. */
export const RECOGNISED_BITS = 16;
/** Bytes. A shorter plaintext without a recognised beginning may be a key or a token as well as noise: it is undecided. */
const DECIDABLE_SIZE = 256;
const DEVIATIONS_OF_NOISE = 5;
const OF_NOISE = 0;

export type Appearance =
  | { readonly kind: 'file'; readonly name: string }
  | { readonly kind: 'text' }
  | { readonly kind: 'structured' }
  | { readonly kind: 'empty' }
  /** No file signature, no text, too few bytes to tell. */
  | { readonly kind: 'undecided' }
  /** No file signature, no text, uniform: from a wrong key, or compressed or encrypted data without a signature. */
  | { readonly kind: 'noise' };

export interface PlaintextEvidence {
  /** Noise has at least as many with a chance of at most 2^-bits; never less than -log2 5. */
  readonly bits: number;
  readonly appearance: Appearance;
}

/** log2 of the mean of powers of two. */
function averageBits(bits: readonly number[]): number {
  const largest = Math.max(...bits);
  return largest + Math.log2(bits.reduce((sum, each) => sum + 2 ** (each - largest), 0) / bits.length);
}

/** @param beginning the plaintext's first bytes; those beyond `EVIDENCE_SIZE` are not looked at */
export function judgePlaintext(beginning: Uint8Array): PlaintextEvidence {
  const bytes = beginning.subarray(0, EVIDENCE_SIZE);
  const signature = matchSignature(bytes);
  const ofSignature = signature === null ? Number.NEGATIVE_INFINITY : signature.bits - Math.log2(SIGNATURE_COUNT);
  const ofText = [textBits(bytes), utf8Bits(bytes)];
  const ofFrequencies = frequencyBits(bytes);
  const bits = averageBits([ofSignature, ...ofText, ofFrequencies, OF_NOISE]);
  if (signature !== null && signature.bits >= RECOGNISED_BITS) {
    return { bits, appearance: { kind: 'file', name: signature.name } };
  }
  if (Math.max(...ofText) >= RECOGNISED_BITS) return { bits, appearance: { kind: 'text' } };
  return { bits, appearance: { kind: appearanceOf(bytes, ofFrequencies) } };
}

function appearanceOf(bytes: Uint8Array, ofFrequencies: number): 'structured' | 'empty' | 'undecided' | 'noise' {
  if (bytes.length === 0) return 'empty';
  if (ofFrequencies >= RECOGNISED_BITS) return 'structured';
  if (bytes.length < DECIDABLE_SIZE) return 'undecided';
  const statistic = chiSquare(bytes);
  const isUniform = statistic === null || chiSquareDeviation(statistic) <= DEVIATIONS_OF_NOISE;
  return isUniform ? 'noise' : 'structured';
}

/** @param length of a valid PKCS #7 padding, from 1 to `blockLength` */
export function paddingBits(length: number, blockLength: number): number {
  return 8 * length - Math.log2(blockLength);
}

/** What is left of a candidate's bits after its share in the number of trials. */
export function bitsAfterTrials(bits: number, candidate: 'stated' | 'other'): number {
  return bits - (candidate === 'stated' ? STATED_COST : CANDIDATE_COST);
}

/** @param bits after the cost of the trials */
export function verdictOf(bits: number): Verdict {
  if (bits >= CERTAIN_BITS) return 'certain';
  if (bits >= LIKELY_BITS) return 'likely';
  return bits > 0 ? 'ambiguous' : 'none';
}

/** The odds of a false alarm in words. */
export function describeOdds(bits: number): string {
  if (bits <= 0) return 'no better than chance';
  return bits < LIKELY_BITS ? `1 in ${Math.floor(2 ** bits)}` : `1 in 2^${Math.floor(bits)}`;
}

/** For `it looks like …`. */
export function describeAppearance(appearance: Appearance): string {
  switch (appearance.kind) {
    case 'file':
      return appearance.name;
    case 'text':
      return 'text';
    case 'structured':
      return 'data with a structure';
    case 'empty':
      return 'an empty file';
    case 'undecided':
      return 'a few bytes that say nothing';
    case 'noise':
      return 'noise';
    default:
      return appearance satisfies never;
  }
}
