import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diagnoseEnvelope, formatFlags, formatOaep, openKey, openRepaired, parseOaep } from '../../src/index.ts';
import type { Diagnosis, DiagnoseOptions, EnvelopeMembers, Repair } from '../../src/index.ts';
import { negatives, oaepText, VECTORS } from '../keys/vectors.ts';
import { readNegativeVectors, saidParameters, sha256 } from '../openssl/enc-vectors.ts';

const run = promisify(execFile);

/** Enough for 100,000 iterations; what cannot be opened is given up sooner than a user would. */
const BUDGET = 1_000_000;

/** Where another key of the receiver is the way out. */
const OTHER_KEYS: Readonly<Record<string, string>> = {
  'key-other-rsa': 'keys/other2048.pem',
  'key-other-rsa-size': 'keys/rsa4096.pem',
};

/** What differs from what was said, by vector, for each that can be recovered: the hint's own way out. */
const REPAIRS: Readonly<Record<string, Partial<Repair> & { readonly flags?: string; readonly hash?: string }>> = {
  'data-extra-newline': { payload: 'without-line-end' },
  'data-base64-not-said': { flags: '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000 -a' },
  'data-binary-said-base64': { flags: '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000' },
  'stream-wrong-password': { keyFile: 'without-carriage-return' },
  'key-other-rsa': { keyName: `file:${join(VECTORS, 'keys/other2048.pem')}` },
  'key-other-rsa-size': { keyName: `file:${join(VECTORS, 'keys/rsa4096.pem')}` },
  'key-extra-newline': { wrappedKey: 'without-line-end' },
  'key-base64': { wrappedKey: 'as-sent' },
  'key-base64-oneline': { wrappedKey: 'as-sent' },
  'key-base64-crlf': { wrappedKey: 'as-sent' },
  'key-hex': { wrappedKey: 'from-hexadecimal' },
  'key-hash-said-sha256': { hash: 'sha1' },
  'key-hash-said-sha1': { hash: 'sha256' },
  'key-mgf1-sha1': { hash: 'rsa_oaep_md:sha256 rsa_mgf1_md:sha1' },
  swapped: { members: 'swapped' },
  'data-lf-key-crlf': { keyFile: 'without-carriage-return' },
  'data-crlf-key-lf': { keyFile: 'with-carriage-return' },
  'data-lf-key-crlf-btk': { keyFile: 'without-carriage-return' },
  'data-crlf-key-lf-btk': { keyFile: 'with-carriage-return' },
  'key-bom-added': { keyFile: 'without-byte-order-mark' },
  'key-bom-removed': { keyFile: 'with-byte-order-mark' },
  'key-utf16': { keyFile: 'from-utf16' },
  'key-another-line': { keyFile: 'second-line' },
  'key-trailing-space': { keyFile: 'trimmed' },
  'said-md-sha256-is-md5': { flags: '-aes-256-cbc -md md5' },
  'said-md-md5-is-sha256': { flags: '-aes-256-cbc -md sha256' },
  'said-pbkdf2-is-btk': { flags: '-aes-256-cbc -md sha256' },
  'said-btk-is-pbkdf2': { flags: '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000' },
  'said-iter-10000': { flags: '-aes-256-cbc -pbkdf2 -md sha256 -iter 100000' },
  'said-aes128': { flags: '-aes-256-cbc -md md5' },
  'said-salted-is-not': { flags: '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000 -nosalt' },
  'said-nosalt-is-salted': { flags: '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000' },
  'said-saltlen-8-is-16': { flags: '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000 -saltlen 16' },
  'said-ctr-is-cbc': { flags: '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000' },
};

/** Nothing in noise without padding shows which passphrase was right. */
const UNCERTAIN: ReadonlySet<string> = new Set(['stream-wrong-password']);
/** What the machine's openssl cannot do: `-saltlen` is of OpenSSL 3.2. */
const BEYOND_OPENSSL: ReadonlySet<string> = new Set(['said-saltlen-8-is-16']);

/** What is said of each that cannot be recovered. */
const SENTENCES: Readonly<Record<string, RegExp>> = {
  'data-cut-at-block': /cut or changed on its way, or it was encrypted with another key file/,
  'data-cut-mid-block': /its 1017 bytes are not whole cipher blocks/,
  'data-cut-half': /cut or changed on its way/,
  'data-cut-armored': /base64 text of the payload ends within a group of four/,
  'data-last-block-bit': /cut or changed on its way/,
  'data-before-last-block-bit': /cut or changed on its way/,
  'data-middle-bit': /opens as it is, though without a MAC nothing shows/,
  'data-salt-bit': /cut or changed on its way/,
  'data-magic-bit': /damaged in its first bytes\. Key and parameters fit/,
  'data-magic-bit-armored': /damaged in its first bytes\. Key and parameters fit/,
  'data-empty': /^The payload is empty\.$/,
  'data-8-bytes': /ends inside its header/,
  'data-12-bytes': /ends inside its header/,
  'data-16-bytes': /ends where its ciphertext should begin/,
  'data-8-random-bytes': /less than one cipher block/,
  'data-ascii-mode': /transferred in text mode.* binary mode\. Key and parameters fit/,
  'data-utf8-damage': /took it for UTF-8 text, which destroyed it/,
  'data-base64-bad-char': /not base64 text: it has the character "\*" at offset 200/,
  'data-base64-line-missing': /opens as it is, though without a MAC nothing shows/,
  'data-twice': /appended to itself/,
  'stream-cut': /nothing shows whether rightly\. The plaintext looks like noise/,
  'stream-bit': /nothing shows whether rightly\. The plaintext looks like noise/,
  'key-cut': /key\.enc: has 255 bytes, expected 256, 384 or 512/,
  'key-cut-half': /has 128 bytes/,
  'key-empty': /key\.enc: is empty/,
  'key-bit': /none of the keys and OAEP hashes.* or it is damaged/,
  'key-above-modulus': /none of the keys and OAEP hashes/,
  'key-zero': /none of the keys and OAEP hashes/,
  'key-ascii-mode': /line ends were changed on the way/,
  'key-not-wrapped': /looks like the key file itself, not wrapped/,
  'key-pkcs1v15': /PKCS#1 v1\.5 padding \(rsautl without -oaep\)/,
  'key-label': /with an OAEP label/,
  'same-file-twice': /same file: one of the two was sent twice/,
  'key-nul-first': /begins with a NUL byte/,
  'key-other-password': /encrypted with another key file/,
};

