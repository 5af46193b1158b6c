import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CIPHER_NAMES,
  DEFAULT_PARAMETERS,
  DIGEST_NAMES,
  type EncParameters,
  findCipher,
  formatFlags,
  type KeyDerivation,
  parseFlags,
  type PassphraseRule,
  type Salt,
  SealdropError,
} from '../../src/index.ts';

function outcomeOf(flags: string): unknown {
  try {
    return parseFlags(flags);
  } catch (error) {
    return error;
  }
}

function isParameters(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'cipher' in value;
}

function refusal(flags: string | readonly string[]): SealdropError {
  try {
    parseFlags(flags);
  } catch (error) {
    if (error instanceof SealdropError) return error;
    throw error;
  }
  throw new Error(`not refused: ${String(flags)}`);
}

const bytesOf = (minLength: number, maxLength = minLength) =>
  fc.uint8Array({ minLength, maxLength }).map((bytes) => Uint8Array.from(bytes));
const digest = fc.constantFrom(...DIGEST_NAMES);

function saltFor(length: fc.Arbitrary<number>): fc.Arbitrary<Salt> {
  return fc.oneof(
    length.map((size): Salt => ({ kind: 'header', length: size })),
    length.chain((size) => bytesOf(size)).map((bytes): Salt => ({ kind: 'given', bytes })),
    fc.constant<Salt>({ kind: 'none' }),
  );
}

type Keying = Pick<EncParameters, 'keyDerivation' | 'salt' | 'iv' | 'passphraseRule'>;

function keyingFor(name: string): fc.Arbitrary<Keying> {
  const { ivLength } = findCipher(name);
  const iv = ivLength === 0 ? fc.constant(null) : fc.option(bytesOf(ivLength));
  const passphraseRule = fc.constantFrom<PassphraseRule>('file', 'kfile', 'argument');
  const iterations = fc.integer({ min: 1, max: 2 ** 31 - 1 });
  const pbkdf2 = fc.record({ method: fc.constant('pbkdf2' as const), digest, iterations });
  const bytesToKey = fc.record({
    method: fc.constant('evp-bytes-to-key' as const),
    digest: name === 'chacha' ? fc.constant('md5') : digest,
  });
  const rawKey = fc.constantFrom<KeyDerivation>(
    { method: 'raw-key', form: 'hex' },
    { method: 'raw-key', form: 'bytes' },
  );
  const derived = fc.record({ keyDerivation: bytesToKey, salt: saltFor(fc.constant(8)), iv, passphraseRule });
  return fc.oneof(
    derived,
    name === 'chacha'
      ? derived
      : fc.record({
          keyDerivation: pbkdf2,
          salt: saltFor(fc.integer({ min: 1, max: 16 })),
          iv,
          passphraseRule,
        }),
    fc.record({
      keyDerivation: rawKey,
      salt: fc.constant<Salt>({ kind: 'none' }),
      iv: ivLength === 0 ? fc.constant(null) : bytesOf(ivLength),
      passphraseRule: fc.constant<PassphraseRule>('file'),
    }),
  );
}

const parameters: fc.Arbitrary<EncParameters> = fc.constantFrom(...CIPHER_NAMES).chain((cipher) =>
  fc
    .record({
      keying: keyingFor(cipher),
      padding:
        findCipher(cipher).blockLength > 1
          ? fc.constantFrom('pkcs7' as const, 'none' as const)
          : fc.constant('pkcs7' as const),
      armor: fc.constantFrom('none' as const, 'lines' as const, 'one-line' as const),
    })
    .map(({ keying, padding, armor }) => Object.assign({ cipher, padding, armor }, keying)),
);

