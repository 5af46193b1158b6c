import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once as eventOnce } from 'node:events';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  findEnvelopes,
  formatManifest,
  MINIMUM_PASSPHRASE_LENGTH,
  oaepWith,
  openEnvelope,
  parseFlags,
  parseManifest,
  payloadMac,
  publicKeyFingerprint,
} from '../../src/index.ts';
import type { EnvelopeMembers, KeyProvider, Manifest, OpenedEnvelope, OpenOptions } from '../../src/index.ts';
import { inChunks, rejection } from '../openssl/byte-streams.ts';
import { runOpenssl } from '../openssl/openssl-enc.ts';
import { newDirectory, newReceiver, seal, tree } from './envelope-kit.ts';
import type { Receiver } from './envelope-kit.ts';

let receiver: Receiver;
let stranger: Receiver;
beforeAll(async () => {
  receiver = await newReceiver();
  stranger = await newReceiver();
});

function openssl(...words: readonly string[]): void {
  const { status, errors } = runOpenssl(words, new Uint8Array(0));
  if (status !== 0) throw new Error(`openssl ${words.join(' ')}: ${errors}`);
}

interface Recipe {
  readonly directory: string;
  readonly plaintext: Uint8Array;
  readonly flags?: string;
  readonly wrapping?: 'rsautl' | 'pkeyutl';
  readonly keyFile?: Uint8Array | string;
  /** What the payload is encrypted under, when it is not the key file. */
  readonly encryptionKeyFile?: Uint8Array | string;
  readonly names: { readonly payload: string; readonly key: string; readonly note: string };
}

const ARTICLE_NAMES = { payload: 'report.csv.enc', key: 'key.bin.enc', note: 'algorithm.txt' };

/** An envelope made by stock openssl alone, as the article has it. */
function makeTriple(recipe: Recipe): EnvelopeMembers {
  const { directory, names, flags = '-aes-256-cbc -pbkdf2', wrapping = 'rsautl' } = recipe;
  const scratch = newDirectory();
  const at = (name: string): string => join(scratch, name);
  writeFileSync(at('plaintext'), recipe.plaintext);
  writeFileSync(at('key.bin'), recipe.keyFile ?? `${randomBytes(32).toString('base64')}\n`);
  writeFileSync(at('used.bin'), recipe.encryptionKeyFile ?? readFileSync(at('key.bin')));
  const wrap =
    wrapping === 'rsautl'
      ? ['rsautl', '-encrypt', '-oaep']
      : 'pkeyutl -encrypt -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256'.split(' ');
  openssl(...wrap, '-pubin', '-inkey', receiver.publicPath, '-in', at('key.bin'), '-out', join(directory, names.key));
  const pass = ['-pass', `file:${at('used.bin')}`];
  openssl('enc', ...flags.split(' '), '-in', at('plaintext'), '-out', join(directory, names.payload), ...pass);
  writeFileSync(join(directory, names.note), `openssl enc ${flags}\n`);
  return {
    payload: join(directory, names.payload),
    wrappedKey: join(directory, names.key),
    note: join(directory, names.note),
    manifest: null,
    signature: null,
  };
}

async function open(members: EnvelopeMembers, options: Partial<OpenOptions> = {}): Promise<OpenedEnvelope> {
  return openEnvelope(members, { keys: [receiver.key], ...options });
}

async function read(envelope: OpenedEnvelope): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(envelope.plaintext()));
}

