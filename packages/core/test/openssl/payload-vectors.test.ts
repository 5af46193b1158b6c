import { constants, privateDecrypt } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  decryptPayload,
  type ErrorCode,
  formatFlags,
  parseFlags,
  payloadSize,
  readPassphrase,
} from '../../src/index.ts';
import { deriveKey } from '../../src/openssl/key-derivation.ts';
import { collect, inChunks, rejection, whole } from './byte-streams.ts';
import {
  type EncVector,
  parametersOf,
  readCbcTests,
  readEncVectors,
  readNegativeVectors,
  readVectorFile,
  saidParameters,
  sha256,
} from './enc-vectors.ts';

const vectors = readEncVectors();

function secretOf(vector: EncVector): Buffer {
  const keyFile = Buffer.from(vector.keyFile.hex, 'hex');
  return vector.kdf === 'none' ? keyFile : readPassphrase(keyFile, parametersOf(vector).passphraseRule);
}

function dataOf(vector: EncVector): Buffer {
  return readVectorFile('envelopes', vector.id, vector.data.file);
}

const SPLITS = [
  ['whole', whole],
  ['in chunks of 1,000 bytes', (bytes: Uint8Array) => inChunks(bytes, 1000)],
  ['byte by byte', (bytes: Uint8Array) => inChunks(bytes, 1)],
] as const;

describe.each(SPLITS)('a payload that some openssl made and that is read %s', (_title, split) => {
  test.each(vectors)('gives its plaintext: $id', async (vector) => {
    const plaintext = await collect(
      decryptPayload(split(dataOf(vector)), { parameters: parametersOf(vector), secret: secretOf(vector) }),
    );
    expect(plaintext).toHaveLength(vector.plaintextSize);
    expect(sha256(plaintext)).toBe(vector.plaintextSha256);
  });
});

describe('from a key file that some openssl read', () => {
  test.each(vectors.filter(({ passwordHex }) => passwordHex !== null))('comes the same passphrase: $id', (vector) => {
    expect(secretOf(vector).toString('hex')).toBe(vector.passwordHex);
  });

  test.each(vectors)('come the same key and IV: $id', async (vector) => {
    const parameters = parametersOf(vector);
    const data = Buffer.from(dataOf(vector));
    const binary =
      vector.armored === null ? data : Buffer.from(data.toString('latin1').replace(/^[^A-Z]*/i, ''), 'base64');
    const headerSalt = vector.salted ? binary.subarray(8, 8 + vector.saltLen) : null;
    const salt = parameters.salt.kind === 'given' ? parameters.salt.bytes : headerSalt;
    const { key, iv } = await deriveKey(parameters, { secret: secretOf(vector), salt });
    expect(key.toString('hex')).toBe(vector.derivedKeyHex);
    expect(iv.toString('hex')).toBe(vector.derivedIvHex ?? '');
  });
});

describe('the command line that made a payload', () => {
  /** Silence about the derivation means PBKDF2 here, and those programs did something else. */
  const isSilent = ({ kdf, mdGiven }: EncVector) => kdf === 'EVP_BytesToKey' && !mdGiven;

  test.each(vectors.filter((vector) => !isSilent(vector)))('says its parameters: $id', (vector) => {
    expect(parseFlags(vector.encCommand)).toEqual(parametersOf(vector));
  });

  test.each(vectors)('has a canonical form that is read back: $id', (vector) => {
    const parameters = parametersOf(vector);
    expect(parseFlags(formatFlags(parameters))).toEqual(parameters);
  });
});

test('the size of a payload follows from the size of its plaintext', () => {
  const wrong = vectors
    .filter(({ group, saltGivenHex }) => group !== 'transport' && saltGivenHex === null)
    .filter((vector) => payloadSize(vector.plaintextSize, parametersOf(vector)) !== vector.data.size);
  expect(wrong.map(({ id }) => id)).toEqual([]);
});

const HEADER_CODES: Readonly<Record<string, ErrorCode>> = {
  'data-magic-bit': 'bad-header',
  'data-magic-bit-armored': 'bad-header',
  'data-empty': 'truncated-payload',
  'data-8-bytes': 'truncated-payload',
  'data-12-bytes': 'truncated-payload',
  'data-8-random-bytes': 'bad-header',
  'data-base64-not-said': 'bad-header',
  'data-binary-said-base64': 'bad-armor',
  'data-base64-bad-char': 'bad-armor',
  'same-file-twice': 'bad-header',
  'said-salted-is-not': 'bad-header',
};

