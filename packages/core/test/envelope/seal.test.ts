import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once as eventOnce } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  DEFAULT_PARAMETERS,
  findEnvelopes,
  formatFlags,
  oaepWith,
  openEnvelope,
  parseFlags,
  parseManifest,
  parseNote,
  payloadSize,
  publicKeyFingerprint,
  SealdropError,
  sealEnvelope,
} from '../../src/index.ts';
import type { EnvelopeMembers, SealOptions } from '../../src/index.ts';
import { runOpenssl } from '../openssl/openssl-enc.ts';
import { rejection } from '../openssl/byte-streams.ts';
import { newDirectory, newReceiver, once, seal, tree } from './envelope-kit.ts';
import type { Receiver } from './envelope-kit.ts';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await newReceiver();
});

function openssl(words: readonly string[]): void {
  const { status, errors } = runOpenssl(words, new Uint8Array(0));
  if (status !== 0) throw new Error(`openssl ${words.join(' ')}: ${errors}`);
}

/** The article's steps 6 and 7, with a local key in KMS's place. */
function openWithOpenssl(members: EnvelopeMembers, flags: string, unwrap: readonly string[]): Buffer {
  const directory = newDirectory();
  const keyFile = join(directory, 'key.bin');
  const plaintext = join(directory, 'plaintext');
  openssl([...unwrap, '-inkey', receiver.privatePath, '-in', members.wrappedKey, '-out', keyFile]);
  openssl(['enc', '-d', ...flags.split(' '), '-in', members.payload, '-out', plaintext, '-pass', `file:${keyFile}`]);
  return readFileSync(plaintext);
}

const UNWRAP = {
  sha256: 'pkeyutl -decrypt -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256'.split(' '),
  sha512: 'pkeyutl -decrypt -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha512'.split(' '),
  sha1: 'rsautl -decrypt -oaep'.split(' '),
};

const knowsSaltLength = runOpenssl(['enc', '-help'], new Uint8Array(0)).errors.includes('-saltlen');

const FLAGS = [
  '-aes-256-cbc -pbkdf2',
  '-aes-256-ctr -pbkdf2 -md sha512 -iter 20000',
  '-chacha20 -pbkdf2',
  '-aes-128-cbc -md md5',
  '-aes-256-cbc -md sha256',
  '-des-ede3-cbc -pbkdf2',
  '-aes-256-cbc -pbkdf2 -a',
  '-aes-256-ctr -pbkdf2 -a',
  '-aes-256-cbc -pbkdf2 -nosalt',
  '-aes-256-cbc -pbkdf2 -S 0011223344556677',
  ...(knowsSaltLength ? ['-aes-256-cbc -pbkdf2 -saltlen 16'] : []),
];

describe('stock openssl opens what was sealed', () => {
  test.each(FLAGS)('with %s, in sizes around the blocks', async (flags) => {
    for (const size of [0, 1, 15, 16, 17, 64 * 1024 + 1]) {
      const plaintext = randomBytes(size);
      const { members, ...sizes } = await seal(plaintext, {
        publicKey: receiver.publicKey,
        directory: newDirectory(),
        parameters: parseFlags(flags),
      });
      expect(openWithOpenssl(members, flags, UNWRAP.sha256)).toEqual(plaintext);
      expect(sizes).toEqual({ plaintextSize: size, payloadSize: statSync(members.payload).size });
      expect(sizes.payloadSize).toBe(payloadSize(size, parseFlags(flags)));
    }
  });

  test('with -a -A on one line', async () => {
    // OpenSSL before 3.5 reads long lines wrong (notes/openssl-enc-facts.md), so this one is short.
    const plaintext = randomBytes(17);
    const flags = '-aes-256-cbc -pbkdf2 -a -A';
    const directory = newDirectory();
    const { members } = await seal(plaintext, {
      publicKey: receiver.publicKey,
      directory,
      parameters: parseFlags(flags),
    });
    expect(readFileSync(members.payload, 'latin1')).toMatch(/^[\w+/=]+$/);
    expect(openWithOpenssl(members, flags, UNWRAP.sha256)).toEqual(plaintext);
  });

  test.each(['sha1', 'sha256', 'sha512'] as const)('in both layouts, wrapped with OAEP %s', async (hash) => {
    for (const layout of ['flat', 'folder'] as const) {
      const plaintext = randomBytes(100);
      const directory = newDirectory();
      const { members } = await seal(plaintext, {
        publicKey: receiver.publicKey,
        directory,
        oaep: oaepWith(hash),
        layout,
      });
      expect(openWithOpenssl(members, '-aes-256-cbc -pbkdf2', UNWRAP[hash])).toEqual(plaintext);
    }
  });
});

