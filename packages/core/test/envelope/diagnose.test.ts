import { execFileSync, spawnSync } from 'node:child_process';
import { constants, createHash, publicEncrypt, randomBytes } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { startKmsEmulator } from '@sealdrop/kms-emulator';
import { describe, expect, test, vi } from 'vitest';
import {
  DIAGNOSIS_BUDGET,
  diagnoseEnvelope,
  formatFlags,
  openKey,
  openEnvelope,
  openRepaired,
  parseFlags,
  SealdropError,
  toSealdropError,
} from '../../src/index.ts';
import type { Diagnosis, DiagnoseOptions, EnvelopeMembers, KeyProvider } from '../../src/index.ts';
import { stubAwsEnvironment } from '../keys/aws-environment.ts';
import { runOpenssl } from '../openssl/openssl-enc.ts';
import { newDirectory, newReceiver, seal } from './envelope-kit.ts';

const receiver = await newReceiver();
const TEXT = Buffer.from('id,name,amount\n1,Ada,12.50\n2,Bob,7.25\n3,Eve,0.00\n'.repeat(20));
const KEY_TEXT = `${randomBytes(32).toString('base64')}\n`;
const BUDGET = 600_000;
/** Milliseconds. The whole budget takes ten seconds of a core, and the cores may be busy with much else. */
const TIMEOUT = 900_000;

interface Sent {
  /** What `openssl enc` was given. */
  readonly flags?: string;
  readonly encryptedWith?: Uint8Array | string;
  readonly wrapped?: Uint8Array | string;
  readonly plaintext?: Uint8Array;
  /** What the note says. */
  readonly note?: string;
  /** What becomes of the payload on its way. */
  readonly change?: (payload: Buffer) => Buffer;
}

/** An envelope as openssl makes it, with a mistake. */
function send(sent: Sent = {}): EnvelopeMembers {
  const { flags = '-aes-256-cbc -pbkdf2', plaintext = TEXT, change = (payload: Buffer) => payload } = sent;
  const { encryptedWith = KEY_TEXT, wrapped = KEY_TEXT, note = '-aes-256-cbc -pbkdf2' } = sent;
  const directory = newDirectory();
  const at = (name: string) => join(directory, name);
  writeFileSync(at('key.bin'), encryptedWith);
  const result = runOpenssl(['enc', ...flags.split(' '), '-pass', `file:${at('key.bin')}`], plaintext);
  if (result.status !== 0) throw new Error(result.errors);
  writeFileSync(at('report.csv.enc'), change(result.output));
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const wrappedKey = publicEncrypt({ key: receiver.publicKey, padding, oaepHash: 'sha256' }, Buffer.from(wrapped));
  writeFileSync(at('report.csv.key.enc'), wrappedKey);
  writeFileSync(at('report.csv.alg'), `openssl enc ${note}\n`);
  return {
    payload: at('report.csv.enc'),
    wrappedKey: at('report.csv.key.enc'),
    note: at('report.csv.alg'),
    manifest: null,
    signature: null,
  };
}

async function diagnose(members: EnvelopeMembers, options: Partial<DiagnoseOptions> = {}): Promise<Diagnosis> {
  const diagnosis = await diagnoseEnvelope(members, { keys: [receiver.key], budget: BUDGET, ...options });
  const told = JSON.stringify(diagnosis);
  expect(secrets().filter((secret) => told.includes(secret))).toEqual([]);
  return diagnosis;
}

/** What no diagnosis may tell, of whichever envelope: key files, and the plaintext. */
function secrets(): readonly string[] {
  const keyFiles = [KEY_TEXT, HEX, Buffer.from(RAW).toString('base64'), ...TWO_LINES.split('\n')];
  return [...keyFiles.map((keyFile) => keyFile.trim()).filter((line) => line !== ''), 'Ada,12.50'];
}

/** Both ways of opening give the plaintext: the repair, and the pipeline of stock openssl. */
async function expectOpens(members: EnvelopeMembers, { repair, commands }: Diagnosis, plaintext: Buffer = TEXT) {
  if (repair === null) throw new Error('no repair');
  const opened = await openRepaired(members, repair, { keys: [receiver.key], weakKeys: 'allow' });
  expect(Buffer.concat(await Array.fromAsync(opened.plaintext())).equals(plaintext)).toBe(true);
  const cwd = newDirectory();
  const { status, stderr } = spawnSync('sh', ['-c', commands?.openssl ?? 'false'], { cwd, encoding: 'utf8' });
  expect([status, stderr.replaceAll(/^\*\*\*.*\n|^Using -iter.*\n/gm, '')]).toEqual([0, '']);
  expect(readFileSync(join(cwd, repair.plaintextName)).equals(plaintext)).toBe(true);
}

