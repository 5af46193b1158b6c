/**
 * Round trips with the machine's own openssl, both ways. Not the full product: every cipher, derivation, size and armor takes part
 * in both directions, paired by counting.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  CIPHER_NAMES,
  decryptPayload,
  DEFAULT_PARAMETERS,
  DIGEST_NAMES,
  type EncParameters,
  encryptPayload,
  formatFlags,
  type KeyDerivation,
  parseFlags,
  payloadSize,
  readPassphrase,
} from '../../src/index.ts';
import { collect, inChunks } from './byte-streams.ts';
import { opensslEnc, temporaryDirectory, writeKeyFile } from './openssl-enc.ts';

const KIB = 1024;
const SIZES = [0, 1, 15, 16, 17, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1];
const LARGE_SIZE = 5 * KIB * KIB;
const CHUNK_SIZE = 10_007;
const ARMORS = ['none', 'lines', 'one-line'] as const;

const DERIVATIONS: readonly KeyDerivation[] = DIGEST_NAMES.flatMap((digest): KeyDerivation[] => [
  { method: 'pbkdf2', digest, iterations: 1000 },
  { method: 'evp-bytes-to-key', digest },
]);
/** LibreSSL alone has `chacha`. */
const CIPHERS = CIPHER_NAMES.filter((name) => name !== 'chacha');
const CASES_A_CIPHER = 3;

function at<Value>(values: readonly Value[], index: number): Value {
  const value = values[index % values.length];
  if (value === undefined) throw new Error('nothing to choose from');
  return value;
}

interface Case {
  readonly flags: string;
  readonly parameters: EncParameters;
  readonly size: number;
}

const cases: readonly Case[] = CIPHERS.flatMap((cipher, row) =>
  Array.from({ length: CASES_A_CIPHER }, (_, column) => {
    const index = row * CASES_A_CIPHER + column;
    const parameters: EncParameters = {
      ...DEFAULT_PARAMETERS,
      cipher,
      keyDerivation: at(DERIVATIONS, index),
      // Twelve cases share an armor and a size, then the pairing shifts.
      armor: at(ARMORS, index + Math.floor(index / 12)),
      salt: index % 10 === 9 ? { kind: 'none' } : DEFAULT_PARAMETERS.salt,
    };
    return { flags: formatFlags(parameters), parameters, size: at(SIZES, index + Math.floor(index / 8)) };
  }),
);

const directory = temporaryDirectory();
const keyFile = Buffer.from(`${randomBytes(32).toString('base64')}\n`);
const keyPath = writeKeyFile(directory, keyFile);
const secret = readPassphrase(keyFile, 'file');
const plaintext = randomBytes(LARGE_SIZE);

const encWords = (flags: string): readonly string[] => [...flags.split(' '), '-pass', `file:${keyPath}`];

/** What both directions gave that is not as it should be; empty when all is well. */
async function faultsOf({ flags, parameters, size }: Case): Promise<readonly string[]> {
  const input = plaintext.subarray(0, size);
  const theirs = opensslEnc(encWords(flags), input);
  const opened = await collect(decryptPayload(inChunks(theirs, CHUNK_SIZE), { parameters, secret }));
  const ours = await collect(encryptPayload(inChunks(input, CHUNK_SIZE), { parameters, secret }));
  const checks = {
    'the size that openssl writes': theirs.length === payloadSize(size, parameters),
    'decrypting what openssl wrote': opened.equals(input),
    'the size that is written': ours.length === payloadSize(size, parameters),
    'openssl decrypting what is written': opensslEnc([...encWords(flags), '-d'], ours).equals(input),
  };
  const failed = Object.entries(checks).filter(([, passed]) => !passed);
  return failed.map(([check]) => `${flags}, ${size} bytes: ${check}`);
}

test('the pairing leaves nothing out', () => {
  expect(new Set(cases.map(({ parameters }) => parameters.cipher)).size).toBe(CIPHERS.length);
  expect(new Set(cases.map(({ parameters }) => parameters.keyDerivation)).size).toBe(DERIVATIONS.length);
  expect(new Set(cases.map(({ size, parameters }) => `${size} ${parameters.armor}`)).size).toBe(
    SIZES.length * ARMORS.length,
  );
});

describe('with the machine’s openssl, both ways', () => {
  const ofCipher = CIPHERS.map((cipher) => ({ cipher, of: cases.filter((one) => one.parameters.cipher === cipher) }));

  test.each(ofCipher)('$cipher', async ({ of }) => {
    for (const one of of) expect(await faultsOf(one)).toEqual([]);
  });

  const large = ['-aes-256-cbc -pbkdf2', '-aes-256-ctr -md sha256 -a', '-chacha20 -pbkdf2 -a -A', '-sm4-ecb -md md5'];
  test.each(large)('5 MiB: %s', async (flags) => {
    const parameters = parseFlags(flags);
    expect(await faultsOf({ flags: formatFlags(parameters), parameters, size: LARGE_SIZE })).toEqual([]);
  });

  test.each([
    '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000 -S 0102030405060708',
    '-aes-256-cbc -md sha256 -S a1b2',
    '-aes-256-cbc -pbkdf2 -md sha512 -iter 7 -iv 0011',
    '-aes-256-cbc -md sha256 -nopad',
    '-des-ede3 -md sha256 -nosalt -nopad -a',
  ])('4,096 bytes: %s', async (flags) => {
    expect(await faultsOf({ flags, parameters: parseFlags(flags), size: 4096 })).toEqual([]);
  });
});

describe('with the machine’s openssl and a raw key, both ways', () => {
  test.each([
    ['-aes-256-cbc -iv 0102', 32],
    ['-aes-256-cbc -iv 0', 5],
    ['-aes-128-cbc -iv ff', 20],
    ['-des-ede3-cbc -iv 0123456789abcdef -a', 24],
    ['-aes-192-ecb', 24],
    ['-chacha20 -iv 00000000000000000102030405060708', 32],
  ])('%s, %i bytes of key', async (flags, keySize) => {
    const key = randomBytes(keySize);
    const words = [...flags.split(' '), '-K', key.toString('hex')];
    const input = plaintext.subarray(0, 1000);
    const forms = [
      ['raw:key.bin', key],
      ['file:key.hex', Buffer.from(`${key.toString('hex').toUpperCase()}\r\n`)],
    ] as const;
    for (const [source, file] of forms) {
      const parameters = parseFlags(`${flags} -K ${source}`);
      const opened = await collect(
        decryptPayload(inChunks(opensslEnc(words, input), 99), { parameters, secret: file }),
      );
      expect(opened.equals(input)).toBe(true);
      const ours = await collect(encryptPayload(inChunks(input, 99), { parameters, secret: file }));
      expect(opensslEnc([...words, '-d'], ours).equals(input)).toBe(true);
    }
  });
});
