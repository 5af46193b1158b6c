import * as fc from 'fast-check';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CIPHER_NAMES, findCipher } from '../../src/index.ts';
import { canBeginAnywhere, RANGE_UNIT, rangeIv } from '../../src/openssl/cipher-range.ts';
import { decryptRanges } from '../../src/openssl/decrypt-jobs.ts';
import { toNodeIv } from '../../src/openssl/key-derivation.ts';
import { createControl } from '../../src/openssl/control.ts';
import { temporaryDirectory } from './openssl-enc.ts';

const ciphers = CIPHER_NAMES.map(findCipher);

describe('a cipher that begins in the middle of a ciphertext', () => {
  test('is any but those in OFB mode', () => {
    const not = ciphers.filter((cipher) => !canBeginAnywhere(cipher)).map(({ name }) => name);
    expect(not.length).toBeGreaterThan(0);
    expect(not.every((name) => name.endsWith('-ofb'))).toBe(true);
  });

  const LENGTH = 8 * RANGE_UNIT;
  test.each(ciphers.filter(canBeginAnywhere))('gives what the whole gives there: $name', (cipher) => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    // Counters that are about to run over are as likely as all others together.
    const iv = fc.oneof(bytes(cipher.ivLength), fc.constant(new Uint8Array(cipher.ivLength).fill(0xff)));
    fc.assert(
      fc.property(bytes(cipher.keyLength), iv, fc.nat(7), (key, givenIv, unit) => {
        const nodeIv = toNodeIv(cipher, Buffer.from(givenIv));
        const plaintext = randomBytes(LENGTH);
        const ciphertext = createCipheriv(cipher.nodeName, key, nodeIv).setAutoPadding(false).update(plaintext);
        const offset = unit * RANGE_UNIT;
        const before = ciphertext.subarray(Math.max(0, offset - (nodeIv?.length ?? 0)), offset);
        const there = createDecipheriv(cipher.nodeName, key, rangeIv(cipher, nodeIv, { offset, before }));
        const found = there.setAutoPadding(false).update(ciphertext.subarray(offset));
        expect(found.equals(plaintext.subarray(offset))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

const GIB = 1024 ** 3;
const HEADER_SIZE = 16;
const RANGE_SIZE = 4096;

/** The IV of the block `offset / 16` in CTR mode, counted with carries by hand, byte by byte. */
function countedIv(iv: Buffer, offset: number): Buffer {
  const counter = Buffer.from(iv);
  let carry = offset / 16;
  for (let index = 15; carry > 0; index--) {
    const sum = (counter[index] ?? 0) + (carry % 256);
    counter[index] = sum % 256;
    carry = Math.floor(carry / 256) + (sum > 255 ? 1 : 0);
  }
  return counter;
}

describe('a range far into a sparse file', () => {
  const directory = temporaryDirectory();
  const key = randomBytes(32);
  const offsets = [3.9 * GIB, 65 * GIB, 4096 * GIB].map((offset) => Math.floor(offset / RANGE_SIZE) * RANGE_SIZE);

  test.each(offsets.flatMap((offset) => ['aes-256-cbc', 'aes-256-ctr'].map((name) => ({ name, offset }))))(
    'is decrypted to its own place: $name at $offset',
    ({ name, offset }) => {
      const iv = Buffer.concat([randomBytes(8), Buffer.alloc(8, 0xff)]);
      const blocks = randomBytes(16 + RANGE_SIZE);
      const input = join(directory, `input-${name}-${offset}`);
      writeFileSync(input, '');
      const size = offset + RANGE_SIZE;
      truncateSync(input, HEADER_SIZE + size);
      const descriptors = { input: openSync(input, 'r+'), output: openSync(`${input}.out`, 'w+') };
      writeSync(descriptors.input, blocks, 0, blocks.length, HEADER_SIZE + offset - 16);
      const written = decryptRanges(
        {
          kind: 'decrypt-ranges',
          input: { descriptor: descriptors.input, name: input },
          output: { descriptor: descriptors.output, name: 'output' },
          keyed: { cipher: findCipher(name), key, iv },
          padding: 'none',
          ciphertext: { start: HEADER_SIZE, size },
          rangeSize: RANGE_SIZE,
          next: BigInt64Array.of(BigInt(offset / RANGE_SIZE)),
          control: createControl(),
        },
        () => undefined,
      );
      const expectedIv = name.endsWith('ctr') ? countedIv(iv, offset) : blocks.subarray(0, 16);
      const expected = createDecipheriv(name, key, expectedIv).setAutoPadding(false).update(blocks.subarray(16));
      const found = Buffer.alloc(RANGE_SIZE);
      readSync(descriptors.output, found, 0, RANGE_SIZE, offset);
      closeSync(descriptors.input);
      closeSync(descriptors.output);
      expect(written).toBe(RANGE_SIZE);
      expect(found.equals(expected)).toBe(true);
    },
  );
});