/** Both ways to the plaintext. */
async function plaintextsOf(members: EnvelopeMembers, options: Partial<OpenOptions> = {}): Promise<Buffer> {
  const envelope = await open(members, options);
  const streamed = await read(envelope);
  const path = join(newDirectory(), 'plaintext');
  expect(await envelope.writePlaintext(path)).toEqual({ size: streamed.length });
  expect(readFileSync(path)).toEqual(streamed);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  envelope.dispose();
  return streamed;
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** The failure of both ways to the plaintext, which must be the same; no byte comes out and no file is left. */
async function failureOf(members: EnvelopeMembers, options: Partial<OpenOptions> = {}): Promise<Failure> {
  const directory = newDirectory();
  const written = (await rejection(
    open(members, options).then((envelope) => envelope.writePlaintext(join(directory, 'plaintext'))),
  )) as Failure;
  expect(tree(directory)).toEqual({});
  let yielded = 0;
  const streamed = (await rejection(
    open(members, options).then(async (envelope) => {
      for await (const chunk of envelope.plaintext()) yielded += chunk.length;
    }),
  )) as Failure;
  expect(streamed).toMatchObject({ code: written.code, message: written.message });
  expect(yielded).toBe(0);
  return written;
}

describe('a triple made by stock openssl is found and opened', () => {
  const plaintext = randomBytes(1000);

  test.each(
    ['key.enc', 'key.bin.enc', 'keypke.bin.enc'].flatMap((key) =>
      ['alg', 'alg.txt', 'algorithm', 'algorithm.txt'].map((note) => [key, note] as const),
    ),
  )('flat, with .%s and .%s, by its stem, its directory and any of its files', async (key, note) => {
    const directory = newDirectory();
    const names = { payload: 'report.csv.enc', key: `report.csv.${key}`, note: `report.csv.${note}` };
    const members = makeTriple({ directory, plaintext, names });
    const paths = [
      directory,
      join(directory, 'report.csv'),
      ...Object.values(names).map((name) => join(directory, name)),
    ];
    for (const path of paths) expect(await findEnvelopes([path], 'by-note')).toEqual([members]);
    expect(await findEnvelopes(paths, 'by-note')).toEqual([members]);
    expect(await plaintextsOf(members)).toEqual(plaintext);
  });

  test.each([
    ['key.bin.enc', 'rsautl', 'algorithm.txt'],
    ['keypke.bin.enc', 'pkeyutl', 'algorithm'],
    // The name is a habit only: the other hash is tried too.
    ['key.bin.enc', 'pkeyutl', 'Algorithm.md'],
    ['keypke.bin.enc', 'rsautl', 'any.alg'],
    ['any.key.enc', 'pkeyutl', 'any.alg.txt'],
    ['key.enc', 'rsautl', 'algorithm'],
  ] as const)('in a folder, with %s wrapped by %s and %s', async (key, wrapping, note) => {
    const directory = newDirectory();
    const names = { payload: 'report.csv.enc', key, note };
    const members = makeTriple({ directory, plaintext, names, wrapping });
    expect(await findEnvelopes([directory], 'by-note')).toEqual([members]);
    const envelope = await open(members);
    expect(envelope).toMatchObject({
      plaintextName: 'report.csv',
      plaintextSize: null,
      payloadSize: statSync(members.payload).size,
      keyName: receiver.key.name,
      oaep: oaepWith(wrapping === 'rsautl' ? 'sha1' : 'sha256'),
      verification: 'none',
      repairs: [],
    });
    expect(await plaintextsOf(members)).toEqual(plaintext);
  });

  test.each([
    '-aes-256-cbc -pbkdf2',
    '-aes-256-ctr -pbkdf2 -md sha512 -iter 20000',
    '-chacha20 -pbkdf2',
    '-aes-256-cbc -md md5',
    '-aes-256-cbc -pbkdf2 -a',
    '-aes-256-cbc -pbkdf2 -a -A',
    '-aes-256-cbc -pbkdf2 -nosalt',
    '-aes-256-cbc -pbkdf2 -S 0011223344556677',
    '-aes-256-ecb -pbkdf2',
  ])('with %s, in sizes around the blocks', async (flags) => {
    for (const size of [0, 1, 15, 16, 17, 64 * 1024 + 1]) {
      const bytes = randomBytes(size);
      const members = makeTriple({ directory: newDirectory(), plaintext: bytes, flags, names: ARTICLE_NAMES });
      expect(await plaintextsOf(members)).toEqual(bytes);
    }
  });

  test('with its wrapped key as base64 text', async () => {
    const members = makeTriple({ directory: newDirectory(), plaintext, names: ARTICLE_NAMES });
    const { wrappedKey } = members;
    writeFileSync(
      wrappedKey,
      readFileSync(wrappedKey)
        .toString('base64')
        .replaceAll(/(.{64})/g, '$1\r\n'),
    );
    expect(await plaintextsOf(members)).toEqual(plaintext);
  });
});

describe('parameters', () => {
  const plaintext = Buffer.from('some text');

  test('of the caller go before those of the note, which may then be anything', async () => {
    const members = makeTriple({
      directory: newDirectory(),
      plaintext,
      flags: '-aes-128-ctr -md md5',
      names: ARTICLE_NAMES,
    });
    for (const note of ['aes-256-cbc', 'what the sender wrote cannot be understood', '\0']) {
      writeFileSync(members.note ?? '', note);
      expect(await plaintextsOf(members, { parameters: parseFlags('-aes-128-ctr -md md5') })).toEqual(plaintext);
    }
  });

  test('of the receiver’s default count only without note and manifest', async () => {
    const members = makeTriple({
      directory: newDirectory(),
      plaintext,
      flags: '-aes-128-ctr -md md5',
      names: ARTICLE_NAMES,
    });
    const defaultParameters = parseFlags('-aes-128-ctr -md md5');
    expect(await plaintextsOf({ ...members, note: null }, { defaultParameters })).toEqual(plaintext);
    expect(await plaintextsOf(members, { defaultParameters: parseFlags('-aes-256-cbc') })).toEqual(plaintext);
    await expect(open({ ...members, note: null })).rejects.toMatchObject({ code: 'incomplete-envelope' });
  });

  test('that ask for more iterations than allowed are refused before they are worked off', async () => {
    const flags = '-aes-256-cbc -pbkdf2 -iter 20000';
    const members = makeTriple({ directory: newDirectory(), plaintext, flags, names: ARTICLE_NAMES });
    expect(await failureOf(members, { maximumIterations: 19_999 })).toMatchObject({ code: 'limit-exceeded' });
    expect(await plaintextsOf(members, { maximumIterations: 20_000 })).toEqual(plaintext);
    writeFileSync(members.note ?? '', 'openssl enc -aes-256-cbc -pbkdf2 -iter 2147483647');
    expect(await failureOf(members)).toMatchObject({ code: 'limit-exceeded' });
  });
});

describe('keys', () => {
  const plaintext = Buffer.from('some text');

  test('are tried in order', async () => {
    const members = makeTriple({ directory: newDirectory(), plaintext, names: ARTICLE_NAMES });
    const envelope = await open(members, { keys: [stranger.key, receiver.key] });
    expect(envelope.keyName).toBe(receiver.key.name);
    expect(await read(envelope)).toEqual(plaintext);
    await expect(open(members, { keys: [stranger.key] })).rejects.toMatchObject({
      code: 'unwrap-failed',
      message: expect.stringContaining(stranger.key.name),
    });
    await expect(open(members, { keys: [] })).rejects.toMatchObject({ code: 'usage' });
  });

  test('that are none of the manifest’s: the message names the public key that was wrapped with', async () => {
    const { members } = await seal(plaintext, { publicKey: receiver.publicKey, directory: newDirectory() });
    await expect(open(members, { keys: [stranger.key] })).rejects.toMatchObject({
      code: 'unwrap-failed',
      message: expect.stringContaining(publicKeyFingerprint(receiver.publicKey)),
    });
  });

  test('that are the manifest’s: a damaged wrapped key is not blamed on another public key', async () => {
    const { members } = await seal(plaintext, { publicKey: receiver.publicKey, directory: newDirectory() });
    flip(members.wrappedKey, 100);
    const error = (await rejection(open(members))) as Failure;
    expect(error.code).toBe('unwrap-failed');
    expect(error.message).not.toContain('another public key');
  });

  test.each(['', 'short', 'x'.repeat(MINIMUM_PASSPHRASE_LENGTH - 1)])(
    'that others could guess (%j) are refused, unless allowed',
    async (passphrase) => {
      const keyFile = `${passphrase}\n${randomBytes(32).toString('base64')}`;
      const members = makeTriple({ directory: newDirectory(), plaintext, keyFile, names: ARTICLE_NAMES });
      expect(await failureOf(members)).toMatchObject({ code: 'weak-key' });
      expect(await plaintextsOf(members, { weakKeys: 'allow' })).toEqual(plaintext);
    },
  );

  test('never come up in a message', async () => {
    const members = makeTriple({ directory: newDirectory(), plaintext, keyFile: 'hunter2\n', names: ARTICLE_NAMES });
    const error = await failureOf(members);
    expect(`${error.message} ${error.hint}`).not.toContain('hunter2');
  });

  test('are zeroed: the key file as soon as it is read, also when it is refused; the passphrase on dispose', async () => {
    const given: Buffer[] = [];
    const watched: KeyProvider = {
      name: 'watched',
      publicKey: () => receiver.key.publicKey(),
      unwrap: async (wrappedKey, oaep) => {
        const keyFile = await receiver.key.unwrap(wrappedKey, oaep);
        given.push(keyFile);
        return keyFile;
      },
    };
    const members = makeTriple({ directory: newDirectory(), plaintext, names: ARTICLE_NAMES });
    const envelope = await open(members, { keys: [watched] });
    const weak = makeTriple({ directory: newDirectory(), plaintext, keyFile: 'weak', names: ARTICLE_NAMES });
    await expect(open(weak, { keys: [watched] })).rejects.toMatchObject({ code: 'weak-key' });
    expect(given).toHaveLength(2);
    for (const keyFile of given) expect(keyFile).toEqual(Buffer.alloc(keyFile.length));

    expect(await read(envelope)).toEqual(plaintext);
    envelope.dispose();
    envelope.dispose();
    await expect(read(envelope)).rejects.toMatchObject({ code: 'usage' });
    await expect(envelope.writePlaintext(join(newDirectory(), 'x'))).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('a key file with Windows line ends', () => {
  const secret = randomBytes(32).toString('base64');
  const withCr = `${secret}\r\n`;
  const plaintext = randomBytes(100);

  test.each(['-aes-256-cbc -pbkdf2', '-aes-256-cbc -md md5', '-aes-256-cbc -pbkdf2 -a', '-aes-256-ecb -pbkdf2'])(
    'opens a payload encrypted without the CR (%s), and the repair is told',
    async (flags) => {
      const recipe = { directory: newDirectory(), plaintext, flags, keyFile: withCr, names: ARTICLE_NAMES };
      const members = makeTriple({ ...recipe, encryptionKeyFile: secret });
      expect(await plaintextsOf(members)).toEqual(plaintext);
      expect((await open(members)).repairs).toEqual([expect.stringContaining('carriage return')]);
    },
  );

  test('opens a payload encrypted with the CR as it is', async () => {
    for (let round = 0; round < 10; round++) {
      const keyFile = `${randomBytes(32).toString('base64')}\r\n`;
      const members = makeTriple({ directory: newDirectory(), plaintext, keyFile, names: ARTICLE_NAMES });
      expect((await open(members)).repairs).toEqual([]);
      expect(await plaintextsOf(members)).toEqual(plaintext);
    }
  });

  test.each([
    ['without', secret, 1],
    ['with', `${secret}\r`, 0],
  ])('and a MAC opens a CTR payload encrypted %s the CR', async (_what, passphrase, repairs) => {
    const flags = '-aes-256-ctr -pbkdf2';
    const directory = newDirectory();
    const recipe = { directory, plaintext, flags, keyFile: withCr, names: ARTICLE_NAMES };
    const members = {
      ...makeTriple({ ...recipe, encryptionKeyFile: passphrase }),
      manifest: join(directory, 'manifest.json'),
    };
    const payload = readFileSync(members.payload);
    const mac = payloadMac({
      parameters: parseFlags(flags),
      plaintextName: 'report.csv',
      passphrase: Buffer.from(passphrase),
    })
      .update(payload)
      .digest('hex');
    const manifest: Manifest = {
      sealdrop: 1,
      payload: { file: 'report.csv.enc', size: payload.length },
      key: { file: 'key.bin.enc', oaep: 'sha1' },
      parameters: { cipher: 'aes-256-ctr', kdf: 'pbkdf2', digest: 'sha256' },
      mac: { algorithm: 'hmac-sha256', value: mac },
      plaintext: { name: 'report.csv' },
    };
    writeFileSync(members.manifest, formatManifest(manifest));
    const envelope = await open(members);
    expect(envelope.repairs).toHaveLength(repairs);
    expect(envelope.verification).toBe('manifest-mac');
    expect(await plaintextsOf(members)).toEqual(plaintext);
  });
});

function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  const at = offset < 0 ? bytes.length + offset : offset;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

interface Tampering {
  readonly what: string;
  /** With `payload.sha256` in the manifest; the second, where it differs, without. */
  readonly codes: readonly [string, string?];
  readonly tamper: (members: EnvelopeMembers, other: EnvelopeMembers) => void;
}

function copy(from: string, to: string): void {
  writeFileSync(to, readFileSync(from));
}

function editManifest(members: EnvelopeMembers, edit: (manifest: Manifest) => Manifest): void {
  const path = members.manifest ?? '';
  writeFileSync(path, formatManifest(edit(parseManifest(readFileSync(path)))));
}

const TAMPERINGS: readonly Tampering[] = [
  { what: 'a bit of the magic flipped', codes: ['payload-changed'], tamper: ({ payload }) => flip(payload, 0) },
  { what: 'a bit of the salt flipped', codes: ['payload-changed'], tamper: ({ payload }) => flip(payload, 8) },
  { what: 'a bit in the middle flipped', codes: ['payload-changed'], tamper: ({ payload }) => flip(payload, 50_000) },
  { what: 'a bit at the end flipped', codes: ['payload-changed'], tamper: ({ payload }) => flip(payload, -1) },
  {
    what: 'one byte cut off',
    codes: ['truncated-payload'],
    tamper: ({ payload }) => writeFileSync(payload, readFileSync(payload).subarray(0, -1)),
  },
  {
    what: 'a block cut off',
    codes: ['truncated-payload'],
    tamper: ({ payload }) => writeFileSync(payload, readFileSync(payload).subarray(0, -16)),
  },
  { what: 'all cut off', codes: ['truncated-payload'], tamper: ({ payload }) => writeFileSync(payload, '') },
  {
    what: 'a byte added',
    codes: ['oversized-payload'],
    tamper: ({ payload }) => writeFileSync(payload, '\n', { flag: 'a' }),
  },
  {
    what: 'the whole doubled',
    codes: ['oversized-payload'],
    tamper: ({ payload }) => writeFileSync(payload, readFileSync(payload), { flag: 'a' }),
  },
  {
    what: 'another envelope’s payload',
    codes: ['payload-changed'],
    tamper: ({ payload }, other) => copy(other.payload, payload),
  },
  {
    what: 'another envelope’s wrapped key',
    codes: ['wrong-key', 'payload-changed'],
    tamper: ({ wrappedKey }, other) => copy(other.wrappedKey, wrappedKey),
  },
  {
    what: 'another envelope’s manifest',
    codes: ['payload-changed'],
    tamper: ({ manifest }, other) => copy(other.manifest ?? '', manifest ?? ''),
  },
  {
    what: 'a flipped bit in the wrapped key',
    codes: ['unwrap-failed'],
    tamper: ({ wrappedKey }) => flip(wrappedKey, 100),
  },
  {
    what: 'another cipher in the manifest',
    codes: ['wrong-key', 'payload-changed'],
    tamper: (members) =>
      editManifest(members, (manifest) => ({
        ...manifest,
        parameters: { ...manifest.parameters, cipher: 'camellia-256-ofb' },
      })),
  },
  {
    what: 'another iteration count in the manifest',
    codes: ['wrong-key', 'payload-changed'],
    tamper: (members) =>
      editManifest(members, (manifest) => ({
        ...manifest,
        parameters: { ...manifest.parameters, iterations: 10_001 },
      })),
  },
  {
    what: 'another plaintext name in the manifest',
    codes: ['wrong-key', 'payload-changed'],
    tamper: (members) =>
      editManifest(members, (manifest) => ({ ...manifest, plaintext: { ...manifest.plaintext, name: 'report.exe' } })),
  },
  {
    what: 'a larger payload size in the manifest',
    codes: ['truncated-payload'],
    tamper: (members) =>
      editManifest(members, (manifest) => ({
        ...manifest,
        payload: { ...manifest.payload, size: manifest.payload.size + 1 },
      })),
  },
  {
    what: 'a smaller payload size in the manifest',
    codes: ['oversized-payload'],
    tamper: (members) =>
      editManifest(members, (manifest) => ({
        ...manifest,
        payload: { ...manifest.payload, size: manifest.payload.size - 1 },
      })),
  },
  {
    what: 'another MAC in the manifest',
    codes: ['wrong-key', 'payload-changed'],
    tamper: (members) =>
      editManifest(members, (manifest) => ({ ...manifest, mac: { algorithm: 'hmac-sha256', value: '00'.repeat(32) } })),
  },
  {
    what: 'another OAEP hash in the manifest',
    codes: ['unwrap-failed'],
    tamper: (members) => editManifest(members, (manifest) => ({ ...manifest, key: { ...manifest.key, oaep: 'sha1' } })),
  },
  {
    what: 'the payload in the wrapped key’s place',
    codes: ['swapped-members'],
    tamper: ({ payload, wrappedKey }) => copy(payload, wrappedKey),
  },
];

describe('with a MAC, tampering is told for what it is, and nothing comes out', () => {
  const plaintext = randomBytes(100_000);

  async function sealPair(flags: string, digest: 'with' | 'without'): Promise<[EnvelopeMembers, EnvelopeMembers]> {
    const parameters = parseFlags(flags);
    const sealOne = async (): Promise<EnvelopeMembers> => {
      const { members } = await seal(plaintext, {
        publicKey: receiver.publicKey,
        directory: newDirectory(),
        parameters,
      });
      const { output } = runOpenssl(['dgst', '-sha256', '-r', members.payload], new Uint8Array(0));
      const sha256 = output.toString('latin1').slice(0, 64);
      editManifest(members, ({ payload, ...rest }) => ({
        ...rest,
        payload: digest === 'with' ? { ...payload, sha256 } : { file: payload.file, size: payload.size },
      }));
      return members;
    };
    return [await sealOne(), await sealOne()];
  }

  const cases = TAMPERINGS.flatMap((tampering) => [
    { ...tampering, digest: 'with' as const, code: tampering.codes[0] },
    { ...tampering, digest: 'without' as const, code: tampering.codes[1] ?? tampering.codes[0] },
  ]);

  test.each(cases)('$what, $digest a digest: $code', async ({ tamper, digest, code }) => {
    for (const flags of ['-aes-256-cbc -pbkdf2', '-aes-256-ctr -pbkdf2']) {
      const [members, other] = await sealPair(flags, digest);
      expect(await plaintextsOf(members)).toEqual(plaintext);
      tamper(members, other);
      expect(await failureOf(members)).toMatchObject({ code, blame: 'sender' });
    }
  });

  test('a digest that is not the payload’s is payload-changed', async () => {
    const [members] = await sealPair('-aes-256-ctr -pbkdf2', 'with');
    editManifest(members, (manifest) => ({ ...manifest, payload: { ...manifest.payload, sha256: '00'.repeat(32) } }));
    expect(await failureOf(members)).toMatchObject({ code: 'payload-changed' });
  });

  test('another plaintext size is payload-changed, and no file is left', async () => {
    const [members] = await sealPair('-aes-256-ctr -pbkdf2', 'without');
    editManifest(members, (manifest) => ({ ...manifest, plaintext: { ...manifest.plaintext, size: 99_999 } }));
    const directory = newDirectory();
    const envelope = await open(members);
    expect(envelope.plaintextSize).toBe(99_999);
    await expect(envelope.writePlaintext(join(directory, 'x'))).rejects.toMatchObject({ code: 'payload-changed' });
    await expect(read(envelope)).rejects.toMatchObject({ code: 'payload-changed' });
    expect(tree(directory)).toEqual({});
  });

  test('file names in the manifest open no other file', async () => {
    const [members, other] = await sealPair('-aes-256-cbc -pbkdf2', 'with');
    editManifest(members, (manifest) => ({
      ...manifest,
      payload: { ...manifest.payload, file: basename(other.payload) },
      key: { ...manifest.key, file: basename(other.wrappedKey) },
    }));
    expect(await plaintextsOf(members)).toEqual(plaintext);
  });

  test('a manifest that names a path is refused before a key is used', async () => {
    const [members, other] = await sealPair('-aes-256-cbc -pbkdf2', 'with');
    editManifest(members, (manifest) => ({ ...manifest, payload: { ...manifest.payload, file: other.payload } }));
    expect(await failureOf(members)).toMatchObject({ code: 'bad-manifest' });
  });

  test('the caller’s parameters are verified too', async () => {
    const [members] = await sealPair('-aes-256-ctr -pbkdf2', 'with');
    expect(await failureOf(members, { parameters: parseFlags('-aes-256-cfb -pbkdf2') })).toMatchObject({
      code: 'wrong-key',
    });
  });

  test('a payload that is cut after it was verified fails at its end', async () => {
    const parameters = parseFlags('-aes-256-ctr -pbkdf2');
    const directory = newDirectory();
    const { members } = await seal(Buffer.alloc(8_000_000), { publicKey: receiver.publicKey, directory, parameters });
    const envelope = await open(members);
    const cutting = async (): Promise<void> => {
      for await (const chunk of envelope.plaintext()) truncateSync(members.payload, chunk.length);
    };
    await expect(cutting()).rejects.toMatchObject({ code: 'truncated-payload' });
  });
});

describe('writePlaintext', () => {
  const plaintext = Buffer.from('some text');

  async function sealed(): Promise<OpenedEnvelope> {
    const { members } = await seal(plaintext, { publicKey: receiver.publicKey, directory: newDirectory() });
    return open(members);
  }

  test('never overwrites: a file, a directory and a dangling link stay', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'file'), 'precious');
    mkdirSync(join(directory, 'folder'));
    symlinkSync('nowhere', join(directory, 'link'));
    const before = tree(directory);
    const envelope = await sealed();
    for (const name of ['file', 'folder', 'link']) {
      await expect(envelope.writePlaintext(join(directory, name))).rejects.toMatchObject({
        code: 'already-exists',
        message: expect.stringContaining(join(directory, name)),
      });
    }
    expect(tree(directory)).toEqual(before);
  });

  test('says when the directory is missing', async () => {
    const path = join(newDirectory(), 'missing', 'file');
    await expect((await sealed()).writePlaintext(path)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(path),
    });
  });

  test('says when the directory is a file', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'file'), '');
    const path = join(directory, 'file', 'plaintext');
    await expect((await sealed()).writePlaintext(path)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(path),
    });
  });

  test('can be called again', async () => {
    const directory = newDirectory();
    const envelope = await sealed();
    for (const name of ['one', 'two']) {
      await envelope.writePlaintext(join(directory, name));
      expect(readFileSync(join(directory, name))).toEqual(plaintext);
    }
  });

  const isRoot = process.getuid?.() === 0;
  let mountPoint = '';
  beforeAll(() => {
    if (!isRoot) return;
    mountPoint = mkdtempSync(join(newDirectory(), 'small-'));
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'sealdrop-test', mountPoint]).status !== 0) mountPoint = '';
  });
  afterAll(() => {
    if (mountPoint !== '') spawnSync('umount', [mountPoint]);
  });

  test.skipIf(!isRoot)('leaves nothing on a full disk', async ({ skip }) => {
    if (mountPoint === '') skip('this machine does not allow a mount');
    const directory = newDirectory();
    const { members } = await seal(Buffer.alloc(2_000_000), { publicKey: receiver.publicKey, directory });
    const envelope = await open(members);
    const path = join(mountPoint, 'plaintext');
    await expect(envelope.writePlaintext(path)).rejects.toMatchObject({
      code: 'disk-full',
      blame: 'passing',
      message: expect.stringContaining(path),
    });
    expect(tree(mountPoint)).toEqual({});
  });
});

