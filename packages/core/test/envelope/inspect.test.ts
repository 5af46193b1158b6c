import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { inspectEnvelope, oaepWith, parseFlags, publicKeyFingerprint } from '../../src/index.ts';
import type { EnvelopeMembers, SealOptions } from '../../src/index.ts';
import { newDirectory, newReceiver, seal } from './envelope-kit.ts';
import type { Receiver } from './envelope-kit.ts';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await newReceiver(3072);
});

async function sealed(options: Partial<SealOptions> = {}): Promise<EnvelopeMembers> {
  const directory = newDirectory();
  return (await seal(Buffer.from('some text'), { publicKey: receiver.publicKey, directory, ...options })).members;
}

describe('inspection without any key', () => {
  test('says what a sealed envelope is made of', async () => {
    const members = await sealed({ parameters: parseFlags('-aes-256-ctr -pbkdf2 -iter 20000') });
    const payload = readFileSync(members.payload);
    expect(await inspectEnvelope(members)).toEqual({
      members: {
        payload: { path: members.payload, size: payload.length },
        wrappedKey: { path: members.wrappedKey, size: 384 },
        note: { path: members.note, size: statSync(members.note ?? '').size },
        manifest: { path: members.manifest, size: statSync(members.manifest ?? '').size },
        signature: null,
      },
      plaintextName: 'report.csv',
      parameters: { flags: '-aes-256-ctr -pbkdf2 -md sha256 -iter 20000', source: 'manifest' },
      oaep: { candidates: ['sha256'], source: 'manifest' },
      wrappedKey: { modulusBits: 3072, encoding: 'binary' },
      payload: { header: 'salted', armored: false, saltHex: payload.subarray(8, 16).toString('hex') },
      mac: 'present',
      publicKeySha256: publicKeyFingerprint(receiver.publicKey),
      sender: null,
      problems: [],
    });
  });

  test('says what a note says, and guesses the OAEP hash by the name alone', async () => {
    const members = await sealed({ manifest: 'omit', oaep: oaepWith('sha1') });
    writeFileSync(members.note ?? '', 'AES-256-CBC with -aes-256-cbc flag');
    expect(await inspectEnvelope(members)).toMatchObject({
      parameters: { flags: '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000', source: 'note' },
      oaep: { candidates: ['sha1', 'sha256'], source: 'name' },
      mac: 'absent',
      problems: [],
    });
    writeFileSync(members.note ?? '', 'aes-256-cbc\noaep: sha512');
    expect(await inspectEnvelope(members)).toMatchObject({ oaep: { candidates: ['sha512'], source: 'note' } });
  });

  test('takes the caller’s parameters before all others', async () => {
    const members = await sealed();
    expect(await inspectEnvelope(members, parseFlags('-aes-128-cbc -md md5'))).toMatchObject({
      parameters: { flags: '-aes-128-cbc -md md5', source: 'caller' },
    });
  });

  test.each(['-aes-256-cbc -pbkdf2 -a', '-aes-256-cbc -pbkdf2 -a -A'])('sees base64 text (%s)', async (flags) => {
    const members = await sealed({ parameters: parseFlags(flags) });
    const salt = Buffer.from(readFileSync(members.payload, 'latin1'), 'base64').subarray(8, 16).toString('hex');
    writeFileSync(members.wrappedKey, readFileSync(members.wrappedKey).toString('base64'));
    expect(await inspectEnvelope(members)).toMatchObject({
      payload: { header: 'salted', armored: true, saltHex: salt },
      wrappedKey: { encoding: 'base64', modulusBits: 3072 },
      problems: [],
    });
  });

  test('sees that there is no header', async () => {
    const members = await sealed({ parameters: parseFlags('-aes-256-cbc -pbkdf2 -nosalt') });
    expect((await inspectEnvelope(members)).payload).toEqual({ header: 'none', armored: false, saltHex: null });
  });
});

describe('problems are told, not thrown', () => {
  test('all of them, each with its file', async () => {
    const members = await sealed();
    rmSync(members.payload);
    writeFileSync(members.wrappedKey, 'not a key');
    writeFileSync(members.manifest ?? '', '{}');
    const inspection = await inspectEnvelope(members);
    expect(inspection.problems.map(({ code }) => code)).toEqual(['bad-manifest', 'bad-wrapped-key', 'not-found']);
    for (const path of [members.payload, members.wrappedKey, members.manifest]) {
      expect(inspection.problems.some(({ message }) => message.includes(path ?? ''))).toBe(true);
    }
    expect(inspection).toMatchObject({
      parameters: null,
      wrappedKey: null,
      payload: null,
      plaintextName: 'report.csv',
    });
    expect(inspection.members.payload).toEqual({ path: members.payload, size: null });
  });

  test('a missing file once', async () => {
    const members = await sealed();
    rmSync(members.payload);
    expect((await inspectEnvelope(members)).problems.map(({ code }) => code)).toEqual(['not-found']);
  });

  test.each([
    ['cut', (path: string) => truncateSync(path, 20), 'truncated-payload'],
    ['extended', (path: string) => writeFileSync(path, 'x', { flag: 'a' }), 'oversized-payload'],
  ] as const)('a payload that is %s against its manifest', async (_what, change, code) => {
    const members = await sealed();
    change(members.payload);
    expect((await inspectEnvelope(members)).problems.map((problem) => problem.code)).toEqual([code]);
  });

  test('a payload that does not begin as the parameters call for', async () => {
    const members = await sealed({ manifest: 'omit' });
    const payload = readFileSync(members.payload);
    const codes = async (): Promise<readonly string[]> =>
      (await inspectEnvelope(members)).problems.map((problem) => problem.code);
    writeFileSync(members.payload, payload.toString('base64'));
    expect(await codes()).toEqual(['bad-header']);
    writeFileSync(members.payload, 'something else altogether');
    expect(await codes()).toEqual(['bad-header']);
    writeFileSync(members.payload, payload.subarray(0, 10));
    expect(await codes()).toEqual(['truncated-payload']);
    writeFileSync(members.payload, '');
    expect(await codes()).toEqual(['truncated-payload']);
    writeFileSync(members.note ?? '', 'openssl enc -aes-256-cbc -pbkdf2 -nosalt');
    writeFileSync(members.payload, payload);
    expect(await codes()).toEqual(['bad-header']);
  });

  test('payload and wrapped key exchanged', async () => {
    const members = await sealed({ manifest: 'omit' });
    const exchanged = { ...members, payload: members.wrappedKey, wrappedKey: members.payload };
    expect((await inspectEnvelope(exchanged)).problems.map(({ code }) => code)).toContain('swapped-members');
  });

  test('a note that is not understood, and one that is missing', async () => {
    const members = await sealed({ manifest: 'omit' });
    expect((await inspectEnvelope({ ...members, note: null })).problems).toMatchObject([
      { code: 'incomplete-envelope' },
    ]);
    writeFileSync(members.note ?? '', 'hex-encoded with frobnication');
    const { problems } = await inspectEnvelope(members);
    expect(problems).toMatchObject([{ code: 'bad-note', hint: expect.stringContaining('openssl enc') }]);
  });

  test('a name that cannot be used', async () => {
    const members = await sealed({ manifest: 'omit' });
    const path = join(newDirectory(), '..enc');
    writeFileSync(path, readFileSync(members.payload));
    const inspection = await inspectEnvelope({ ...members, payload: path });
    expect(inspection.plaintextName).toBeNull();
    expect(inspection.problems.map(({ code }) => code)).toEqual(['bad-name']);
    expect(inspection.parameters).not.toBeNull();
  });
});
