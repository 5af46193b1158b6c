/** The ways in which the bytes of a payload file may be read: base64 or binary, with which salt, with or without what was added on the way. */
import { toSealdropError } from '../errors.ts';
import type { SealdropError } from '../errors.ts';
import { DEFAULT_SALT_LENGTH, MAXIMUM_SALT_LENGTH } from '../openssl/check-parameters.ts';
import { findCipher } from '../openssl/ciphers.ts';
import { ARMORED_MAGIC, formatHeader, MAGIC, readAsText } from '../openssl/header.ts';
import type { EncParameters, Salt } from '../openssl/parameters.ts';
import { findRepetition } from './ciphertext-repetition.ts';
import { cutSample, sampleArmored } from './payload-sample.ts';
import type { PayloadSample } from './payload-sample.ts';

export type PayloadReading = 'as-sent' | 'without-line-end';

/** What was undone to look behind a damage; that cannot be relied on for a repair. */
export type PayloadDamage = 'none' | 'text-mode-transfer' | 'damaged-header';

export interface PayloadVariant {
  readonly reading: PayloadReading;
  readonly damage: PayloadDamage;
  readonly armor: EncParameters['armor'];
  readonly salt: Salt;
  readonly saltBytes: Uint8Array | null;
  /** Without the header; its beginning ends where it repeats itself, since that is no evidence. */
  readonly ciphertext: PayloadSample;
  /** Bytes of ciphertext; null when it does not repeat itself as far as is looked. */
  readonly repeatsAfter: number | null;
}

export interface PayloadVariants {
  readonly variants: readonly PayloadVariant[];
  /** Why the base64 text cannot be read; null when it can, or is none. */
  readonly armorFault: SealdropError | null;
}

interface Form {
  readonly reading: PayloadReading;
  readonly damage: PayloadDamage;
  readonly armor: EncParameters['armor'];
  readonly sample: PayloadSample;
}

const LF = 0x0a;
const CR = 0x0d;
/** Lines of other base64 programs have up to 76 characters. */
const LONGEST_LINE = 76;
/** Bits of `Salted__` that may be damaged for it to be recognised all the same: of 64 random bits, so few differ once in 2^32 times. */
const DAMAGED_BITS = 8;

function beginsWithMagic({ beginning }: PayloadSample): boolean {
  return beginning.subarray(0, MAGIC.length).equals(MAGIC);
}

/** By the look of the text, unless it is stated. */
export function armorOf(text: string, stated: EncParameters['armor']): 'lines' | 'one-line' {
  if (stated !== 'none') return stated;
  const [firstLine = ''] = text.split(/[\r\n]/, 1);
  return firstLine.length > LONGEST_LINE ? 'one-line' : 'lines';
}

export interface VariantOptions {
  readonly path: string;
  readonly stated: EncParameters;
  readonly signal: AbortSignal | undefined;
}

/** Every reading of the payload that is worth a try; the stated one first, unless the payload itself tells of another. */
export async function payloadVariants(raw: PayloadSample, options: VariantOptions): Promise<PayloadVariants> {
  const { stated } = options;
  const text = readAsText(raw.beginning);
  const isArmored = text.startsWith(ARMORED_MAGIC);
  const binary = binaryForms(raw);
  if (beginsWithMagic(raw) || (stated.armor === 'none' && !isArmored && !/^[A-Za-z0-9+/=\s]+$/.test(text))) {
    return { variants: binary.flatMap((form) => withSalts(form, stated)), armorFault: null };
  }
  const armored = await armoredForms(options, armorOf(text, stated.armor));
  const forms = isArmored || stated.armor !== 'none' ? [...armored.forms, ...binary] : [...binary, ...armored.forms];
  return { variants: forms.flatMap((form) => withSalts(form, stated)), armorFault: armored.fault };
}

async function armoredForms(
  { path, signal }: VariantOptions,
  armor: 'lines' | 'one-line',
): Promise<{ readonly forms: readonly Form[]; readonly fault: SealdropError | null }> {
  try {
    const sample = await sampleArmored(path, signal);
    const form: Form = { reading: 'as-sent', damage: 'none', armor, sample };
    return { forms: [form, ...damagedHeader(form)], fault: null };
  } catch (error) {
    const fault = toSealdropError(error, path);
    if (fault.blame !== 'sender') throw fault;
    return { forms: [], fault };
  }
}

function binaryForms(sample: PayloadSample): readonly Form[] {
  const form: Form = { reading: 'as-sent', damage: 'none', armor: 'none', sample };
  const others = [form, ...withoutLineEnd(form), ...damagedHeader(form)];
  // The part before the first line feed is whole and would be evidence enough for the payload as it was sent.
  return isTellingTextMode(sample) ? [...beforeTextMode(form), ...others] : [...others, ...beforeTextMode(form)];
}