describe('a payload that can be read only once', () => {
  const plaintext = randomBytes(300_000);

  test('is decrypted as a stream, and the MAC is checked at its end', async () => {
    const parameters = parseFlags('-aes-256-ctr -pbkdf2');
    const { members } = await seal(plaintext, { publicKey: receiver.publicKey, directory: newDirectory(), parameters });
    const bytes = readFileSync(members.payload);
    const openStream = async (payload: Uint8Array): Promise<OpenedEnvelope> =>
      openEnvelope({ ...members, payload: inChunks(payload, 1000) }, { keys: [receiver.key] });
    const envelope = await openStream(bytes);
    expect(envelope).toMatchObject({ payloadSize: null, plaintextName: 'report.csv', verification: 'manifest-mac' });
    expect(await read(envelope)).toEqual(plaintext);

    const flipped = Buffer.from(bytes);
    flipped[1000] = (flipped[1000] ?? 0) ^ 1;
    for (const [changed, code] of [
      [flipped, 'payload-changed'],
      [bytes.subarray(0, -1), 'truncated-payload'],
      [Buffer.concat([bytes, Buffer.alloc(1)]), 'oversized-payload'],
    ] as const) {
      await expect(read(await openStream(changed))).rejects.toMatchObject({ code });
      const directory = newDirectory();
      const written = (await openStream(changed)).writePlaintext(join(directory, 'plaintext'));
      await expect(written).rejects.toMatchObject({ code });
      expect(tree(directory)).toEqual({});
    }
  });

  test('has no name of its own', async () => {
    const members = makeTriple({ directory: newDirectory(), plaintext, names: ARTICLE_NAMES });
    const source = { ...members, payload: createReadStream(members.payload) };
    const envelope = await openEnvelope(source, { keys: [receiver.key] });
    expect(envelope.plaintextName).toBe('plaintext');
    expect(await read(envelope)).toEqual(plaintext);
  });

  test('may be a named pipe', async () => {
    const members = makeTriple({ directory: newDirectory(), plaintext, names: ARTICLE_NAMES });
    const pipe = join(newDirectory(), 'pipe');
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    const envelope = await open({ ...members, payload: pipe });
    expect(envelope.payloadSize).toBeNull();
    const feeder = spawn('sh', ['-c', 'cat "$1" > "$2"', 'sh', members.payload, pipe], { stdio: 'inherit' });
    const exited = eventOnce(feeder, 'exit');
    expect(await read(envelope)).toEqual(plaintext);
    expect(await exited).toEqual([0, null]);
  });
});

