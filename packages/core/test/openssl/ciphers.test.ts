import { getCipherInfo } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CIPHER_NAMES, findCipher, SealdropError } from '../../src/index.ts';
import { isCipherName } from '../../src/openssl/ciphers.ts';
import { runOpenssl } from './openssl-enc.ts';

/** What OpenSSL's own table says; stream modes have blocks of 1, ChaCha20 is not in it with its block length. */
function fromNode(nodeName: string): Record<string, number> {
  const { keyLength, ivLength = 0, blockSize = 1 } = getCipherInfo(nodeName) ?? { keyLength: -1 };
  return { keyLength, ivLength, blockLength: blockSize };
}

describe('the table of ciphers', () => {
  test.each(CIPHER_NAMES.filter((name) => name !== 'chacha'))('has the sizes of %s as OpenSSL has them', (name) => {
    const { keyLength, ivLength, blockLength, nodeName } = findCipher(name);
    expect({ keyLength, ivLength, blockLength }).toEqual(fromNode(nodeName));
  });

  test('knows or refuses by name every cipher of openssl enc -list', () => {
    const listed =
      runOpenssl(['enc', '-list'], Buffer.alloc(0))
        .output.toString('utf8')
        .match(/-[a-z]\S+/g) ?? [];
    expect(listed.length).toBeGreaterThan(100);
    const outcomes = listed.map((name) => {
      try {
        return findCipher(name).nodeName === getCipherInfo(name.slice(1))?.name ? 'the same' : `another: ${name}`;
      } catch (error) {
        return error instanceof SealdropError && error.code === 'unsupported-cipher' ? 'refused' : `unknown: ${name}`;
      }
    });
    expect(new Set(outcomes)).toEqual(new Set(['the same', 'refused']));
  });

  test('knows LibreSSL’s chacha with its IV of 8 bytes', () => {
    expect(findCipher('-chacha')).toMatchObject({ keyLength: 32, ivLength: 8, blockLength: 1, nodeName: 'chacha20' });
  });
});

describe('a cipher is found', () => {
  test.each([
    ['aes-256-cbc', 'aes-256-cbc'],
    ['-aes-256-cbc', 'aes-256-cbc'],
    ['--aes-256-cbc', 'aes-256-cbc'],
    ['AES-256-CBC', 'aes-256-cbc'],
    ['-AES256', 'aes-256-cbc'],
    ['aes192', 'aes-192-cbc'],
    ['aes128', 'aes-128-cbc'],
    ['aria256', 'aria-256-cbc'],
    ['camellia128', 'camellia-128-cbc'],
    ['des3', 'des-ede3-cbc'],
    ['des-ede3', 'des-ede3'],
    ['des-ede3-ecb', 'des-ede3'],
    ['des-ede-ecb', 'des-ede'],
    ['sm4', 'sm4-cbc'],
    ['aes_256_cbc', 'aes-256-cbc'],
    ['AES256-CTR', 'aes-256-ctr'],
  ])('under the name %s', (name, canonical) => {
    expect(findCipher(name).name).toBe(canonical);
    expect(isCipherName(name)).toBe(true);
  });
});

describe('a cipher is refused by name', () => {
  const LEGACY = ['bf', 'bf-cbc', 'blowfish', 'cast', 'cast5-cbc', 'des', 'des-cbc', 'des-cfb1', 'desx', 'idea-cbc'];
  test.each([...LEGACY, 'rc2', 'rc2-40-cbc', 'rc4', 'rc4-40', 'rc5-cbc', 'seed', '-SEED-OFB'])(
    'when only the legacy provider has it: %s',
    (name) => {
      expect(() => findCipher(name)).toThrow(
        expect.objectContaining({ code: 'unsupported-cipher', hint: expect.stringContaining('-provider legacy') }),
      );
    },
  );

  const REFUSED = ['aes-256-gcm', 'aes-128-ccm', 'aes-256-ocb', 'aes-256-siv', 'aes-256-gcm-siv', 'chacha20-poly1305'];
  test.each([...REFUSED, 'aes-256-xts', 'aes256-wrap', 'id-aes256-wrap-pad', 'des3-wrap', 'id-aes256-GCM'])(
    'when openssl enc refuses it too: %s',
    (name) => {
      expect(() => findCipher(name)).toThrow(
        expect.objectContaining({ code: 'unsupported-cipher', hint: expect.stringContaining('-aes-256-cbc') }),
      );
    },
  );

  test('when it is unknown, with the nearest names', () => {
    expect(() => findCipher('aes-265-cbc')).toThrow(
      expect.objectContaining({ code: 'unknown-cipher', hint: expect.stringContaining('aes-256-cbc') }),
    );
  });

  test('when the name states no mode and is no alias', () => {
    expect(() => findCipher('aes-256')).toThrow(expect.objectContaining({ code: 'unknown-cipher' }));
  });

  test('and what would act on a terminal is escaped', () => {
    expect(() => findCipher(`aes\u001b[2J\u202e${'x'.repeat(500)}`)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/^[\u0020-\u007e…]{1,120}$/),
      }),
    );
  });
});

test.each(['the', 'idea', 'seed', 'key.bin', '256', 'sha256', '-pbkdf2'])('%s is no cipher’s name', (word) => {
  expect(isCipherName(word)).toBe(false);
});
