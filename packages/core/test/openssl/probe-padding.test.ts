import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { canProbePadding, encryptPayload, findCipher, parseFlags, probePadding } from '../../src/index.ts';
import { collect, rejection, whole } from './byte-streams.ts';

const secret = randomBytes(32);

async function payloadOf(size: number, flags: string): Promise<{ salt: Buffer; ciphertext: Buffer }> {
  const parameters = parseFlags(flags);
  const payload = await collect(encryptPayload(whole(randomBytes(size)), { parameters, secret }));
  return { salt: payload.subarray(8, 16), ciphertext: payload.subarray(16) };
}

describe.each([
  '-aes-256-cbc -md sha256',
  '-aes-256-cbc -pbkdf2 -iter 2',
  '-des-ede3-cbc -md md5',
  '-aes-128-ecb -md sha256',
])('the padding under %s', (flags) => {
  const parameters = parseFlags(flags);
  const { blockLength } = findCipher(parameters.cipher);

  test.each([0, 1, 7, 8, 15, 16, 17, 1000])('of %i bytes is found from the last two blocks', async (size) => {
    const { salt, ciphertext } = await payloadOf(size, flags);
    const lastBlocks = ciphertext.subarray(-2 * blockLength);
    const padding = await probePadding(parameters, { secret, salt, lastBlocks });
    expect(padding).toBe(blockLength - (size % blockLength));
  });

  test('is mostly invalid under another secret', async () => {
    const { salt, ciphertext } = await payloadOf(100, flags);
    const lastBlocks = ciphertext.subarray(-2 * blockLength);
    const probes = Array.from({ length: 100 }, () =>
      probePadding(parameters, { secret: randomBytes(32), salt, lastBlocks }),
    );
    const valid = (await Promise.all(probes)).filter((padding) => padding !== null);
    // One in 256 passes by chance; twenty in a hundred would be one in 10^26.
    expect(valid.length).toBeLessThan(20);
  });
});

test.each(['-aes-256-ctr -md sha256', '-aes-256-cbc -md sha256 -nopad', '-chacha20 -md sha256'])(
  'there is no padding to find under %s',
  async (flags) => {
    const parameters = parseFlags(flags);
    expect(canProbePadding(parameters)).toBe(false);
    const options = { secret, salt: Buffer.alloc(8), lastBlocks: Buffer.alloc(32) };
    expect(await rejection(probePadding(parameters, options))).toMatchObject({ code: 'internal' });
  },
);