describe('an interruption', () => {
  test('before the start, in the middle and while the payload keeps one waiting is cancelled, and leaves no file', async () => {
    const directory = newDirectory();
    const { members } = await seal(Buffer.alloc(8_000_000), {
      publicKey: receiver.publicKey,
      directory: newDirectory(),
    });
    await expect(open(members, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });

    const envelope = await open(members);
    const path = join(directory, 'plaintext');
    for (const reason of [undefined, new Error('stop'), 'stop']) {
      const before = envelope.writePlaintext(path, { signal: AbortSignal.abort(reason) });
      await expect(before).rejects.toMatchObject({ code: 'cancelled', blame: 'passing' });
      const middle = new AbortController();
      const onProgress = (): void => middle.abort(reason);
      const interrupted = envelope.writePlaintext(path, { signal: middle.signal, onProgress });
      await expect(interrupted).rejects.toMatchObject({ code: 'cancelled' });
      expect(tree(directory)).toEqual({});
    }

    const endless = new PassThrough();
    const waiting = new AbortController();
    const opened = await openEnvelope({ ...members, payload: endless }, { keys: [receiver.key] });
    const onProgress = (): void => waiting.abort(new Error('stop'));
    const interrupted = opened.writePlaintext(path, { signal: waiting.signal, onProgress });
    endless.write(readFileSync(members.payload).subarray(0, 1000));
    await expect(interrupted).rejects.toMatchObject({ code: 'cancelled' });
    expect(tree(directory)).toEqual({});
  });
});

