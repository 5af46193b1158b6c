/** The digests of a file, on this thread and on one of their own. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { digestFile } from '../../src/openssl/digest-file.ts';
import { THREADS_PAY_FROM } from '../../src/openssl/payload-file.ts';
import { temporaryDirectory } from './openssl-enc.ts';

const directory = temporaryDirectory();
const path = join(directory, 'payload');
const hmacKey = randomBytes(32);
const DIGESTS = { hmacKey, sha256: 'compute' } as const;
/** A sparse file so large that it is never read to its end before a test has done what it wants to do meanwhile. */
const ENDLESS = 2 ** 43;

function expected(bytes: Uint8Array) {
  return {
    hmac: new Uint8Array(createHmac('sha256', hmacKey).update(bytes).digest()),
    sha256: new Uint8Array(createHash('sha256').update(bytes).digest()),
  };
}

async function digested(size: number, rest: 'refuse' | 'ignore') {
  const { hmac, sha256 } = await digestFile({ path, size, digests: DIGESTS, rest });
  return { hmac: new Uint8Array(hmac ?? []), sha256: new Uint8Array(sha256 ?? []) };
}

describe.each([
  ['here', 100_000],
  ['on a thread', THREADS_PAY_FROM + 12_345],
])('%s', (_where, size) => {
  test('are those of all bytes, or of the first ones', async () => {
    const bytes = randomBytes(size + 1);
    writeFileSync(path, bytes);
    expect(await digested(size + 1, 'refuse')).toEqual(expected(bytes));
    expect(await digested(size, 'ignore')).toEqual(expected(bytes.subarray(0, -1)));
  });

  test('a file that has become longer or shorter is hostile-file', async () => {
    writeFileSync(path, randomBytes(size));
    for (const wrong of [size - 1, size + 1]) {
      await expect(digested(wrong, 'refuse')).rejects.toMatchObject({ code: 'hostile-file' });
    }
  });
});

test('of an empty file', async () => {
  writeFileSync(path, '');
  expect(await digested(0, 'refuse')).toEqual(expected(new Uint8Array(0)));
});

test('while a file is digested this thread does other things, and an interruption ends it', async () => {
  writeFileSync(path, '');
  truncateSync(path, ENDLESS);
  const abort = new AbortController();
  const { promise: begun, resolve: onProgress } = Promise.withResolvers<number>();
  const digesting = digestFile({
    path,
    size: ENDLESS,
    digests: DIGESTS,
    rest: 'refuse',
    signal: abort.signal,
    onProgress,
  });
  expect(await begun).toBeGreaterThan(0);
  abort.abort();
  await expect(digesting).rejects.toMatchObject({ code: 'cancelled' });
});
