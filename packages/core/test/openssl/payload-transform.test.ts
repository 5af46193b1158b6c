import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decryptPayload, encryptPayload, parseFlags, releaseMemory } from '../../src/index.ts';
import { inChunks } from './byte-streams.ts';

describe('memory that is given back', () => {
  test('is that of the bytes alone: they become empty', () => {
    const bytes = Buffer.from(new ArrayBuffer(100));
    releaseMemory(bytes);
    expect(bytes).toHaveLength(0);
    releaseMemory(bytes);
    expect(bytes).toHaveLength(0);
  });

  test('is not what other bytes lie in too, nor what threads share', () => {
    const pooled = [Buffer.from('one'), Buffer.from('two'), Buffer.from(new SharedArrayBuffer(3))];
    for (const bytes of pooled) releaseMemory(bytes);
    expect(pooled.map(({ length }) => length)).toEqual([3, 3, 3]);
    expect(pooled[0]?.toString()).toBe('one');
  });

  test.each(['-aes-256-cbc -md sha256', '-aes-256-cbc -md sha256 -a', '-aes-256-ctr -md sha256 -a -A'])(
    'may be that of each piece of a stream before the next is asked for: %s',
    async (flags) => {
      const options = { parameters: parseFlags(flags), secret: randomBytes(32) };
      const plaintext = randomBytes(500_000);
      async function* givingBack(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
        for await (const piece of pieces) {
          yield piece;
          releaseMemory(piece);
        }
      }
      const payload = givingBack(encryptPayload(inChunks(plaintext, 70_001), options));
      const found: Buffer[] = [];
      for await (const piece of givingBack(decryptPayload(payload, options))) found.push(Buffer.from(piece));
      expect(Buffer.concat(found).equals(plaintext)).toBe(true);
    },
  );
});