describe('a member that is missing or no file', () => {
  const roles = ['payload', 'wrappedKey', 'note', 'manifest'] as const;

  test.each(roles)('%s missing is named', async (role) => {
    const { members } = await seal(Buffer.from('x'), { publicKey: receiver.publicKey, directory: newDirectory() });
    const path = join(newDirectory(), 'missing');
    const source = { ...members, manifest: role === 'note' ? null : members.manifest, [role]: path };
    expect(await rejection(open(source))).toMatchObject({ code: 'not-found', message: expect.stringContaining(path) });
  });

  test.each(roles)('%s as a directory is the sender’s fault', async (role) => {
    const { members } = await seal(Buffer.from('x'), { publicKey: receiver.publicKey, directory: newDirectory() });
    const path = newDirectory();
    const source = { ...members, manifest: role === 'note' ? null : members.manifest, [role]: path };
    expect(await rejection(open(source))).toMatchObject({
      code: 'hostile-file',
      blame: 'sender',
      message: expect.stringContaining(path),
    });
  });

  test('a huge note, manifest or wrapped key is not read to its end', async () => {
    const directory = newDirectory();
    const { members } = await seal(Buffer.from('x'), { publicKey: receiver.publicKey, directory });
    const huge = join(directory, 'huge');
    expect(spawnSync('truncate', ['-s', '1T', huge]).status).toBe(0);
    for (const [source, code] of [
      [{ ...members, manifest: huge }, 'limit-exceeded'],
      [{ ...members, manifest: null, note: huge }, 'limit-exceeded'],
      [{ ...members, wrappedKey: huge }, 'bad-wrapped-key'],
    ] as const) {
      await expect(open(source)).rejects.toMatchObject({ code, blame: 'sender' });
    }
    expect(existsSync(huge)).toBe(true);
  });
});
