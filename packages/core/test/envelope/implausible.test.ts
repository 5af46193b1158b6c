import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { EVIDENCE_SIZE, openEnvelope, parseFlags } from '../../src/index.ts';
import type { EnvelopeMembers, OpenOptions, SealOptions } from '../../src/index.ts';
import { newDirectory, newReceiver, seal } from './envelope-kit.ts';

const receiver = await newReceiver();
const TEXT = Buffer.from('a line of text that goes on and on\n'.repeat(5000));
const CTR = parseFlags('-aes-256-ctr -pbkdf2');
const CBC = parseFlags('-aes-256-cbc -pbkdf2');

async function sealed(plaintext: Uint8Array, options: Partial<SealOptions> = {}): Promise<EnvelopeMembers> {
  const usual = { publicKey: receiver.publicKey, directory: newDirectory(), manifest: 'omit', ...options } as const;
  return (await seal(plaintext, usual)).members;
}

async function written(members: EnvelopeMembers, options: Partial<OpenOptions> = {}): Promise<Buffer> {
  const path = join(newDirectory(), 'plaintext');
  const opened = await openEnvelope(members, { keys: [receiver.key], implausible: 'refuse', ...options });
  await opened.writePlaintext(path).catch((error: unknown) => {
    if (existsSync(path)) throw new Error('the plaintext is left behind', { cause: error });
    throw error;
  });
  return readFileSync(path);
}

const refused = { code: 'implausible-plaintext', blame: 'sender' };

describe('noise without a MAC', () => {
  test.each([
    ['in CTR mode', CTR, 1000],
    ['in CBC mode', CBC, 1000],
    ['of more than is looked at', CTR, 3 * EVIDENCE_SIZE],
    ['of many megabytes, on threads', CBC, 48 * 1024 * 1024],
  ])('is refused %s, and leaves no file', async (_what, parameters, size) => {
    const members = await sealed(randomBytes(size), { parameters });
    await expect(written(members)).rejects.toMatchObject(refused);
    await expect(written(members)).rejects.toThrow(members.payload);
  });

  test('is passed on where it is allowed, which is the default', async () => {
    const plaintext = randomBytes(1000);
    const members = await sealed(plaintext, { parameters: CTR });
    expect(await written(members, { implausible: 'allow' })).toEqual(plaintext);
    expect(await written(members, { implausible: undefined })).toEqual(plaintext);
  });

  test('gives no byte of a stream', async () => {
    const members = await sealed(randomBytes(3 * EVIDENCE_SIZE), { parameters: CTR });
    const opened = await openEnvelope(members, { keys: [receiver.key], implausible: 'refuse' });
    const chunks: Buffer[] = [];
    const read = async () => {
      for await (const chunk of opened.plaintext()) chunks.push(chunk);
    };
    await expect(read()).rejects.toMatchObject(refused);
    expect(chunks).toEqual([]);
  });

  test('is what a key file of another envelope makes of a stream cipher', async () => {
    const [one, other] = [await sealed(TEXT, { parameters: CTR }), await sealed(TEXT, { parameters: CTR })];
    await expect(written({ ...one, wrappedKey: other.wrappedKey })).rejects.toMatchObject(refused);
  });
});

/** What an upload leaves that reserved its room and was never written to its end. */
function hollow(members: EnvelopeMembers, whole: number, size: number): EnvelopeMembers {
  truncateSync(members.payload, whole);
  truncateSync(members.payload, size);
  return members;
}

