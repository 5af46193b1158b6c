import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEnvelope, openKey, parseOaep } from '../../src/index.ts';
import type { EncParameters, OpenedEnvelope } from '../../src/index.ts';
import { negatives, oaepText, VECTORS, vectors } from '../keys/vectors.ts';
import type { Wrapping } from '../keys/vectors.ts';
import { parametersOf, readEncVectors, readNegativeVectors, saidParameters, sha256 } from '../openssl/enc-vectors.ts';

/** What Sealdrop says of each bad envelope; for those that it opens, how. */
const EXPECTED: Readonly<Record<string, string>> = {
  'data-cut-at-block': 'bad-decrypt',
  'data-cut-mid-block': 'truncated-payload',
  'data-cut-half': 'bad-decrypt',
  'data-cut-armored': 'truncated-payload',
  'data-last-block-bit': 'bad-decrypt',
  'data-before-last-block-bit': 'bad-decrypt',
  'data-middle-bit': 'as openssl: nothing shows it without a MAC',
  'data-salt-bit': 'bad-decrypt',
  'data-magic-bit': 'bad-header',
  'data-magic-bit-armored': 'bad-header',
  'data-empty': 'truncated-payload',
  'data-8-bytes': 'truncated-payload',
  'data-12-bytes': 'truncated-payload',
  'data-16-bytes': 'truncated-payload',
  'data-8-random-bytes': 'bad-header',
  'data-extra-newline': 'truncated-payload',
  'data-ascii-mode': 'truncated-payload',
  'data-utf8-damage': 'truncated-payload',
  'data-base64-not-said': 'bad-header',
  'data-binary-said-base64': 'bad-armor',
  'data-base64-bad-char': 'bad-armor',
  'data-base64-line-missing': 'as openssl: nothing shows it without a MAC',
  'data-twice': 'oversized-payload',
  'stream-cut': 'as openssl: nothing shows it without a MAC',
  'stream-bit': 'as openssl: nothing shows it without a MAC',
  'stream-wrong-password': 'as openssl: nothing shows it without a MAC',
  'key-other-rsa': 'unwrap-failed',
  'key-other-rsa-size': 'unwrap-failed',
  'key-cut': 'bad-wrapped-key',
  'key-cut-half': 'bad-wrapped-key',
  'key-empty': 'bad-wrapped-key',
  'key-bit': 'unwrap-failed',
  'key-above-modulus': 'unwrap-failed',
  'key-zero': 'unwrap-failed',
  'key-extra-newline': 'bad-wrapped-key',
  'key-ascii-mode': 'bad-wrapped-key',
  'key-base64': 'opened: base64 text of a wrapped key is accepted',
  'key-base64-oneline': 'opened: base64 text of a wrapped key is accepted',
  'key-base64-crlf': 'opened: base64 text of a wrapped key is accepted',
  'key-hex': 'bad-wrapped-key',
  'key-not-wrapped': 'bad-wrapped-key',
  'key-pkcs1v15': 'unwrap-failed',
  'key-hash-said-sha256': 'unwrap-failed',
  'key-hash-said-sha1': 'unwrap-failed',
  'key-mgf1-sha1': 'unwrap-failed',
  'key-label': 'unwrap-failed',
  swapped: 'swapped-members',
  'same-file-twice': 'swapped-members',
  'data-lf-key-crlf': 'opened: a carriage return at the end of the key file is left out',
  'data-crlf-key-lf': 'bad-decrypt',
  'data-lf-key-crlf-btk': 'opened: a carriage return at the end of the key file is left out',
  'data-crlf-key-lf-btk': 'bad-decrypt',
  'key-bom-added': 'bad-decrypt',
  'key-bom-removed': 'bad-decrypt',
  'key-utf16': 'weak-key',
  'key-another-line': 'bad-decrypt',
  'key-trailing-space': 'bad-decrypt',
  'key-nul-first': 'bad-key-file',
  'key-other-password': 'bad-decrypt',
  'said-md-sha256-is-md5': 'bad-decrypt',
  'said-md-md5-is-sha256': 'bad-decrypt',
  'said-pbkdf2-is-btk': 'bad-decrypt',
  'said-btk-is-pbkdf2': 'bad-decrypt',
  'said-iter-10000': 'bad-decrypt',
  'said-aes128': 'bad-decrypt',
  'said-salted-is-not': 'bad-header',
  'said-nosalt-is-salted': 'bad-header',
  'said-saltlen-8-is-16': 'truncated-payload',
  'said-ctr-is-cbc': 'as openssl: nothing shows it without a MAC',
};

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealdrop-vectors-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