describe('the members', () => {
  const plaintext = Buffer.from('some text\n');

  test('stand flat under the plaintext’s name', async () => {
    const directory = newDirectory();
    const { members } = await seal(plaintext, { publicKey: receiver.publicKey, directory });
    expect(members).toEqual({
      payload: join(directory, 'report.csv.enc'),
      wrappedKey: join(directory, 'report.csv.keypke.bin.enc'),
      note: join(directory, 'report.csv.alg'),
      manifest: join(directory, 'report.csv.manifest.json'),
      signature: null,
    });
    expect(Object.keys(tree(directory))).toHaveLength(4);
    expect(await findEnvelopes([directory], 'by-note')).toEqual([members]);
  });

  test('stand in a folder under the article’s names', async () => {
    const directory = newDirectory();
    const { members } = await seal(plaintext, {
      publicKey: receiver.publicKey,
      directory,
      layout: 'folder',
      oaep: oaepWith('sha1'),
    });
    expect(Object.keys(tree(directory))).toEqual([
      'report.csv',
      'report.csv/algorithm.txt',
      'report.csv/key.bin.enc',
      'report.csv/manifest.json',
      'report.csv/report.csv.enc',
    ]);
    expect(await findEnvelopes([join(directory, 'report.csv')], 'by-note')).toEqual([members]);
  });

  test('without a manifest are three', async () => {
    const directory = newDirectory();
    const { members } = await seal(plaintext, { publicKey: receiver.publicKey, directory, manifest: 'omit' });
    expect(members.manifest).toBeNull();
    expect(Object.keys(tree(directory))).toHaveLength(3);
  });

  test('say the same in note and manifest, and the manifest says the sizes and the public key', async () => {
    const directory = newDirectory();
    const parameters = parseFlags('-aes-256-ctr -pbkdf2 -md sha512 -iter 20000');
    const { members } = await seal(plaintext, { publicKey: receiver.publicKey, directory, parameters });
    const note = parseNote(readFileSync(members.note ?? ''));
    expect(note).toEqual({ parameters, oaep: oaepWith('sha256') });
    expect(parseManifest(readFileSync(members.manifest ?? ''))).toMatchObject({
      payload: { file: 'report.csv.enc', size: 26 },
      key: {
        file: 'report.csv.keypke.bin.enc',
        oaep: 'sha256',
        publicKeySha256: publicKeyFingerprint(receiver.publicKey),
      },
      parameters: { cipher: 'aes-256-ctr', kdf: 'pbkdf2', digest: 'sha512', iterations: 20_000 },
      plaintext: { name: 'report.csv', size: 10 },
    });
  });

  test('have fresh keys and salts each time', async () => {
    const directory = newDirectory();
    const one = await seal(plaintext, { publicKey: receiver.publicKey, directory, name: 'one' });
    const two = await seal(plaintext, { publicKey: receiver.publicKey, directory, name: 'two' });
    expect(readFileSync(one.members.payload)).not.toEqual(readFileSync(two.members.payload));
  });

  test.each([
    'server.key',
    'key.bin',
    'key',
    'algorithm',
    'manifest.json',
    'constructor',
    '__proto__',
    '報告書',
    '-rf',
  ])('of a plaintext called %s are found and opened in both layouts, under its true name', async (name) => {
    for (const layout of ['flat', 'folder'] as const) {
      const directory = newDirectory();
      const sealed = await seal(plaintext, { publicKey: receiver.publicKey, directory, name, layout });
      const place = layout === 'flat' ? directory : join(directory, name);
      const [members, ...others] = await findEnvelopes([place], 'by-note');
      expect(members).toEqual(sealed.members);
      expect(others).toEqual([]);
      const opened = await openEnvelope(sealed.members, { keys: [receiver.key] });
      expect(opened.plaintextName).toBe(name);
      expect(Buffer.concat(await Array.fromAsync(opened.plaintext()))).toEqual(plaintext);
    }
  });
});

describe('progress', () => {
  test('counts the plaintext bytes read, to the last', async () => {
    const directory = newDirectory();
    const source = join(directory, 'source');
    writeFileSync(source, Buffer.alloc(3_000_000));
    const counts: number[] = [];
    await sealEnvelope(source, { ...usual(directory), onProgress: (bytes) => counts.push(bytes) });
    expect(counts.at(-1)).toBe(3_000_000);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  });
});