describe('flags', () => {
  // Hence different parameters never have the same flags.
  test('that are written are read back', () => {
    fc.assert(
      fc.property(parameters, (value) => {
        expect(parseFlags(formatFlags(value))).toEqual(value);
        expect(parseFlags(`openssl enc -d ${formatFlags(value)} -in a -out b`)).toEqual(value);
      }),
      { numRuns: 1000 },
    );
  });

  test('have the canonical form that a manifest’s MAC rests on', () => {
    expect(formatFlags(DEFAULT_PARAMETERS)).toBe('-aes-256-cbc -pbkdf2 -md sha256 -iter 10000');
    const all = '-nopad -A -a -iv 01 -S ff -saltlen 10 -iter 5 -md SHA512 -aes256 -kfile x';
    const iv = '01'.padEnd(32, '0');
    const canonical = `-aes-256-cbc -pbkdf2 -md sha512 -iter 5 -S ${'ff'.padEnd(20, '0')} -saltlen 10 -iv ${iv} -nopad -a -A -kfile key.bin`;
    expect(formatFlags(parseFlags(all))).toBe(canonical);
    expect(formatFlags(parseFlags('-aes128 -md md5 -nosalt'))).toBe('-aes-128-cbc -md md5 -nosalt');
    expect(formatFlags(parseFlags('-aes-128-ecb -K raw:k'))).toBe(
      `-aes-128-ecb -K "$(od -An -v -tx1 key.bin | tr -d ' \\n')"`,
    );
  });

  test('of invalid parameters are not written', () => {
    const derivation = { method: 'evp-bytes-to-key', digest: 'md5' } as const;
    const invalid: Partial<EncParameters>[] = [
      { cipher: 'aes-256-cbd' },
      { iv: new Uint8Array(8) },
      { salt: { kind: 'header', length: 17 } },
      { salt: { kind: 'header', length: 0 } },
      { keyDerivation: derivation, salt: { kind: 'header', length: 16 } },
      { keyDerivation: { method: 'pbkdf2', digest: 'sha256', iterations: 0 } },
      { keyDerivation: { method: 'pbkdf2', digest: 'sha256', iterations: 1.5 } },
      { keyDerivation: { method: 'pbkdf2', digest: 'nonsense', iterations: 1 } },
      { keyDerivation: { method: 'raw-key', form: 'hex' }, salt: { kind: 'none' } },
      { cipher: 'chacha' },
    ];
    for (const change of invalid) {
      expect(() => formatFlags({ ...DEFAULT_PARAMETERS, ...change })).toThrow(SealdropError);
    }
  });
});

describe('the same parameters are read from', () => {
  test.each([
    '-aes-256-cbc -pbkdf2',
    '-aes-256-cbc',
    'openssl enc -aes-256-cbc -salt -pbkdf2',
    'openssl aes-256-cbc -pbkdf2',
    'aes-256-cbc -pbkdf2',
    '/usr/local/bin/openssl enc -e -aes256 -pbkdf2 -in plain.bin -out data.enc -pass file:key.bin -v',
    '-pbkdf2 -AES-256-CBC',
    '--aes-256-cbc --pbkdf2 --iter=10000',
    '-aes-256-cbc -pbkdf2 -iter 10000 -md sha256',
    '-aes-256-cbc -iter 10000',
    '-aes-256-cbc \\\n  -pbkdf2 \\\r\n -iter "10000"',
    '\'-aes-256-cbc\' "-pbkdf2"',
    '-aes-256-cbc -pbkdf2 -A',
    '-aes-256-cbc -pbkdf2 -pass stdin < key.bin > data.enc 2>/dev/null',
    '-aes-256-cbc -pbkdf2 -pass fd:3 3< key.bin',
    '-aes-256-cbc -pbkdf2 -bufsize 65536 -provider default -propquery ?fips=yes -rand f',
    'openssl.exe enc -aes-256-cbc -pbkdf2 -pbkdf2 -saltlen 8',
    ['-aes-256-cbc', '-pbkdf2'],
  ])('%j', (flags) => {
    expect(parseFlags(flags)).toEqual(DEFAULT_PARAMETERS);
  });
});