const WINDOWS = KEY_TEXT.replace('\n', '\r\n');
const RAW = randomBytes(32).map((byte) => (byte === 0 || byte === 10 ? 1 : byte));
const HEX = `${Buffer.from(RAW).toString('hex')}\n`;
const TWO_LINES = `${randomBytes(48).toString('base64')}\n${randomBytes(16).toString('base64')}\n`;
const UPPERCASE_HEX = HEX.toUpperCase();
const LONG_RAW = Buffer.concat([RAW, RAW]);
const utf16BigEndian = (text: string) => utf16(text).swap16();
const utf16 = (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);

describe('the key file as it was at encryption', () => {
  test.each<readonly [string, Sent]>([
    ['as-sent', {}],
    ['without-carriage-return', { wrapped: WINDOWS }],
    ['with-carriage-return', { encryptedWith: WINDOWS }],
    ['without-byte-order-mark', { wrapped: `\ufeff${KEY_TEXT}` }],
    ['with-byte-order-mark', { encryptedWith: `\ufeff${KEY_TEXT}` }],
    ['without-byte-order-mark-and-carriage-return', { wrapped: `\ufeff${WINDOWS}` }],
    ['without-byte-order-mark', { wrapped: `\ufeff${WINDOWS}`, encryptedWith: WINDOWS }],
    ['from-utf16', { wrapped: utf16(WINDOWS) }],
    ['from-utf16', { wrapped: utf16BigEndian(WINDOWS) }],
    ['to-utf16', { encryptedWith: utf16(KEY_TEXT) }],
    ['trimmed', { wrapped: `  ${KEY_TEXT.trim()} \t\n` }],
    ['second-line', { wrapped: `# made today\n${KEY_TEXT}` }],
    ['joined', { wrapped: TWO_LINES, encryptedWith: TWO_LINES.replaceAll('\n', '') }],
    ['base64-decoded', { wrapped: `${Buffer.from(RAW).toString('base64')}\n`, encryptedWith: RAW }],
    ['base64-encoded', { wrapped: RAW, encryptedWith: `${Buffer.from(RAW).toString('base64')}\n` }],
    ['hexadecimal-decoded', { wrapped: HEX, encryptedWith: RAW }],
    ['hexadecimal-encoded', { wrapped: RAW, encryptedWith: HEX }],
    ['hexadecimal-encoded-uppercase', { wrapped: RAW, encryptedWith: UPPERCASE_HEX }],
    ['its-name', { encryptedWith: 'key.bin\n' }],
    ['its-name-as-an-argument', { encryptedWith: 'file:key.bin\n' }],
    ['base64-encoded-in-lines', { wrapped: LONG_RAW, encryptedWith: runOpenssl(['base64'], LONG_RAW).output }],
  ])('%s', async (reading, sent) => {
    const members = send(sent);
    const diagnosis = await diagnose(members);
    expect(diagnosis).toMatchObject({ verdict: 'certain', repair: { keyFile: reading }, plaintext: 'text' });
    await expectOpens(members, diagnosis);
  });

  test('is found in a stream cipher too, by what the plaintext looks like', async () => {
    const flags = '-aes-256-ctr -pbkdf2';
    const members = send({ flags, note: flags, wrapped: WINDOWS });
    const diagnosis = await diagnose(members);
    expect(diagnosis).toMatchObject({ verdict: 'certain', repair: { keyFile: 'without-carriage-return' } });
    await expectOpens(members, diagnosis);
  });

  test('is the whole text where the passphrase was given as an argument', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'plain'), TEXT);
    writeFileSync(join(directory, 'key.bin'), TWO_LINES);
    const line = 'openssl enc -aes-256-cbc -pbkdf2 -in plain -out data.enc -pass pass:"$(cat key.bin)"';
    execFileSync('sh', ['-c', line], { cwd: directory });
    const members = send({ wrapped: TWO_LINES });
    copyFileSync(join(directory, 'data.enc'), members.payload);
    const diagnosis = await diagnose(members);
    expect(diagnosis).toMatchObject({ verdict: 'certain', repair: { parameters: { passphraseRule: 'argument' } } });
    await expectOpens(members, diagnosis);
  });
});