async function only(found: Promise<readonly EnvelopeMembers[]>): Promise<EnvelopeMembers> {
  const [members, ...others] = await found;
  if (members === undefined || others.length > 0) throw new Error('there should be one envelope');
  return members;
}

function usual(directory: string): SealOptions {
  return {
    publicKey: receiver.publicKey,
    parameters: DEFAULT_PARAMETERS,
    oaep: oaepWith('sha256'),
    name: 'report.csv',
    directory,
    layout: 'flat',
    manifest: 'write',
    existing: 'refuse',
  };
}

describe('what exists already', () => {
  const plaintext = Buffer.from('new');

  test.each([
    'report.csv.enc',
    'report.csv.keypke.bin.enc',
    'report.csv.alg',
    'report.csv.manifest.json',
    // These would make the new envelope ambiguous, or vouch for another one.
    'report.csv.key.bin.enc',
    'report.csv.alg.txt',
    'report.csv.manifest.json.sig',
  ])('a file %s is refused before anything is read, and kept', async (name) => {
    const directory = newDirectory();
    writeFileSync(join(directory, name), 'old');
    const before = tree(directory);
    async function* unread(): AsyncGenerator<Uint8Array> {
      if (directory !== '') throw new Error('it was read');
      yield plaintext;
    }
    await expect(sealEnvelope(unread(), usual(directory))).rejects.toMatchObject({
      code: 'already-exists',
      message: expect.stringContaining(name),
    });
    expect(tree(directory)).toEqual(before);
  });

  test('files of other stems are no obstacle', async () => {
    const directory = newDirectory();
    for (const name of ['report.csv', 'report.csv2.enc', 'key.bin.enc', 'algorithm.txt'])
      writeFileSync(join(directory, name), '');
    await expect(seal(plaintext, { publicKey: receiver.publicKey, directory })).resolves.toBeDefined();
  });

  test('is replaced on demand, and no member of the old envelope is left', async () => {
    const directory = newDirectory();
    const publicKey = receiver.publicKey;
    await seal(Buffer.from('old'), { publicKey, directory, oaep: oaepWith('sha1') });
    writeFileSync(join(directory, 'report.csv.manifest.json.sig'), 'of the old manifest');
    writeFileSync(join(directory, 'other.enc'), 'other');
    await seal(plaintext, { publicKey, directory, existing: 'replace', manifest: 'omit' });
    expect(Object.keys(tree(directory))).toEqual([
      'other.enc',
      'report.csv.alg',
      'report.csv.enc',
      'report.csv.keypke.bin.enc',
    ]);
    const opened = await openEnvelope(await only(findEnvelopes([join(directory, 'report.csv')], 'by-note')), {
      keys: [receiver.key],
    });
    expect(Buffer.concat(await Array.fromAsync(opened.plaintext()))).toEqual(plaintext);
  });

  test('stays whole when one of its names is taken by what is no file', async () => {
    const directory = newDirectory();
    const publicKey = receiver.publicKey;
    await seal(Buffer.from('old'), { publicKey, directory });
    mkdirSync(join(directory, 'report.csv.manifest.json.sig'));
    writeFileSync(join(directory, 'report.csv.manifest.json.sig', 'file'), 'precious');
    const before = tree(directory);
    await expect(seal(plaintext, { publicKey, directory, existing: 'replace' })).rejects.toMatchObject({
      code: 'cannot-create',
    });
    expect(tree(directory)).toEqual(before);
  });

  test('a folder is refused, or replaced on demand when it is an envelope', async () => {
    const directory = newDirectory();
    const options = { publicKey: receiver.publicKey, directory, layout: 'folder' } as const;
    await seal(Buffer.from('old'), { ...options, oaep: oaepWith('sha1') });
    const before = tree(directory);
    await expect(seal(plaintext, options)).rejects.toMatchObject({ code: 'already-exists' });
    expect(tree(directory)).toEqual(before);
    const { members } = await seal(plaintext, { ...options, existing: 'replace' });
    expect(readdirSync(join(directory, 'report.csv')).toSorted()).toEqual(
      ['algorithm.txt', 'keypke.bin.enc', 'manifest.json', 'report.csv.enc'].toSorted(),
    );
    const opened = await openEnvelope(members, { keys: [receiver.key] });
    expect(Buffer.concat(await Array.fromAsync(opened.plaintext()))).toEqual(plaintext);
  });

  test.each(['refuse', 'replace'] as const)(
    'the plaintext itself in the folder’s place stays (%s)',
    async (existing) => {
      const directory = newDirectory();
      const source = join(directory, 'report.csv');
      writeFileSync(source, 'precious');
      const before = tree(directory);
      await expect(sealEnvelope(source, { ...usual(directory), layout: 'folder', existing })).rejects.toMatchObject({
        code: 'already-exists',
      });
      expect(tree(directory)).toEqual(before);
    },
  );

  test('a folder with anything but an envelope in it is never replaced', async () => {
    for (const other of ['photo.jpg', '.hidden', 'sub']) {
      const directory = newDirectory();
      mkdirSync(join(directory, 'report.csv'));
      const path = join(directory, 'report.csv', other);
      if (other === 'sub') mkdirSync(path);
      else writeFileSync(path, 'precious');
      const before = tree(directory);
      await expect(
        seal(plaintext, { publicKey: receiver.publicKey, directory, layout: 'folder', existing: 'replace' }),
      ).rejects.toMatchObject({ code: 'already-exists' });
      expect(tree(directory)).toEqual(before);
    }
  });

  test('a dangling link counts', async () => {
    const directory = newDirectory();
    symlinkSync('nowhere', join(directory, 'report.csv.enc'));
    await expect(seal(plaintext, { publicKey: receiver.publicKey, directory })).rejects.toMatchObject({
      code: 'already-exists',
    });
  });
});

