/**
 * How far bytes are from noise, in bits that can be added up.
 *
 * Each model is a probability Q over byte strings. Its bits for a string x of n bytes are log2(Q(x) / 2^(-8n)): how many bits shorter Q would
 * code x than noise deserves. Under noise the mean of Q(x) / 2^(-8n) over all x is the sum of Q, at most 1, so by Markov's inequality
 * noise reaches b bits with a chance of at most 2^-b: for every length, without approximation. It is the Bayes factor as well.
 */

const BYTE_VALUES = 256;
const BITS_PER_BYTE = 8;

/** Tab, line feed, carriage return. */
const LINE_CONTROLS: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d]);

/** Share and number of the bytes of each class in text of ASCII and its 8-bit supersets; the shares add up to 1. */
const TEXT_CLASSES: readonly (readonly [share: number, count: number, has: (byte: number) => boolean])[] = [
  [0.12, 1, (byte) => byte === 0x20],
  [0.5, 26, (byte) => byte >= 0x61 && byte <= 0x7a],
  [0.13, 10, (byte) => byte >= 0x30 && byte <= 0x39],
  [0.08, 26, (byte) => byte >= 0x41 && byte <= 0x5a],
  [0.04, 3, (byte) => LINE_CONTROLS.has(byte)],
  [0.06, 32, (byte) => byte > 0x20 && byte < 0x7f],
  [0.05, 128, (byte) => byte >= 0x80],
  [0.02, 30, () => true],
];

const TEXT_GAIN = Float64Array.from({ length: BYTE_VALUES }, (_, byte) => {
  const [share = 0, count = 1] = TEXT_CLASSES.find(([, , has]) => has(byte)) ?? [];
  return BITS_PER_BYTE + Math.log2(share / count);
});

/** Text in ASCII or an 8-bit encoding: each byte for itself, by class. */
export function textBits(bytes: Uint8Array): number {
  let bits = 0;
  for (const byte of bytes) bits += TEXT_GAIN[byte] ?? 0;
  return bits;
}

/** Bits of a character of UTF-8 by its length in bytes: a share for each length, spread over the lead and continuation bytes there are. */
const UTF8_GAIN: readonly number[] = [
  0,
  BITS_PER_BYTE + Math.log2(0.5 / 98),
  2 * BITS_PER_BYTE + Math.log2(0.22 / (30 * 64)),
  3 * BITS_PER_BYTE + Math.log2(0.27 / (16 * 64 ** 2)),
  4 * BITS_PER_BYTE + Math.log2(0.01 / (5 * 64 ** 3)),
];

/** Bytes of the character that begins with this byte; 0 for a control character, and where none can begin. */
function utf8Length(lead: number): number {
  if (lead < 0x20 || lead === 0x7f) return LINE_CONTROLS.has(lead) ? 1 : 0;
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}

/** Text in UTF-8 without a single fault; a character that is cut at the end counts nothing. -Infinity for anything else. */
export function utf8Bits(bytes: Uint8Array): number {
  let bits = 0;
  for (let index = 0; index < bytes.length;) {
    const length = utf8Length(bytes[index] ?? 0);
    const rest = bytes.subarray(index + 1, index + length);
    if (length === 0 || !rest.every((byte) => byte >= 0x80 && byte < 0xc0)) return Number.NEGATIVE_INFINITY;
    if (rest.length < length - 1) break;
    bits += UTF8_GAIN[length] ?? 0;
    index += length;
  }
  return bits;
}

/** Krichevsky and Trofimov's estimator (1981): each byte by how often its value was seen before, with half a sighting in advance. */
export function frequencyBits(bytes: Uint8Array): number {
  const counts = new Float64Array(BYTE_VALUES).fill(0.5);
  let bits = 0;
  let total = BYTE_VALUES / 2;
  for (const byte of bytes) {
    const count = counts[byte] ?? 0;
    bits += BITS_PER_BYTE + Math.log2(count / total);
    counts[byte] = count + 1;
    total += 1;
  }
  return bits;
}

/** Bytes from which on every value is expected five times or more: below, the chi-square approximation is not to be trusted. */
const CHI_SQUARE_MINIMUM = 5 * BYTE_VALUES;

/** Pearson's statistic against equal frequencies of all byte values (255 degrees of freedom); null for too few bytes. */
export function chiSquare(bytes: Uint8Array): number | null {
  if (bytes.length < CHI_SQUARE_MINIMUM) return null;
  const counts = new Uint32Array(BYTE_VALUES);
  for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1;
  const expected = bytes.length / BYTE_VALUES;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/**
 * The same as a number of standard deviations (Wilson and Hilferty 1931: the cube root of chi-square over its degrees of freedom is
 * nearly normal). Noise stays within 5 but once in 2 million times.
 */
export function chiSquareDeviation(statistic: number): number {
  const degrees = BYTE_VALUES - 1;
  const spread = 2 / (9 * degrees);
  return (Math.cbrt(statistic / degrees) - (1 - spread)) / Math.sqrt(spread);
}