interface Case {
  readonly members: EnvelopeMembers;
  readonly options: DiagnoseOptions;
  readonly original: string;
}

async function caseOf(id: string): Promise<Case> {
  const negative = negatives.find((each) => each.id === id);
  const vector = readNegativeVectors().find((each) => each.id === id);
  if (negative === undefined || vector === undefined) throw new Error(`no vector ${id}`);
  const at = (file: string) => join(VECTORS, 'negative', id, file);
  const keys = [negative.wrap.rsaKeyFile, OTHER_KEYS[id]].filter((file) => file !== undefined);
  return {
    members: { payload: at('data.enc'), wrappedKey: at('key.enc'), note: null, manifest: null, signature: null },
    options: {
      keys: await Promise.all(keys.map((file) => openKey(`file:${join(VECTORS, file)}`))),
      parameters: saidParameters(vector),
      oaep: parseOaep(oaepText(negative.wrap)),
      budget: BUDGET,
    },
    original: negative.originalPlaintextSha256,
  };
}

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealdrop-diagnose-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test('each bad envelope is listed here, as one that is recovered or as one that is not', () => {
  const listed = [...Object.keys(REPAIRS), ...Object.keys(SENTENCES)];
  expect(listed.toSorted()).toEqual(negatives.map(({ id }) => id).toSorted());
});

async function openedPlaintext({ members, options }: Case, { repair }: Diagnosis): Promise<Buffer> {
  if (repair === null) throw new Error('nothing to open it with');
  const opened = await openRepaired(members, repair, options);
  expect(opened.plaintextName).toBe('data');
  expect(opened.repairs.slice(0, repair.changes.length)).toEqual(repair.changes);
  return Buffer.concat(await Array.fromAsync(opened.plaintext()));
}

/** The pipeline as it is told, in the shell of the machine and with its openssl. */
async function plaintextOfCommand(id: string, command: string): Promise<Buffer> {
  const folder = await mkdtemp(join(directory, `${id}-`));
  await run('sh', ['-c', command], { cwd: folder, timeout: 60_000 });
  return readFile(join(folder, 'data'));
}

describe('every envelope that can be recovered is, in the way that its hint says', () => {
  test.each(Object.entries(REPAIRS))('%s', async (id, { flags, hash, ...expected }) => {
    const envelope = await caseOf(id);
    const diagnosis = await diagnoseEnvelope(envelope.members, envelope.options);
    const { verdict, repair, commands, outcome, senderMessage } = diagnosis;
    expect(verdict).toBe(UNCERTAIN.has(id) ? 'ambiguous' : 'certain');
    expect(repair).toMatchObject(expected);
    const found = repair === null ? null : { flags: formatFlags(repair.parameters), hash: formatOaep(repair.oaep) };
    expect(found).toMatchObject({ ...(flags === undefined ? {} : { flags }), ...(hash === undefined ? {} : { hash }) });
    expect(sha256(await openedPlaintext(envelope, diagnosis))).toBe(envelope.original);
    expect(senderMessage === null).toBe(outcome === 'opens-as-stated');
    expect(commands?.openssl).toContain(BEYOND_OPENSSL.has(id) ? '-saltlen 16' : 'openssl enc -d ');
  });

  test.each(Object.keys(REPAIRS).filter((id) => !BEYOND_OPENSSL.has(id)))('%s, by stock openssl too', async (id) => {
    const { members, options, original } = await caseOf(id);
    const { commands } = await diagnoseEnvelope(members, options);
    expect(sha256(await plaintextOfCommand(id, commands?.openssl ?? ''))).toBe(original);
  });
});

describe('of every envelope that cannot be recovered the truth is said, and no repair is certain', () => {
  test.each(Object.entries(SENTENCES))('%s: %s', async (id, sentence) => {
    const envelope = await caseOf(id);
    const { repair, ...diagnosis } = await diagnoseEnvelope(envelope.members, envelope.options);
    expect(diagnosis.sentence).toMatch(sentence);
    const told = `${diagnosis.sentence}\n${diagnosis.senderMessage}`;
    expect(told).not.toContain(VECTORS);
    const isOpen = diagnosis.outcome === 'opens-as-stated';
    expect([diagnosis.outcome, repair?.changes]).toEqual(
      isOpen ? ['opens-as-stated', []] : ['does-not-open', undefined],
    );
    expect(diagnosis.commands === null).toBe(!isOpen);
    expect(diagnosis.senderMessage?.includes('could not open data.enc') ?? false).toBe(!isOpen);
  });
});
