import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openKey } from '../../src/keys/open-key.ts';
import { parseOaep } from '../../src/keys/oaep-parameters.ts';
import { readWrappedKey } from '../../src/keys/read-wrapped-key.ts';
import { unwrapKey } from '../../src/keys/wrapped-key.ts';
import type { SealdropError } from '../../src/errors.ts';
import { negatives, oaepText, readVector, vectors, VECTORS, type Wrapping } from './vectors.ts';

async function unwrapFile(folder: 'envelopes' | 'negative', id: string, wrap: Wrapping) {
  const wrapped = readWrappedKey(readVector(folder, id, wrap.file), wrap.file);
  const keys = [await openKey(`file:${join(VECTORS, wrap.rsaKeyFile)}`)];
  return unwrapKey(wrapped, { keys, oaep: [parseOaep(oaepText(wrap))] });
}

/** What each negative vector of stage `unwrap` is to end in; base64 text is accepted though openssl refuses it. */
const EXPECTED: Readonly<Record<string, string>> = {
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
  'key-base64': 'opens',
  'key-base64-oneline': 'opens',
  'key-base64-crlf': 'opens',
  'key-hex': 'bad-wrapped-key',
  'key-not-wrapped': 'bad-wrapped-key',
  'key-pkcs1v15': 'unwrap-failed',
  'key-hash-said-sha256': 'unwrap-failed',
  'key-hash-said-sha1': 'unwrap-failed',
  'key-mgf1-sha1': 'unwrap-failed',
  'key-label': 'unwrap-failed',
  swapped: 'swapped-members',
};

describe('wrapped keys made by real openssl programs', () => {
  it('come in the number that the vectors are known to have', () => {
    expect(vectors.length).toBeGreaterThanOrEqual(265);
  });

  it.each(vectors.map(({ id, wrap, keyFile }) => ({ id, wrap, keyFile })))(
    '$id opens with the stated OAEP parameters',
    async ({ id, wrap, keyFile }) => {
      const { keyFile: opened } = await unwrapFile('envelopes', id, wrap);
      expect(opened.toString('hex')).toBe(keyFile.hex);
    },
  );
});

describe('wrapped keys that openssl does not open', () => {
  const unwrapStage = negatives.filter(({ stage }) => stage === 'unwrap');

  it('are all known to this test', () => {
    expect(unwrapStage.map(({ id }) => id).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it.each(unwrapStage)('$id ends in the right code', async ({ id, wrap, originalKeyFileHex }) => {
    const outcome = await unwrapFile('negative', id, wrap).then(
      ({ keyFile }) => (keyFile.toString('hex') === originalKeyFileHex ? 'opens' : 'opens to another key'),
      (error: SealdropError) => error.code,
    );
    expect(outcome).toBe(EXPECTED[id]);
  });
});
