/** Envelopes so large that threads do the work: the same promises hold as for small ones. */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_PARAMETERS, oaepWith, openEnvelope, parseFlags, sealEnvelope } from '../../src/index.ts';
import type { EnvelopeMembers, SealOptions } from '../../src/index.ts';
import { THREADS_PAY_FROM } from '../../src/openssl/payload-file.ts';
import { newDirectory, newReceiver, type Receiver, seal, tree } from './envelope-kit.ts';

const SIZE = THREADS_PAY_FROM + 4099;
/** The end is text: wherever it is cut, no byte of it looks like a padding. */
const plaintext = Buffer.concat([
  Buffer.from('column,column\n'.repeat(1000)),
  randomBytes(SIZE - 14_000 - 8192),
  Buffer.alloc(8192, 'row,row\n'),
]);

let receiver: Receiver;
let source = '';
beforeAll(async () => {
  receiver = await newReceiver();
  source = join(newDirectory(), 'source');
  writeFileSync(source, plaintext);
});

async function sealFile(changes: Partial<SealOptions> = {}): Promise<EnvelopeMembers> {
  const { members, plaintextSize } = await sealEnvelope(source, {
    publicKey: receiver.publicKey,
    parameters: DEFAULT_PARAMETERS,
    oaep: oaepWith('sha256'),
    name: 'large.csv',
    directory: newDirectory(),
    layout: 'flat',
    manifest: 'write',
    existing: 'refuse',
    ...changes,
  });
  expect(plaintextSize).toBe(SIZE);
  return members;
}

async function open(members: EnvelopeMembers) {
  return openEnvelope(members, { keys: [receiver.key], implausible: 'refuse' });
}

/** Opens into a file, of which nothing must be left when it fails. */
async function openInto(members: EnvelopeMembers): Promise<Buffer> {
  const output = join(newDirectory(), 'plaintext');
  const envelope = await open(members);
  try {
    expect(await envelope.writePlaintext(output)).toEqual({ size: SIZE });
    return readFileSync(output);
  } catch (error) {
    if (existsSync(output)) throw new Error('a file is left', { cause: error });
    throw error;
  } finally {
    envelope.dispose();
  }
}

describe.each(['-aes-256-cbc -pbkdf2', '-aes-128-ctr -pbkdf2', '-aes-256-ofb -pbkdf2', '-chacha20 -md sha256'])(
  'a large file under %s',
  (flags) => {
    test.each(['write', 'omit'] as const)('comes back as it was (manifest: %s)', async (manifest) => {
      const members = await sealFile({ parameters: parseFlags(flags), manifest });
      expect((await openInto(members)).equals(plaintext)).toBe(true);
    });
  },
);

test('a large payload from a stream and from a file are opened alike, and its MAC holds for both', async () => {
  const { members } = await seal(plaintext, { publicKey: receiver.publicKey, directory: newDirectory() });
  expect((await openInto(members)).equals(plaintext)).toBe(true);
  const envelope = await open(await sealFile());
  expect(await envelope.verifyPayload()).toBe('manifest-mac');
  const hash = createHash('sha256');
  for await (const chunk of envelope.plaintext()) hash.update(chunk);
  expect(hash.digest('hex')).toBe(createHash('sha256').update(plaintext).digest('hex'));
});

test('stock openssl opens a large payload', async () => {
  const members = await sealFile();
  const wrapped = ['pkeyutl', '-decrypt', '-inkey', receiver.privatePath, '-in', members.wrappedKey];
  const key = spawnSync('openssl', [...wrapped, '-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', 'rsa_oaep_md:sha256']);
  const keyPath = join(newDirectory(), 'key.bin');
  writeFileSync(keyPath, key.stdout);
  const flags = [
    'enc',
    '-d',
    '-aes-256-cbc',
    '-pbkdf2',
    '-md',
    'sha256',
    '-pass',
    `file:${keyPath}`,
    '-in',
    members.payload,
  ];
  const { stdout, status } = spawnSync('openssl', flags, { maxBuffer: 2 * SIZE });
  expect(status).toBe(0);
  expect(stdout.equals(plaintext)).toBe(true);
});

describe('a large payload that was changed', () => {
  test.each([
    ['at its beginning', 100],
    ['in its middle', SIZE / 2],
    ['at its end', SIZE],
  ])('%s is refused by its MAC, and nothing is left', async (_title, position) => {
    const members = await sealFile();
    writeSync(openSync(members.payload, 'r+'), Buffer.from('changed'), 0, 7, Math.floor(position));
    await expect(openInto(members)).rejects.toMatchObject({
      code: 'payload-changed',
      blame: 'sender',
      message: expect.stringContaining(members.payload),
    });
  });

  test('without a manifest is refused when its end does not fit, and the payload is named', async () => {
    const members = await sealFile({ manifest: 'omit' });
    truncateSync(members.payload, THREADS_PAY_FROM);
    await expect(openInto(members)).rejects.toMatchObject({
      code: 'bad-decrypt',
      message: expect.stringContaining(members.payload),
    });
    truncateSync(members.payload, THREADS_PAY_FROM + 1);
    await expect(openInto(members)).rejects.toMatchObject({ code: 'truncated-payload' });
  });

  test('without a manifest and a padding is refused as noise under another key', async () => {
    const parameters = parseFlags('-aes-256-ctr -pbkdf2');
    const members = await sealFile({ manifest: 'omit', parameters });
    const other = await sealFile({ manifest: 'omit', parameters });
    await expect(openInto({ ...members, wrappedKey: other.wrappedKey })).rejects.toMatchObject({
      code: 'implausible-plaintext',
      message: expect.stringContaining(members.payload),
    });
  });
});

test('sealing that is interrupted leaves nothing', async () => {
  const directory = newDirectory();
  const controller = new AbortController();
  const onProgress = (): void => controller.abort();
  const sealing = sealFile({ directory, signal: controller.signal, onProgress });
  await expect(sealing).rejects.toMatchObject({ code: 'cancelled' });
  expect(tree(directory)).toEqual({});
});

test('opening that is interrupted leaves nothing', async () => {
  const directory = newDirectory();
  const envelope = await open(await sealFile());
  const controller = new AbortController();
  const onProgress = (): void => controller.abort();
  const writing = envelope.writePlaintext(join(directory, 'plaintext'), { signal: controller.signal, onProgress });
  await expect(writing).rejects.toMatchObject({ code: 'cancelled' });
  expect(tree(directory)).toEqual({});
});