/** How many line feeds, all of them behind a CR, are no chance: in random bytes so many are found once in 2^32 times. */
const TELLING_LINE_ENDS = 4;

function lineEndsOf({ beginning }: PayloadSample): { readonly all: number; readonly behindCr: number } {
  const text = beginning.toString('latin1');
  return { all: text.split('\n').length - 1, behindCr: text.split('\r\n').length - 1 };
}

function isTellingTextMode(sample: PayloadSample): boolean {
  const { all, behindCr } = lineEndsOf(sample);
  return all >= TELLING_LINE_ENDS && all === behindCr;
}

function withoutLineEnd(form: Form): readonly Form[] {
  const { sample, armor, damage } = form;
  if (sample.end.at(-1) !== LF) return [];
  const excess = sample.end.at(-2) === CR ? [1, 2] : [1];
  return excess.map((bytes) => ({ reading: 'without-line-end', damage, armor, sample: cutSample(sample, bytes) }));
}

function differingBits(one: Uint8Array, other: Uint8Array): number {
  let bits = 0;
  for (let index = 0; index < one.length; index++) {
    for (let rest = (one[index] ?? 0) ^ (other[index] ?? 0); rest > 0; rest >>= 1) bits += rest & 1;
  }
  return bits;
}

function damagedHeader(form: Form): readonly Form[] {
  const { beginning } = form.sample;
  const differing = differingBits(MAGIC, beginning.subarray(0, MAGIC.length));
  if (beginning.length < MAGIC.length || differing === 0 || differing > DAMAGED_BITS) return [];
  const mended = Buffer.concat([MAGIC, beginning.subarray(MAGIC.length)]);
  return [{ ...form, damage: 'damaged-header', sample: { ...form.sample, beginning: mended } }];
}

/** A transfer in text mode to Windows puts a CR before every LF: where no LF is without one, it can be looked behind. */
function beforeTextMode(form: Form): readonly Form[] {
  const { all, behindCr } = lineEndsOf(form.sample);
  if (all === 0 || behindCr !== all) return [];
  const undo = (bytes: Buffer) => Buffer.from(bytes.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
  const beginning = undo(form.sample.beginning);
  const isWhole = form.sample.beginning.length === form.sample.size;
  // Of a longer payload, the size before the damage is not known: its padding cannot be found.
  const sample = isWhole
    ? { size: beginning.length, beginning, end: beginning.subarray(-form.sample.end.length) }
    : { size: form.sample.size, beginning, end: Buffer.alloc(0) };
  return [{ ...form, damage: 'text-mode-transfer', sample }];
}

function beforeRepetition(ciphertext: PayloadSample): Pick<PayloadVariant, 'ciphertext' | 'repeatsAfter'> {
  const { beginning } = ciphertext;
  const repeatsAfter = findRepetition(beginning);
  const kept = beginning.subarray(0, repeatsAfter ?? beginning.length);
  return { ciphertext: { ...ciphertext, beginning: kept }, repeatsAfter };
}

function headerVariant(form: Form, length: number): readonly PayloadVariant[] {
  const headerLength = formatHeader(new Uint8Array(length)).length;
  const { beginning, size, end } = form.sample;
  if (size < headerLength) return [];
  const ciphertextSize = size - headerLength;
  const ciphertext = {
    size: ciphertextSize,
    beginning: beginning.subarray(headerLength),
    end: end.subarray(-Math.min(end.length, ciphertextSize), end.length),
  };
  const saltBytes = beginning.subarray(MAGIC.length, headerLength);
  const { reading, damage, armor } = form;
  return [{ reading, damage, armor, salt: { kind: 'header', length }, saltBytes, ...beforeRepetition(ciphertext) }];
}

/** In whole blocks after the header there is room for one length of the salt only. */
function saltLengths({ size }: PayloadSample, stated: EncParameters): readonly number[] {
  const { blockLength } = findCipher(stated.cipher);
  const statedLength = stated.salt.kind === 'header' ? stated.salt.length : DEFAULT_SALT_LENGTH;
  const fitting = (size - MAGIC.length) % blockLength || blockLength;
  const others = blockLength === 1 ? [MAXIMUM_SALT_LENGTH] : [fitting];
  return [...new Set([statedLength, DEFAULT_SALT_LENGTH, ...others])].filter((length) => length <= MAXIMUM_SALT_LENGTH);
}

function withSalts(form: Form, stated: EncParameters): readonly PayloadVariant[] {
  if (stated.keyDerivation.method !== 'raw-key' && beginsWithMagic(form.sample)) {
    return saltLengths(form.sample, stated).flatMap((length) => headerVariant(form, length));
  }
  const salt: Salt = stated.salt.kind === 'given' ? stated.salt : { kind: 'none' };
  const saltBytes = salt.kind === 'given' ? salt.bytes : null;
  const { reading, damage, armor, sample } = form;
  return [{ reading, damage, armor, salt, saltBytes, ...beforeRepetition(sample) }];
}