test('a passphrase that others could guess is said to be one, and the command allows it', async () => {
  for (const [keyFile, words] of [
    ['\nall of it in the second line\n', 'passphrase is empty, so that'],
    ['short\n', 'passphrase has only 5 bytes, so that others can open it too'],
  ] as const) {
    const { outcome, sentence, commands } = await diagnose(send({ encryptedWith: keyFile, wrapped: keyFile }));
    expect(outcome).toBe('opens-as-stated');
    expect(sentence).toContain(words);
    expect(commands?.sealdrop).toMatch(/ --allow-weak-key$/);
  }
  expect((await diagnose(send())).commands?.sealdrop).not.toContain('--allow-weak-key');
});

describe('the parameters that were used', () => {
  test.each([
    ['-aes-256-cbc -md md5', ''],
    ['-aes-256-cbc -md sha1', ''],
    ['-aes-256-cbc -md sha512', ''],
    ['-aes-256-cbc -pbkdf2 -md sha512 -iter 10000', ''],
    ['-aes-256-cbc -pbkdf2 -md sha256 -iter 50000', ''],
    ['-aes-128-cbc -pbkdf2 -md sha256 -iter 10000', ''],
    ['-aes-192-cbc -md sha256', ''],
    ['-aes-256-ctr -pbkdf2 -md sha256 -iter 10000', ''],
    ['-aes-256-cfb -pbkdf2 -md sha256 -iter 10000', ''],
    ['-aes-256-ofb -md md5', ''],
    ['-aes-256-ecb -pbkdf2 -md sha256 -iter 10000', ''],
    ['-des-ede3-cbc -md md5', ''],
    ['-chacha20 -pbkdf2 -md sha256 -iter 10000', ''],
    ['-camellia-256-cbc -pbkdf2 -md sha256 -iter 10000', ''],
    ['-aes-256-cbc -pbkdf2 -md sha256 -iter 10000 -nosalt', ''],
    ['-aes-256-cbc -md md5 -a', ''],
    ['-aes-256-cbc -pbkdf2 -md sha256 -iter 10000 -a -A', ''],
    ['-aes-256-cbc -pbkdf2 -md sha256 -iter 10000', '-aes-256-ctr -pbkdf2'],
    ['-aes-256-cfb -pbkdf2 -md sha256 -iter 10000', '-aes-256-ctr -pbkdf2'],
  ])('%s, where the note says: %s', async (flags, note) => {
    const members = send(note === '' ? { flags } : { flags, note });
    const diagnosis = await diagnose(members);
    const { repair, verdict, senderMessage } = diagnosis;
    expect([verdict, repair === null ? null : formatFlags(repair.parameters)]).toEqual(['certain', flags]);
    expect(senderMessage).toContain(`say in the note what was used: openssl enc ${flags}`);
    await expectOpens(members, diagnosis);
  });

  test.each([
    ['-aes-256-cbc -pbkdf2 -a -A', '-aes-256-cbc -pbkdf2 -a'],
    ['-aes-256-cbc -pbkdf2 -a', '-aes-256-cbc -pbkdf2 -a -A'],
  ])('base64 text is opened by both commands however its lines are broken: %s, said to be %s', async (flags, note) => {
    const members = send({ flags, note });
    const diagnosis = await diagnose(members);
    expect(diagnosis.verdict).toBe('certain');
    await expectOpens(members, diagnosis);
  });

  test('several mistakes at once are found', async () => {
    const members = send({ flags: '-aes-128-cbc -md md5', wrapped: WINDOWS, note: '-aes-256-cbc -pbkdf2' });
    const diagnosis = await diagnose(members);
    expect(diagnosis.verdict).toBe('certain');
    expect(diagnosis.repair?.changes).toHaveLength(3);
    await expectOpens(members, diagnosis);
  });

  test.each([
    ['-chacha20 -pbkdf2 -md sha256 -iter 100000', {}],
    ['-aes-256-ofb -pbkdf2 -md sha512 -iter 10000', {}],
    ['-camellia-256-cbc -pbkdf2 -md sha1 -iter 1000 -a', {}],
    ['-aes-256-cbc -pbkdf2 -md sha256 -iter 100000', { wrapped: WINDOWS }],
    ['-aes-128-cbc -pbkdf2 -md sha512 -iter 10000', { wrapped: WINDOWS }],
    ['-aes-256-ctr -pbkdf2 -md sha256 -iter 100000', { wrapped: utf16(WINDOWS) }],
    ['-chacha20 -pbkdf2 -md sha256 -iter 10000', { wrapped: WINDOWS }],
    ['-aes-256-cbc -pbkdf2 -md sha256 -iter 1000', { wrapped: HEX, encryptedWith: RAW }],
  ])('a rare derivation together with another mistake is found: %s, %#', { timeout: TIMEOUT }, async (flags, sent) => {
    const members = send({ ...sent, flags });
    const diagnosis = await diagnose(members, { budget: DIAGNOSIS_BUDGET });
    const { repair, verdict, effort } = diagnosis;
    expect([verdict, repair === null ? null : formatFlags(repair.parameters)]).toEqual(['certain', flags]);
    expect(effort.iterations).toBeLessThanOrEqual(DIAGNOSIS_BUDGET);
    expect(effort.candidates).toBeLessThanOrEqual(4096);
    await expectOpens(members, diagnosis);
  });

  test('a note that cannot be understood is no obstacle', async () => {
    const members = send({ note: '-aes-256-xyz' });
    const diagnosis = await diagnose(members);
    expect(diagnosis).toMatchObject({ outcome: 'opens-with-repair', verdict: 'certain' });
    expect(diagnosis.sentence).toMatch(/^report\.csv\.alg: .*aes-256-xyz/);
    await expectOpens(members, diagnosis);
  });

  test('an envelope without a note is opened with what the caller says, or the default', async () => {
    const members = { ...send({ flags: '-aes-256-cbc -md sha256' }), note: null };
    expect(await diagnose(members)).toMatchObject({ outcome: 'opens-with-repair', verdict: 'certain' });
    const parameters = parseFlags('-aes-256-cbc -md sha256');
    expect(await diagnose(members, { parameters })).toMatchObject({ outcome: 'opens-as-stated', verdict: 'certain' });
  });
});