/** Under any key at all, equal blocks of ciphertext decrypt to a pattern: that does not show that the key is right. */
describe('a payload that repeats itself', () => {
  const CFB = parseFlags('-aes-256-cfb -pbkdf2');
  const HEADER = 16;
  const refusedRepetition = { ...refused, message: expect.stringMatching(/: repeats itself after \d+ bytes/) };

  test.each([
    ['in CBC mode', CBC],
    ['in CFB mode', CFB],
    ['in base64 text', parseFlags('-aes-256-cfb -pbkdf2 -a')],
  ])('is refused %s, when all of it is zeroes', async (_what, parameters) => {
    const members = await sealed(TEXT.subarray(0, 4096), { parameters });
    const payload = readFileSync(members.payload, 'latin1');
    const isText = parameters.armor !== 'none';
    const header = isText ? Buffer.from(payload, 'base64').subarray(0, HEADER) : Buffer.from(payload, 'latin1');
    const changed = Buffer.concat([header.subarray(0, HEADER), Buffer.alloc(8192)]);
    writeFileSync(members.payload, isText ? `${changed.toString('base64').replaceAll(/.{64}/g, '$&\n')}\n` : changed);
    // By chance a padding would fit too.
    const opening = { parameters: { ...parameters, padding: 'none' } } as const;
    await expect(written(members, opening)).rejects.toMatchObject(refusedRepetition);
    expect((await written(members, { ...opening, implausible: 'allow' })).length).toBe(8192);
  });

  test('is refused on threads', async () => {
    const members = hollow(await sealed(TEXT, { parameters: CFB }), HEADER, 40 * 1024 * 1024);
    await expect(written(members)).rejects.toMatchObject(refusedRepetition);
  });

  test('is refused when the key is right: what follows is garbage', async () => {
    for (const parameters of [CFB, CTR]) {
      await expect(written(hollow(await sealed(TEXT, { parameters }), 4096, 65_536))).rejects.toMatchObject(
        refusedRepetition,
      );
    }
  });

  test('is refused as noise when what comes before shows that the key is wrong', async () => {
    const other = await sealed(TEXT, { parameters: CFB });
    const members = hollow(await sealed(TEXT, { parameters: CFB }), 4096, 65_536);
    await expect(written({ ...members, wrappedKey: other.wrappedKey })).rejects.toThrow(/decrypts to noise/);
  });

  test('passes in ECB mode, where the sender may have written it', async () => {
    const plaintext = Buffer.concat(
      Array.from({ length: 100 }, () => Buffer.from('8899aabbccddeeff0011223344556677', 'hex')),
    );
    const members = await sealed(plaintext, { parameters: parseFlags('-aes-256-ecb -pbkdf2') });
    expect((await written(members)).equals(plaintext)).toBe(true);
  });
});

describe('passed on', () => {
  test.each<readonly [string, Buffer, Partial<SealOptions>]>([
    ['text', TEXT, { parameters: CTR }],
    ['gzip data', gzipSync(randomBytes(5000)), { parameters: CTR }],
    ['an empty file', Buffer.alloc(0), { parameters: CTR }],
    ['a few bytes of noise, which may be a key', randomBytes(255), { parameters: CTR }],
    ['noise that a MAC vouches for', randomBytes(5000), { parameters: CTR, manifest: 'write' }],
    ['text of exactly as much as is looked at', TEXT.subarray(0, EVIDENCE_SIZE), { parameters: CBC }],
    ['text of many megabytes, on threads', Buffer.concat(Array.from({ length: 280 }, () => TEXT)), { parameters: CBC }],
  ])('is %s', async (_what, plaintext, options) => {
    expect((await written(await sealed(plaintext, options))).equals(plaintext)).toBe(true);
  });

  test('is a stream in its own pieces, the first ones held back until they are enough', async () => {
    const members = await sealed(TEXT, { parameters: CBC });
    const opened = await openEnvelope(members, { keys: [receiver.key], implausible: 'refuse' });
    expect(Buffer.concat(await Array.fromAsync(opened.plaintext())).equals(TEXT)).toBe(true);
  });
});

describe('a padded payload tells more at its end', () => {
  test('of a wrong key: bad-decrypt, not noise', async () => {
    const [one, other] = [await sealed(TEXT, { parameters: CBC }), await sealed(TEXT, { parameters: CBC })];
    // One wrong key in 256 finds a valid padding.
    await expect(written({ ...one, wrappedKey: other.wrappedKey })).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:bad-decrypt|implausible-plaintext)$/),
    });
  });

  test('of a cut one: truncated-payload, not noise', async () => {
    const members = await sealed(randomBytes(5000), { parameters: CBC });
    writeFileSync(members.payload, readFileSync(members.payload).subarray(0, -5));
    await expect(written(members)).rejects.toMatchObject({ code: 'truncated-payload' });
  });
});