/** All others of stage `decrypt` are `bad-decrypt`. */
const DECRYPT_CODES: Readonly<Record<string, ErrorCode>> = {
  'data-cut-mid-block': 'truncated-payload',
  'data-cut-armored': 'truncated-payload',
  'data-16-bytes': 'truncated-payload',
  'data-extra-newline': 'truncated-payload',
  'data-ascii-mode': 'truncated-payload',
  'data-utf8-damage': 'truncated-payload',
  'said-saltlen-8-is-16': 'truncated-payload',
  // openssl takes the header for ciphertext and fails late.
  'said-nosalt-is-salted': 'bad-header',
};

describe('a damaged or wrongly declared payload', () => {
  const negatives = readNegativeVectors();

  const decryptNegative = async (vector: (typeof negatives)[number]): Promise<Buffer> => {
    const { rsaKeyFile, oaepHash } = vector.wrap;
    const keyFile = privateDecrypt(
      { key: readVectorFile(rsaKeyFile), oaepHash, padding: constants.RSA_PKCS1_OAEP_PADDING },
      readVectorFile('negative', vector.id, vector.wrap.file),
    );
    const data = readVectorFile('negative', vector.id, vector.data.file);
    const secret = readPassphrase(keyFile, 'file');
    return collect(decryptPayload(inChunks(data, 100), { parameters: saidParameters(vector), secret }));
  };
  const stage = (name: string) => negatives.filter((vector) => vector.stage === name);

  test.each(stage('password'))('is refused for its key file: $id', async (vector) => {
    expect(await rejection(decryptNegative(vector))).toMatchObject({ code: 'bad-key-file', blame: 'sender' });
  });

  test.each(stage('header'))('is refused for its beginning: $id', async (vector) => {
    expect(await rejection(decryptNegative(vector))).toMatchObject({ code: HEADER_CODES[vector.id] });
  });

  test.each(stage('decrypt'))('is refused at its end: $id', async (vector) => {
    const code = DECRYPT_CODES[vector.id] ?? 'bad-decrypt';
    expect(await rejection(decryptNegative(vector))).toMatchObject({ code, blame: 'sender' });
  });

  test.each(stage('silent'))('that openssl takes without a word gives what openssl gives: $id', async (vector) => {
    expect(sha256(await decryptNegative(vector))).toBe(vector.silentOutputSha256);
  });

  test('is told the cure where the beginning shows it', async () => {
    const errorOf = async (id: string): Promise<unknown> => {
      const vector = negatives.find((candidate) => candidate.id === id);
      return vector === undefined ? `${id} is missing` : rejection(decryptNegative(vector));
    };
    expect(await errorOf('data-base64-not-said')).toMatchObject({ hint: expect.stringContaining('-a') });
    expect(await errorOf('data-binary-said-base64')).toMatchObject({ hint: expect.stringContaining('drop -a') });
    expect(await errorOf('said-nosalt-is-salted')).toMatchObject({ hint: expect.stringContaining('-nosalt') });
    expect(await errorOf('data-extra-newline')).toMatchObject({ hint: expect.stringContaining('last byte') });
  });
});

describe("Wycheproof's AES-CBC-PKCS5", () => {
  const tests = readCbcTests();
  const decryptCbc = ({ keySize, key, iv, ct }: (typeof tests)[number]): Promise<Buffer> => {
    const parameters = parseFlags([`-aes-${keySize}-cbc`, '-K', 'raw:key.bin', '-iv', iv]);
    return collect(decryptPayload(whole(Buffer.from(ct, 'hex')), { parameters, secret: Buffer.from(key, 'hex') }));
  };

  test.each(tests.filter(({ result }) => result === 'valid'))(
    '$keySize bits, $tcId is valid: $comment',
    async (one) => {
      expect((await decryptCbc(one)).toString('hex')).toBe(one.msg);
    },
  );

  test.each(tests.filter(({ result }) => result === 'invalid'))(
    '$keySize bits, $tcId is not: $comment',
    async (one) => {
      const code = one.ct === '' ? 'truncated-payload' : 'bad-decrypt';
      expect(await rejection(decryptCbc(one))).toMatchObject({ code });
    },
  );
});