describe('a payload that cannot be opened', () => {
  const cut = (bytes: number) => (payload: Buffer) => payload.subarray(0, -bytes);
  const instead = (bytes: Uint8Array | string) => () => Buffer.from(bytes);
  const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), randomBytes(500)]);
  const LUKS = Buffer.concat([Buffer.from('LUKS\u00ba\u00be\u0000\u0002', 'latin1'), randomBytes(500)]);
  const PDF = Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(500)]);

  test.each<readonly [string, (payload: Buffer) => Buffer, RegExp]>([
    ['cut within a block', cut(7), /ends within a cipher block: it was cut.*Key and parameters fit/],
    [
      'cut at a block',
      cut(16),
      /beginning of the payload decrypts as it should, but its end does not.*Key and parameters fit/,
    ],
    ['with bytes after its end', (payload) => Buffer.concat([payload, Buffer.from('###')]), /bytes were added or lost/],
    ['appended to itself', (payload) => Buffer.concat([payload, payload]), /appended to itself/],
    [
      'sent through a text mode',
      (payload) => Buffer.from(payload.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'),
      /text mode/,
    ],
    ['compressed after encryption', (payload) => gzipSync(payload), /compressed with gzip after it was encrypted/],
    ['not encrypted', instead(TEXT), /not encrypted: it is text/],
    ['a PDF document, not encrypted', instead(PDF), /not encrypted: it is a PDF document/],
    ['a PNG image, not encrypted', instead(PNG), /not encrypted: it is a PNG image/],
    ['a LUKS volume', instead(LUKS), /is a LUKS volume, which another program/],
    ['a PGP message', instead('-----BEGIN PGP MESSAGE-----\n\nhQEMA\n'), /is a PGP message, which another program/],
    ['an age file', instead('age-encryption.org/v1\n-> X25519 abc\n'), /is an age file, which another program/],
    ['noise', instead(randomBytes(1008)), /none of the usual parameters/],
  ])('%s', async (_what, change, sentence) => {
    // So long that no run of the test meets a ciphertext without line feeds in most of it.
    const plaintext = Buffer.concat(Array.from({ length: 30 }, () => TEXT));
    const diagnosis = await diagnose(send({ plaintext, change }));
    expect(diagnosis).toMatchObject({ outcome: 'does-not-open', repair: null, commands: null });
    expect(diagnosis.sentence).toMatch(sentence);
    expect(diagnosis.senderMessage).toContain(diagnosis.sentence);
  });

  test.each([
    ['-aes-256-cbc -md sha256', 1],
    ['-aes-256-cbc -md sha256', 2],
    ['-aes-256-cbc -md sha256', 3],
    ['-aes-256-ctr -md sha256', 1],
    ['-des-ede3-cbc -md sha256', 2],
  ])('a short one sent through a text mode, %s, with line ends: %i', async (flags, lineEnds) => {
    const plaintext = TEXT.subarray(0, 400);
    for (;;) {
      const members = send({ plaintext, flags, note: flags });
      const payload = readFileSync(members.payload, 'latin1');
      const at = [...payload.matchAll(/\n/g)].map(({ index }) => index);
      // What is lost behind the last bytes would not show in a mode without padding.
      if (at.length !== lineEnds || (at[0] ?? 0) > 350 || payload.includes('\r\n')) continue;
      writeFileSync(members.payload, payload.replaceAll('\n', '\r\n'), 'latin1');
      const { outcome, sentence } = await diagnose(members);
      expect(outcome).toBe('does-not-open');
      expect(sentence).toMatch(/^The payload was transferred in text mode.*Key and parameters fit/);
      return;
    }
  });

  test('a CMS message', async () => {
    const directory = newDirectory();
    const at = (name: string) => join(directory, name);
    writeFileSync(at('plain'), TEXT);
    const request = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=x',
      '-keyout',
      at('k'),
      '-out',
      at('c'),
    ];
    execFileSync('openssl', request, { stdio: 'ignore' });
    execFileSync('openssl', [
      'cms',
      '-encrypt',
      '-aes256',
      '-binary',
      '-in',
      at('plain'),
      '-outform',
      'DER',
      '-out',
      at('m'),
      at('c'),
    ]);
    const { sentence } = await diagnose(send({ change: () => readFileSync(at('m')) }));
    expect(sentence).toMatch(/is a CMS message, which another program/);
  });

  test('one that was encrypted twice opens, and it is said', async () => {
    const inner = readFileSync(send().payload);
    const members = send({ plaintext: inner });
    const diagnosis = await diagnose(members);
    expect(diagnosis).toMatchObject({ outcome: 'opens-as-stated', verdict: 'certain' });
    expect(diagnosis.sentence).toMatch(
      /encrypted twice, and this opens the outer of the two: what comes out is another payload/,
    );
    expect(diagnosis.plaintext).toBe('another payload of openssl enc');
  });

  test('a line end behind an intact payload is taken off', async () => {
    for (const end of ['\n', '\r\n']) {
      const members = send({ change: (payload) => Buffer.concat([payload, Buffer.from(end)]) });
      const diagnosis = await diagnose(members);
      expect(diagnosis).toMatchObject({ verdict: 'certain', repair: { payload: 'without-line-end' } });
      await expectOpens(members, diagnosis);
    }
  });
});

