/** What to try, likely things first: each deviation from what is stated alone, then two at a time, then three. */
import { findCipher } from '../openssl/ciphers.ts';
import type { CipherName } from '../openssl/ciphers.ts';
import type { EncParameters, KeyDerivation, PassphraseRule } from '../openssl/parameters.ts';
import type { KeyFileReading } from './key-file-readings.ts';
import type { PayloadVariant } from './payload-variants.ts';

export interface ReadPassphrase {
  readonly reading: KeyFileReading;
  readonly rule: PassphraseRule;
  readonly passphrase: Buffer;
  /** The look of the key file speaks for this reading. */
  readonly isHabit: boolean;
}

export interface Candidate {
  readonly parameters: EncParameters;
  readonly variant: PayloadVariant;
  readonly secret: ReadPassphrase;
}

export interface CandidateSource {
  readonly stated: EncParameters;
  /** The stated reading first. */
  readonly secrets: readonly ReadPassphrase[];
  /** The stated reading first. */
  readonly variants: readonly PayloadVariant[];
}

type Derivation = Exclude<KeyDerivation, { readonly method: 'raw-key' }>;

const pbkdf2 = (digest: string, iterations: number): Derivation => ({ method: 'pbkdf2', digest, iterations });
const bytesToKey = (digest: string): Derivation => ({ method: 'evp-bytes-to-key', digest });

/** The default of each openssl: `-pbkdf2`; neither flag from 1.1.0 on; neither flag before. Then what `-md` is mostly set to. */
const USUAL_DERIVATIONS: readonly Derivation[] = [
  pbkdf2('sha256', 10_000),
  bytesToKey('sha256'),
  bytesToKey('md5'),
  bytesToKey('sha1'),
  bytesToKey('sha512'),
];

const ITERATIONS: readonly number[] = [
  1000, 100_000, 1, 1024, 2000, 2048, 4096, 5000, 20_000, 50_000, 65_536, 200_000, 210_000, 250_000, 310_000, 500_000,
  600_000, 1_000_000,
];
const OTHER_DIGESTS: readonly string[] = ['sha512', 'sha1', 'sha384', 'md5'];
const USUAL_ITERATIONS: readonly number[] = [10_000, 100_000, 1000];

/** Cheap ones before dear ones. */
const OTHER_DERIVATIONS: readonly Derivation[] = [
  bytesToKey('sha384'),
  ...ITERATIONS.map((iterations) => pbkdf2('sha256', iterations)),
  pbkdf2('sha512', 210_000),
  ...OTHER_DIGESTS.flatMap((digest) => USUAL_ITERATIONS.map((iterations) => pbkdf2(digest, iterations))),
].toSorted((one, other) => iterationsOf(one) - iterationsOf(other));

/** Iterations up to which a derivation is tried with a key file that looks changed before dearer ones are tried at all. */
const CHEAP_ITERATIONS = 100_000;

function iterationsOf(derivation: KeyDerivation): number {
  return derivation.method === 'pbkdf2' ? derivation.iterations : 0;
}

const USUAL_CIPHERS: readonly CipherName[] = [
  'aes-256-cbc',
  'aes-128-cbc',
  'aes-192-cbc',
  'aes-256-ctr',
  'des-ede3-cbc',
];

const OTHER_CIPHERS: readonly CipherName[] = [
  'aes-128-ctr',
  'aes-256-cfb',
  'aes-256-ofb',
  'aes-256-ecb',
  'aes-128-cfb',
  'aes-128-ofb',
  'aes-128-ecb',
  'aes-192-ctr',
  'chacha20',
  'camellia-256-cbc',
  'camellia-128-cbc',
  'aria-256-cbc',
  'sm4-cbc',
];

/** One thing of each dimension; the first of each is what is stated. */
interface Choice {
  readonly secret: number;
  readonly derivation: number;
  readonly cipher: number;
}

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: Math.max(to - from, 0) }, (_, index) => from + index);

interface Dimensions {
  readonly secrets: readonly ReadPassphrase[];
  readonly derivations: readonly KeyDerivation[];
  readonly usualDerivations: number;
  readonly ciphers: readonly CipherName[];
  readonly usualCiphers: number;
}