describe('a single thing is read', () => {
  test.each([
    ['-aes-256-cbc -md md5', { keyDerivation: { method: 'evp-bytes-to-key', digest: 'md5' } }],
    ['-aes-256-cbc -pbkdf2 -saltlen 16', { salt: { kind: 'header', length: 16 } }],
    ['-aes-256-cbc -pbkdf2 -saltlen 64', { salt: { kind: 'header', length: 16 } }],
    ['-aes-256-cbc -md sha256 -saltlen 16', { salt: { kind: 'header', length: 8 } }],
    ['-aes-256-cbc -nosalt', { salt: { kind: 'none' } }],
    ['-aes-256-cbc -S a1b', { salt: { kind: 'given', bytes: Uint8Array.of(0xa1, 0xb0, 0, 0, 0, 0, 0, 0) } }],
    [
      '-aes-256-cbc -S 00112233445566778899',
      { salt: { kind: 'given', bytes: Uint8Array.of(0, 17, 34, 51, 68, 85, 102, 119) } },
    ],
    ['-aes-256-cbc -a', { armor: 'lines' }],
    ['-aes-256-cbc -base64', { armor: 'lines' }],
    ['-aes-256-cbc -A -base64', { armor: 'one-line' }],
    ['-aes-256-cbc -nopad', { padding: 'none' }],
    ['-aes-256-ctr -nopad', { padding: 'pkcs7' }],
    ['-aes-256-ecb -iv 01', { iv: null }],
    ['-aes-256-cbc -kfile key.bin', { passphraseRule: 'kfile' }],
    ['-aes-256-cbc -k "$(cat key.bin)"', { passphraseRule: 'argument' }],
    ['-aes-256-cbc -k $(<key.bin)', { passphraseRule: 'argument' }],
    ['-aes-256-cbc -k `cat key.bin`', { passphraseRule: 'argument' }],
    ['-aes-256-cbc -pass "pass:$(cat \'my key.bin\')"', { passphraseRule: 'argument' }],
    ['-aes-256-cbc -pass pass:"$PASSWORD"', { passphraseRule: 'argument' }],
    ['-aes-256-cbc -pass env:PASSWORD', { passphraseRule: 'argument' }],
    ['P="$(cat key.bin)" openssl enc -aes-256-cbc -pass env:P', { passphraseRule: 'argument' }],
    ['-aes-128-ecb -K "$(cat key.hex)"', { keyDerivation: { method: 'raw-key', form: 'hex' }, salt: { kind: 'none' } }],
    ['-aes-128-ecb -K file:key.hex', { keyDerivation: { method: 'raw-key', form: 'hex' } }],
    ['-aes-128-ecb -K $(xxd -p -c 64 key.bin)', { keyDerivation: { method: 'raw-key', form: 'bytes' } }],
    ['-aes-128-ecb -K raw:key.bin', { keyDerivation: { method: 'raw-key', form: 'bytes' } }],
    ['-chacha -pbkdf2', { cipher: 'chacha20' }],
    ['-chacha -md md5', { cipher: 'chacha' }],
    ['-chacha -K raw:key.bin -iv 0011223344556677', { cipher: 'chacha' }],
    ['-chacha -K raw:key.bin -iv 00112233445566778899aabbccddeeff', { cipher: 'chacha20' }],
  ])('%s', (flags, expected) => {
    expect(parseFlags(flags)).toMatchObject(expected);
  });
});