describe('sealing that fails leaves nothing behind', () => {
  const plaintext = Buffer.from('plaintext');

  /** Codes and messages of both layouts' failures; fails when anything is left. */
  async function failuresOf(
    source: string | AsyncIterable<Uint8Array>,
    change: Partial<SealOptions>,
  ): Promise<readonly SealdropError[]> {
    const failures: SealdropError[] = [];
    for (const layout of ['flat', 'folder'] as const) {
      const directory = newDirectory();
      const failure = await rejection(sealEnvelope(source, { ...usual(directory), layout, ...change }));
      expect(tree(directory)).toEqual({});
      if (failure instanceof SealdropError) failures.push(failure);
    }
    return failures;
  }

  async function codesOf(
    source: string | AsyncIterable<Uint8Array>,
    change: Partial<SealOptions>,
  ): Promise<readonly string[]> {
    return (await failuresOf(source, change)).map(({ code }) => code);
  }

  test('when the source does not exist, which is named', async () => {
    const failures = await failuresOf('/nonexistent/source', {});
    expect(failures.map(({ code }) => code)).toEqual(['not-found', 'not-found']);
    for (const { message } of failures) expect(message).toMatch(/^\/nonexistent\/source: /);
  });

  test('when the source is a directory', async () => {
    expect(await codesOf(newDirectory(), {})).toEqual(['not-found', 'not-found']);
  });

  test('when the source breaks off', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(100_000);
      throw new Error('connection lost');
    }
    const directory = newDirectory();
    await expect(sealEnvelope(broken(), usual(directory))).rejects.toMatchObject({ code: 'internal' });
    expect(tree(directory)).toEqual({});
  });

  test.each([
    ['', 'bad-name'],
    ['.hidden', 'bad-name'],
    ['a/b', 'bad-name'],
    ['../up', 'bad-name'],
    ['a'.repeat(252), 'bad-name'],
    ['é'.repeat(126), 'bad-name'],
  ])('when the name is %j', async (name, code) => {
    expect(await codesOf(once(plaintext), { name })).toEqual([code, code]);
  });

  test('when the payload would have a wrapped key’s name and no manifest could say its own', async () => {
    expect(await codesOf(once(plaintext), { name: 'server.key', manifest: 'omit' })).toEqual(['bad-name', 'bad-name']);
  });

  test.each(['-aes-256-cbc -K file:k -iv 00', '-aes-256-cbc -pbkdf2 -nopad', '-aes-256-cbc -kfile k'])(
    'when the parameters are %s',
    async (flags) => {
      expect(await codesOf(once(plaintext), { parameters: parseFlags(flags) })).toEqual([
        'bad-parameters',
        'bad-parameters',
      ]);
    },
  );

  test.each([512, 1024, 5120])('when the public key has %i bits, which no receiver opens', async (modulusLength) => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength });
    expect(await codesOf(once(plaintext), { publicKey })).toEqual(['bad-public-key', 'bad-public-key']);
  });

  test('when the public key is no RSA key', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    expect(await codesOf(once(plaintext), { publicKey })).toEqual(['bad-public-key', 'bad-public-key']);
  });

  test('when OAEP has a label or another MGF1 hash', async () => {
    const oaep = { ...oaepWith('sha256'), mgf1Hash: 'sha1' } as const;
    expect(await codesOf(once(plaintext), { oaep })).toEqual(['unsupported-oaep', 'unsupported-oaep']);
    const label = { ...oaepWith('sha256'), label: Uint8Array.of(1) };
    expect(await codesOf(once(plaintext), { oaep: label })).toEqual(['unsupported-oaep', 'unsupported-oaep']);
  });

  test('when the directory does not exist, which is named', async () => {
    const directory = join(newDirectory(), 'missing');
    await expect(sealEnvelope(once(plaintext), usual(directory))).rejects.toMatchObject({
      code: 'cannot-create',
      message: expect.stringContaining(directory),
    });
  });

  test('when the directory is a file', async () => {
    const directory = join(newDirectory(), 'file');
    writeFileSync(directory, '');
    await expect(sealEnvelope(once(plaintext), usual(directory))).rejects.toMatchObject({
      code: 'cannot-create',
      message: expect.stringContaining(directory),
    });
  });

  test('when it was interrupted before it began', async () => {
    expect(await codesOf(once(plaintext), { signal: AbortSignal.abort() })).toEqual(['cancelled', 'cancelled']);
    expect(await codesOf(once(plaintext), { signal: AbortSignal.abort(new Error('stop')) })).toEqual([
      'cancelled',
      'cancelled',
    ]);
  });

  test('when it is interrupted in the middle, of a file or of a stream that keeps it waiting', async () => {
    const directory = newDirectory();
    const source = join(directory, 'source');
    writeFileSync(source, Buffer.alloc(8_000_000));
    const before = tree(directory);
    const ofFile = new AbortController();
    await expect(
      sealEnvelope(source, {
        ...usual(directory),
        signal: ofFile.signal,
        onProgress: () => ofFile.abort(new Error('stop')),
      }),
    ).rejects.toMatchObject({ code: 'cancelled' });
    expect(tree(directory)).toEqual(before);

    const endless = new PassThrough();
    const ofStream = new AbortController();
    const sealing = sealEnvelope(endless, {
      ...usual(directory),
      signal: ofStream.signal,
      onProgress: () => ofStream.abort(),
    });
    endless.write('first');
    await expect(sealing).rejects.toMatchObject({ code: 'cancelled' });
    expect(tree(directory)).toEqual(before);
  });
});