function withoutRepetition<Value>(values: readonly Value[]): readonly Value[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

function dimensionsOf({ stated, secrets }: CandidateSource): Dimensions {
  const usualDerivations = withoutRepetition([stated.keyDerivation, ...USUAL_DERIVATIONS]);
  const usualCiphers = withoutRepetition([stated.cipher, ...USUAL_CIPHERS]);
  // A raw key is no passphrase: nothing of it can be varied.
  if (stated.keyDerivation.method === 'raw-key') {
    const derivations = [stated.keyDerivation];
    return {
      secrets: secrets.slice(0, 1),
      derivations,
      usualDerivations: 1,
      ciphers: [stated.cipher],
      usualCiphers: 1,
    };
  }
  return {
    secrets,
    derivations: withoutRepetition([...usualDerivations, ...OTHER_DERIVATIONS]),
    usualDerivations: usualDerivations.length,
    ciphers: withoutRepetition([...usualCiphers, ...OTHER_CIPHERS]),
    usualCiphers: usualCiphers.length,
  };
}

type Numbers = readonly number[];

function* combine(secrets: Numbers, derivations: Numbers, ciphers: Numbers): Generator<Choice> {
  for (const derivation of derivations) {
    for (const secret of secrets) {
      for (const cipher of ciphers) yield { secret, derivation, cipher };
    }
  }
}

const STATED: Numbers = [0];

function* choices(dimensions: Dimensions): Generator<Choice> {
  const secrets = range(1, dimensions.secrets.length);
  const usual = range(1, dimensions.usualDerivations);
  const others = range(dimensions.usualDerivations, dimensions.derivations.length);
  const ciphers = range(1, dimensions.ciphers.length);
  const usualCiphers = range(1, dimensions.usualCiphers);
  const otherCiphers = range(dimensions.usualCiphers, dimensions.ciphers.length);
  const habits = secrets.filter((secret) => dimensions.secrets[secret]?.isHabit);
  const rest = secrets.filter((secret) => !habits.includes(secret));
  const isCheap = (index: number) => {
    const derivation = dimensions.derivations[index];
    return derivation !== undefined && iterationsOf(derivation) <= CHEAP_ITERATIONS;
  };
  yield* combine(STATED, STATED, STATED);
  yield* combine(secrets, STATED, STATED);
  yield* combine(STATED, usual, STATED);
  yield* combine(STATED, STATED, ciphers);
  yield* combine(STATED, usual, ciphers);
  yield* combine(secrets, usual, STATED);
  yield* combine(secrets, STATED, ciphers);
  for (const derivations of [others.filter(isCheap), others.filter((derivation) => !isCheap(derivation))]) {
    yield* combine(STATED, derivations, [...STATED, ...usualCiphers]);
    yield* combine(habits, derivations, [...STATED, ...usualCiphers]);
  }
  yield* combine(secrets, usual, usualCiphers);
  yield* combine(STATED, others, otherCiphers);
  yield* combine(rest, others, STATED);
  yield* combine(secrets, usual, otherCiphers);
}

/** A salt of another length than 8 goes with PBKDF2 only; an IV that was given goes with the cipher it was given for. */
function parametersOf(
  stated: EncParameters,
  {
    cipher,
    derivation,
    variant,
    rule,
  }: {
    cipher: CipherName;
    derivation: KeyDerivation;
    variant: PayloadVariant;
    rule: PassphraseRule;
  },
): EncParameters | null {
  const { salt, armor } = variant;
  if (derivation.method === 'evp-bytes-to-key' && salt.kind === 'header' && salt.length !== 8) return null;
  if (stated.iv !== null && findCipher(cipher).ivLength !== stated.iv.length) return null;
  return { ...stated, cipher, keyDerivation: derivation, salt, armor, passphraseRule: rule };
}

/** All candidates in the order in which they are to be tried; those that differ in the reading of the payload only go together. */
export function* candidatesFor(source: CandidateSource): Generator<readonly Candidate[]> {
  const dimensions = dimensionsOf(source);
  for (const choice of choices(dimensions)) {
    const secret = dimensions.secrets[choice.secret];
    const derivation = dimensions.derivations[choice.derivation];
    const cipher = dimensions.ciphers[choice.cipher];
    if (secret === undefined || derivation === undefined || cipher === undefined) continue;
    yield source.variants.flatMap((variant) => {
      const parameters = parametersOf(source.stated, { cipher, derivation, variant, rule: secret.rule });
      return parameters === null ? [] : [{ parameters, variant, secret }];
    });
  }
}