describe('flags are refused', () => {
  test.each([
    ['without a cipher', '-pbkdf2', 'no cipher'],
    ['when empty', '', 'no cipher'],
    ['with an unknown flag', '-aes-256-cbc -pkbdf2', '"-pkbdf2"'],
    ['with an unknown word', '-aes-256-cbc pbkdf2', '"pbkdf2"'],
    ['with a word that objects know', '-aes-256-cbc constructor x', '"constructor"'],
    ['with a flag that objects know', '-aes-256-cbc -toString x', '"-toString"'],
    ['with a value for a flag that has none', '-aes-256-cbc -pbkdf2=yes', '-pbkdf2=yes'],
    ['with an unknown digest', '-aes-256-cbc -md sha257', '"sha257"'],
    ['with a missing value', '-aes-256-cbc -iter', '-iter'],
    ['with an empty value', '-aes-256-cbc -iter ""', '-iter'],
    ['with iterations of zero', '-aes-256-cbc -iter 0', '"0"'],
    ['with iterations that C reads as octal', '-aes-256-cbc -iter 010000', '"010000"'],
    ['with iterations that are no number', '-aes-256-cbc -iter 10k', '"10k"'],
    ['with iterations above a C int', '-aes-256-cbc -iter 2147483648', '"2147483648"'],
    ['with a salt that is not hexadecimal', '-aes-256-cbc -S xyz', '"xyz"'],
    ['with an IV that is not hexadecimal', '-aes-256-cbc -iv "$(cat iv.hex)"', '-iv'],
    ['with two ciphers', '-aes-256-cbc -aes-128-cbc', 'contradict'],
    ['with two digests', '-aes-256-cbc -md md5 -md sha1', 'contradict'],
    ['with two counts', '-aes-256-cbc -iter 1 -iter 2', 'contradict'],
    ['with -salt and -nosalt', '-aes-256-cbc -salt -nosalt', 'contradict'],
    ['with -nosalt and -S', '-aes-256-cbc -nosalt -S 01', 'contradict'],
    ['with two passphrase rules', '-aes-256-cbc -pass file:a -kfile b', 'contradict'],
    ['with a raw key and a passphrase', '-aes-256-cbc -K raw:a -iv 0 -pass file:b', 'contradict'],
    ['with a raw key and no IV', '-aes-256-cbc -K raw:key.bin', '-iv'],
    ['with compression', '-aes-256-cbc -z', '-z'],
    ['with no encryption', '-none', '-none'],
    ['with an open quote', '-aes-256-cbc "-pbkdf2', 'not closed'],
    ['with an open substitution', '-aes-256-cbc -k $(cat key.bin', 'not closed'],
    ['with an unknown source', '-aes-256-cbc -pass keychain:x', '-pass'],
  ])('%s', (_title, flags, named) => {
    const error = refusal(flags);
    expect(error.code).toBe('bad-parameters');
    expect(error.message).toContain(named);
  });

  test('with a misspelt flag, and the right one is named', () => {
    expect(refusal('-aes-256-cbc -pkbdf2').hint).toContain('-pbkdf2');
  });

  test.each([
    ['-rc4', 'unsupported-cipher'],
    ['-aes-256-gcm', 'unsupported-cipher'],
    ['-aes-265-cbc', 'unknown-cipher'],
  ])('for their cipher: %s', (flags, code) => {
    expect(refusal(flags).code).toBe(code);
  });

  const SECRET = '5ecre7c0ffee5ecre7';
  test.each([
    `-aes-256-cbc -k ${SECRET}`,
    `-aes-256-cbc -k=${SECRET}`,
    `-aes-256-cbc -k "$(echo ${SECRET})"`,
    `-aes-256-cbc -k "$(cat key.bin)${SECRET}"`,
    `-aes-256-cbc -pass pass:${SECRET}`,
    `-aes-256-cbc -pass ${SECRET}`,
    `-aes-256-cbc -pass 'pass:${SECRET}'`,
    `-aes-256-cbc -K ${SECRET.replaceAll(/[^0-9a-f]/g, '0')} -iv 0`,
    `-aes-256-cbc -K "$(printf ${SECRET})" -iv 0`,
    `-aes-256-cbc -pass:${SECRET}`,
    `-aes-256-cbc -k${SECRET}`,
    `-aes-256-cbc --password=${SECRET}`,
    `P=${SECRET} openssl enc -aes-256-cbc -pass env:P`,
  ])('with a secret, which is not repeated: %s', (flags) => {
    const error = refusal(flags);
    expect(error.code).toBe('bad-parameters');
    expect(`${error.message} ${error.hint} ${JSON.stringify(error.details)}`).not.toMatch(/5ecre7|c0ffee|5ec0e/);
  });

  test('in a message of bounded length without control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (word) => {
        const { message } = refusal(['-aes-256-cbc', `-x${word}`]);
        expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
        expect(message.length).toBeLessThan(600);
      }),
    );
  });
});

test('any text is read or refused with a code', () => {
  const words = [
    '-aes-256-cbc',
    '-iter',
    '-K',
    '"',
    '$(',
    ')',
    '`',
    '\\',
    '\n',
    '=',
    '-',
    '--',
    '<',
    'P=',
    'openssl',
    'enc',
  ];
  const text = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 5 })), { maxLength: 12 });
  fc.assert(
    fc.property(text, fc.constantFrom('', ' '), (parts, separator) => {
      const outcome = outcomeOf(parts.join(separator));
      expect(outcome).toSatisfy((value) => value instanceof SealdropError || isParameters(value));
    }),
    { numRuns: 2000 },
  );
});