describe('the manifest', () => {
  const sealed = async () => (await seal(TEXT, { publicKey: receiver.publicKey, directory: newDirectory() })).members;

  test('says of a changed payload what the evidence cannot', async () => {
    const members = await sealed();
    const payload = readFileSync(members.payload);
    payload[200] = (payload[200] ?? 0) ^ 1;
    writeFileSync(members.payload, payload);
    const diagnosis = await diagnose(members);
    expect(diagnosis).toMatchObject({ outcome: 'does-not-open', verdict: 'certain', repair: null });
    expect(diagnosis.sentence).toMatch(/can be decrypted, but the manifest does not vouch for it.*MAC does not fit/);
  });

  test('says of a cut payload how long it was', async () => {
    const members = await sealed();
    writeFileSync(members.payload, readFileSync(members.payload).subarray(0, 500));
    expect((await diagnose(members)).sentence).toMatch(/^report\.csv\.enc: has 500 bytes; the manifest says \d+\./);
  });

  test('names the public key that it was wrapped with when that is none of ours', async () => {
    const other = await newReceiver();
    const diagnosis = await diagnose(await sealed(), { keys: [other.key] });
    expect(diagnosis).toMatchObject({ outcome: 'does-not-open', verdict: 'certain' });
    expect(diagnosis.sentence).toMatch(/wrapped with another public key, SHA-256 [0-9a-f]{64}/);
  });

  test('vouches for an intact one', async () => {
    const diagnosis = await diagnose(await sealed());
    expect(diagnosis).toMatchObject({ outcome: 'opens-as-stated', verdict: 'certain', senderMessage: null });
    expect(diagnosis.sentence).toMatch(/^It opens as it is\. The odds/);
  });

  test('lets a line end behind the payload be taken off', async () => {
    const members = await sealed();
    writeFileSync(members.payload, Buffer.concat([readFileSync(members.payload), Buffer.from('\n')]));
    const diagnosis = await diagnose(members);
    expect(diagnosis).toMatchObject({ verdict: 'certain', repair: { payload: 'without-line-end' } });
    await expectOpens(members, diagnosis);
  });
});