interface Told {
  readonly folder: string;
  readonly wrap: Wrapping;
  readonly parameters: EncParameters;
}

async function openVector({ folder, wrap, parameters }: Told): Promise<OpenedEnvelope> {
  return openEnvelope(
    {
      payload: join(VECTORS, folder, 'data.enc'),
      wrappedKey: join(VECTORS, folder, 'key.enc'),
      note: null,
      manifest: null,
      signature: null,
    },
    {
      keys: [await openKey(`file:${join(VECTORS, wrap.rsaKeyFile)}`)],
      parameters,
      oaep: parseOaep(oaepText(wrap)),
      weakKeys: folder.startsWith('envelopes') ? 'allow' : 'refuse',
    },
  );
}

async function writtenPlaintext(envelope: OpenedEnvelope, name: string): Promise<Buffer> {
  const path = join(directory, name);
  const { size } = await envelope.writePlaintext(path);
  const plaintext = await readFile(path);
  expect(plaintext.length).toBe(size);
  return plaintext;
}

describe('every envelope that a real openssl made opens to the stated plaintext', () => {
  test.each(readEncVectors())('$id', async (vector) => {
    const wrap = vectors.find(({ id }) => id === vector.id)?.wrap as Wrapping;
    const envelope = await openVector({ folder: `envelopes/${vector.id}`, wrap, parameters: parametersOf(vector) });
    expect(sha256(await writtenPlaintext(envelope, vector.id))).toBe(vector.plaintextSha256);
    expect(sha256(Buffer.concat(await Array.fromAsync(envelope.plaintext())))).toBe(vector.plaintextSha256);
    expect(envelope).toMatchObject({ verification: 'none', plaintextName: 'data', repairs: [] });
  });
});

function negativesThat(matches: (expected: string) => boolean) {
  return readNegativeVectors().flatMap((vector) => {
    const expected = EXPECTED[vector.id] ?? '';
    const original = negatives.find(({ id }) => id === vector.id);
    if (original === undefined) throw new Error(`${vector.id} is in one reading of negative.json only`);
    return matches(expected) ? [{ id: vector.id, vector, expected, original }] : [];
  });
}

function openNegative({ vector, original }: ReturnType<typeof negativesThat>[number]): Promise<OpenedEnvelope> {
  return openVector({ folder: `negative/${vector.id}`, wrap: original.wrap, parameters: saidParameters(vector) });
}

describe('every bad envelope fails with the right code', () => {
  test('each one is listed here', () => {
    expect(Object.keys(EXPECTED).toSorted()).toEqual(negatives.map(({ id }) => id).toSorted());
  });

  test.each(negativesThat((expected) => expected.startsWith('as openssl')))('$id: $expected', async (negative) => {
    const plaintext = await writtenPlaintext(await openNegative(negative), negative.id);
    expect(sha256(plaintext)).toBe(negative.vector.silentOutputSha256);
  });

  test.each(negativesThat((expected) => expected.startsWith('opened')))('$id: $expected', async (negative) => {
    const plaintext = await writtenPlaintext(await openNegative(negative), negative.id);
    expect(sha256(plaintext)).toBe(negative.original.originalPlaintextSha256);
  });

  test.each(negativesThat((expected) => !expected.includes(' ')))('$id: $expected', async (negative) => {
    const attempt = openNegative(negative).then((envelope) => writtenPlaintext(envelope, negative.id));
    await expect(attempt).rejects.toMatchObject({ code: negative.expected, blame: 'sender' });
    await expect(readFile(join(directory, negative.id))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
