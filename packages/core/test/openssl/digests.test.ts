import { describe, expect, test } from 'vitest';
import { findDigest } from '../../src/index.ts';
import { isDigestName } from '../../src/openssl/digests.ts';

describe('a digest is found', () => {
  test.each([
    ['sha256', 'sha256'],
    ['SHA256', 'sha256'],
    ['-sha256', 'sha256'],
    ['sha-256', 'sha256'],
    ['SHA2-256', 'sha256'],
    ['RSA-SHA256', 'sha256'],
    ['sha-1', 'sha1'],
    ['sha512-256', 'sha512-256'],
    ['SHA3-256', 'sha3-256'],
    ['rmd160', 'ripemd160'],
    ['ripemd', 'ripemd160'],
    ['MD5', 'md5'],
    ['md5-sha1', 'md5-sha1'],
    ['blake2b512', 'blake2b512'],
  ])('under the name %s', (name, canonical) => {
    expect(findDigest(name)).toBe(canonical);
    expect(isDigestName(name)).toBe(true);
  });
});

test.each(['md4', 'mdc2', 'whirlpool', 'shake128', 'shake256'])('%s is refused by name', (name) => {
  expect(() => findDigest(name)).toThrow(
    expect.objectContaining({ code: 'bad-parameters', message: expect.stringContaining(`${name} is not available`) }),
  );
});

test.each(['sha265', 'sha', '2-256', '', 'constructor'])('%j is unknown', (name) => {
  expect(() => findDigest(name)).toThrow(expect.objectContaining({ code: 'bad-parameters' }));
  expect(isDigestName(name)).toBe(false);
});