/** Counts what is asked of the key behind it. */
function counting(
  key: KeyProvider,
  location: 'local' | 'remote' = 'local',
): { readonly provider: KeyProvider; readonly asked: string[] } {
  const asked: string[] = [];
  const provider: KeyProvider = {
    name: key.name,
    location,
    publicKey: (options) => key.publicKey(options),
    unwrap: (wrappedKey, oaep, options) => {
      asked.push([createHash('sha256').update(wrappedKey).digest('hex'), oaep.hash, oaep.mgf1Hash].join(' '));
      return key.unwrap(wrappedKey, oaep, options);
    },
  };
  return { provider, asked };
}

describe('what it costs is bounded', () => {
  test('a key is asked once for an envelope whose key opens', async () => {
    const { provider, asked } = counting(receiver.key);
    const { effort } = await diagnose(send({ flags: '-aes-256-cbc -md md5', wrapped: WINDOWS }), { keys: [provider] });
    expect([asked.length, effort.unwraps]).toEqual([1, 1]);
  });

  test('each wrapped key and hash is asked at most once, and no more than 32 times in all', async () => {
    const others = await Promise.all(Array.from({ length: 6 }, () => newReceiver()));
    const counters = others.map(({ key }) => counting(key));
    const { effort, outcome } = await diagnose(send(), { keys: counters.map(({ provider }) => provider) });
    expect(outcome).toBe('does-not-open');
    for (const { asked } of counters) expect(new Set(asked).size).toBe(asked.length);
    const sum = counters.reduce((total, { asked }) => total + asked.length, 0);
    expect([effort.unwraps, sum <= 32]).toEqual([sum, true]);
  });

  test('no more than eight requests are made with keys that are elsewhere, and it is said that more keys are left', async () => {
    const others = await Promise.all(Array.from({ length: 5 }, () => newReceiver()));
    const counters = others.map(({ key }) => counting(key, 'remote'));
    const { effort, sentence } = await diagnose(send(), { keys: counters.map(({ provider }) => provider) });
    const sum = counters.reduce((total, { asked }) => total + asked.length, 0);
    expect([effort.unwraps, sum]).toEqual([8, 8]);
    expect(sentence).toContain('that were tried, which are not all: no more than 8 requests are made for one envelope');
  });

  test('what every key refused when it was opened is not asked again', async () => {
    const { provider, asked } = counting((await newReceiver()).key, 'remote');
    const options = { keys: [provider] };
    const members = send();
    const failure = toSealdropError(await openEnvelope(members, options).catch((error: unknown) => error));
    expect([failure.code, asked.length]).toEqual(['unwrap-failed', 2]);
    const { effort, sentence } = await diagnose(members, { ...options, failure });
    expect([effort.unwraps, new Set(asked).size]).toEqual([asked.length - 2, asked.length]);
    expect(sentence).toMatch(/^The wrapped key opens with none of the keys and OAEP hashes\./);
  });

  test('that no key has the size is said whether or not they were asked before', async () => {
    for (const location of ['local', 'remote'] as const) {
      const keys = [counting((await newReceiver(3072)).key, location).provider];
      const members = send();
      const failure = toSealdropError(await openEnvelope(members, { keys }).catch((error: unknown) => error));
      expect((await diagnose(members, { keys, failure })).sentence).toMatch(/none of the keys has that size/);
    }
  });

  test('a key that is elsewhere is not asked for a wrapped key of another size', async () => {
    const { provider, asked } = counting((await newReceiver(3072)).key, 'remote');
    expect(await diagnose(send(), { keys: [provider, receiver.key] })).toMatchObject({ outcome: 'opens-as-stated' });
    const { verdict, sentence } = await diagnose(send(), { keys: [provider] });
    expect(verdict).toBe('certain');
    expect(sentence).toMatch(/made for an RSA key of 2048 bits, and none of the keys has that size/);
    expect(asked).toEqual([]);
  });

  test('with keys in AWS KMS it is eight requests, and one for each public key in all', async () => {
    const kms = await startKmsEmulator();
    stubAwsEnvironment(kms.environment);
    try {
      const keys = await Promise.all(Array.from({ length: 5 }, () => openKey(kms.createKey().arn)));
      for (let count = 0; count < 2; count++) await diagnose(send(), { keys });
      const asked = Object.groupBy(kms.requests, ({ operation }) => operation);
      expect([asked['Decrypt']?.length, asked['GetPublicKey']?.length]).toEqual([16, 5]);
    } finally {
      vi.unstubAllEnvs();
      await kms.close();
    }
  });

  test('PBKDF2 computes no more than the budget', async () => {
    for (const budget of [0, 25_000, 100_000]) {
      const { effort } = await diagnose(send({ encryptedWith: 'another key, of which nobody knows\n' }), { budget });
      expect(effort.iterations).toBeLessThanOrEqual(budget);
    }
  });

  test('what looks like something else than a payload is not tried with every derivation', async () => {
    const members = send({ change: () => Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(500)]) });
    const { effort, sentence } = await diagnose(members, { budget: DIAGNOSIS_BUDGET });
    expect(sentence).toContain('it is a PDF document');
    expect(effort.iterations).toBeLessThan(DIAGNOSIS_BUDGET / 10);
  });

  test('of a large payload the ends are read, not what lies between', async () => {
    const members = send({ plaintext: Buffer.alloc(3_000_000, TEXT), flags: '-aes-256-cbc -md md5' });
    const payload = readFileSync(members.payload);
    payload.fill(0, 100_000, payload.length - 1000);
    writeFileSync(members.payload, payload);
    expect(await diagnose(members)).toMatchObject({ verdict: 'certain', repair: { keyFile: 'as-sent' } });
  });
});