describe('on a full disk', () => {
  const isRoot = process.getuid?.() === 0;
  let mountPoint = '';
  beforeAll(() => {
    if (!isRoot) return;
    mountPoint = mkdtempSync(join(newDirectory(), 'small-'));
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'sealdrop-test', mountPoint]);
    if (status !== 0) mountPoint = '';
  });
  afterAll(() => {
    if (mountPoint !== '') spawnSync('umount', [mountPoint]);
  });

  test.skipIf(!isRoot)('nothing is left, and the fault is passing', async ({ skip }) => {
    if (mountPoint === '') skip('this machine does not allow a mount');
    for (const layout of ['flat', 'folder'] as const) {
      await expect(sealEnvelope(once(Buffer.alloc(2_000_000)), { ...usual(mountPoint), layout })).rejects.toMatchObject(
        { code: 'disk-full', blame: 'passing', message: expect.stringContaining(basename(mountPoint)) },
      );
      expect(tree(mountPoint)).toEqual({});
    }
  });
});

describe('a source that is', () => {
  test('a pipe is read to its end', async () => {
    const directory = newDirectory();
    const pipe = new PassThrough();
    pipe.end('from a pipe');
    await eventOnce(pipe, 'readable');
    const { members, plaintextSize } = await sealEnvelope(pipe, usual(directory));
    expect(plaintextSize).toBe(11);
    expect(openWithOpenssl(members, formatFlags(DEFAULT_PARAMETERS), UNWRAP.sha256).toString()).toBe('from a pipe');
  });
});

test('members appear together: nobody else can read what is staged', async () => {
  const directory = newDirectory();
  let staged: string[] = [];
  await sealEnvelope(once(Buffer.from('x')), {
    ...usual(directory),
    onProgress: () => {
      staged = readdirSync(directory);
      expect(statSync(join(directory, staged[0] ?? '')).mode & 0o777).toBe(0o700);
    },
  });
  expect(staged).toHaveLength(1);
  expect(staged[0]).toMatch(/^\..*\.part$/);
  rmSync(directory, { recursive: true });
});