describe('what is not the sender’s fault is thrown', () => {
  test('a key that may not be used', async () => {
    const denied: KeyProvider = {
      name: 'denied',
      publicKey: () => Promise.reject(new Error('not asked')),
      unwrap: () => Promise.reject(new SealdropError('access-denied', 'no')),
    };
    await expect(diagnose(send(), { keys: [denied] })).rejects.toMatchObject({ code: 'access-denied' });
    expect(await diagnose(send(), { keys: [denied, receiver.key] })).toMatchObject({ outcome: 'opens-as-stated' });
  });

  test('a file that is not there', async () => {
    const members = send();
    await expect(diagnose({ ...members, payload: `${members.payload}x` })).rejects.toMatchObject({ code: 'not-found' });
  });

  test('an interruption', async () => {
    const signal = AbortSignal.abort();
    await expect(diagnose(send(), { signal })).rejects.toMatchObject({ code: 'cancelled' });
  });
});

test('nothing that is said holds the key, the plaintext or the receiver’s directories', async () => {
  for (const sent of [{ wrapped: WINDOWS }, { change: (payload: Buffer) => payload.subarray(0, -3) }, {}]) {
    const members = send(sent);
    const diagnosis = await diagnose(members);
    // The names of temporary directories are random.
    const told = JSON.stringify(diagnosis).replaceAll(/sealdrop-envelope-\w{6}/g, '');
    expect(told).not.toContain(KEY_TEXT.trim());
    expect(told).not.toContain('Ada');
    const words = `${diagnosis.sentence}\n${diagnosis.senderMessage}`;
    expect(words).not.toContain(members.payload.slice(0, -basename(members.payload).length));
    expect(words).not.toContain(receiver.privatePath);
  }
});

test('of two modes that share the first block, neither is certain by that block alone', async () => {
  const plaintext = Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), randomBytes(2000)]);
  const note = '-aes-256-cbc -pbkdf2';
  const { verdict } = await diagnose(send({ plaintext, flags: '-aes-256-cfb -pbkdf2', note }));
  expect(verdict).not.toBe('certain');
});
