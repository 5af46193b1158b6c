import * as fc from 'fast-check';
import { createDecipheriv, createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { MAXIMUM_KEY_FILE_SIZE, type PassphraseRule, readPassphrase } from '../../src/index.ts';
import { runOpenssl, temporaryDirectory, writeKeyFile } from './openssl-enc.ts';

const directory = temporaryDirectory();
const PLAINTEXT = 'the machine’s openssl read this key file';

/** Whether the machine's openssl, told to read the key file under the rule, takes this passphrase from it; null when it refuses the file. */
function opensslTakes(keyFile: Uint8Array, flag: string, passphrase: Uint8Array): boolean | null {
  const path = writeKeyFile(directory, keyFile);
  const source = flag === '-kfile' ? ['-kfile', path] : ['-pass', `file:${path}`];
  const { status, output } = runOpenssl(['enc', '-aes-256-ctr', '-nosalt', ...source], Buffer.from(PLAINTEXT));
  if (status !== 0) return null;
  const key = createHash('sha256').update(passphrase).digest();
  const iv = createHash('sha256').update(key).update(passphrase).digest().subarray(0, 16);
  return createDecipheriv('aes-256-ctr', key, iv).update(output).toString('utf8') === PLAINTEXT;
}

const text = (content: string): Buffer => Buffer.from(content, 'latin1');

const KEY_FILES: Readonly<Record<string, Buffer>> = {
  'a line with LF': text('secret\n'),
  'a line without LF': text('secret'),
  'a line with CRLF': text('secret\r\n'),
  'a line with CR': text('secret\r'),
  'two lines': text('secret\nsecond\n'),
  'a BOM': text('\u00ef\u00bb\u00bfsecret\n'),
  'a NUL inside': text('sec\0ret\n'),
  'a CR before a NUL': text('secret\r\0ret\n'),
  'several CRs': text('secret\r\r\r\n'),
  'spaces around': text('  secret \n'),
  '127 bytes': text(`${'x'.repeat(127)}\n`),
  '128 bytes': text(`${'x'.repeat(128)}\n`),
  '126 bytes and a CR': text(`${'x'.repeat(126)}\rmore\n`),
  '1,022 bytes': text(`${'y'.repeat(1022)}\n`),
  '1,023 bytes': text(`${'y'.repeat(1023)}\n`),
  '1,024 bytes': text(`${'y'.repeat(1024)}\n`),
};

describe.each([
  ['file', '-pass'],
  ['kfile', '-kfile'],
] as const)('the rule %s', (rule, flag) => {
  test.each(Object.entries(KEY_FILES))('reads a key file with %s as openssl does', (_title, keyFile) => {
    expect(opensslTakes(keyFile, flag, readPassphrase(keyFile, rule))).toBe(true);
  });

  test.each([
    ['is empty', ''],
    ['begins with a NUL', '\0secret\n'],
  ])('refuses a key file that %s as openssl does', (_title, content) => {
    expect(() => readPassphrase(text(content), rule)).toThrow(expect.objectContaining({ code: 'bad-key-file' }));
    expect(opensslTakes(text(content), flag, Buffer.alloc(0))).toBeNull();
  });
});

describe('a key file that begins with a line feed', () => {
  test('is the empty passphrase under -pass file:, as openssl has it', () => {
    const keyFile = text('\nsecret\n');
    expect(readPassphrase(keyFile, 'file')).toHaveLength(0);
    expect(opensslTakes(keyFile, '-pass', Buffer.alloc(0))).toBe(true);
  });

  test('is refused under -kfile, as openssl does', () => {
    const keyFile = text('\nsecret\n');
    expect(() => readPassphrase(keyFile, 'kfile')).toThrow(expect.objectContaining({ code: 'bad-key-file' }));
    expect(opensslTakes(keyFile, '-kfile', Buffer.alloc(0))).toBeNull();
  });
});

test('the rule argument drops NUL bytes and trailing line feeds, as a shell does', () => {
  expect(readPassphrase(text('one\r\ntw\0o\n\n\n'), 'argument').toString('latin1')).toBe('one\r\ntwo');
});

test.each<PassphraseRule>(['file', 'kfile', 'argument'])(
  'a key file above the limit is refused under the rule %s',
  (rule) => {
    const large = Buffer.alloc(MAXIMUM_KEY_FILE_SIZE + 1, 'a');
    expect(() => readPassphrase(large, rule)).toThrow(
      expect.objectContaining({ code: 'bad-key-file', message: expect.stringContaining('too large') }),
    );
    expect(readPassphrase(large.subarray(1), rule).length).toBeGreaterThan(0);
  },
);

test.each<PassphraseRule>(['file', 'kfile', 'argument'])('the passphrase is a copy under the rule %s', (rule) => {
  const keyFile = text('secret\n');
  readPassphrase(keyFile, rule).fill(0);
  expect(keyFile.toString('latin1')).toBe('secret\n');
});

test('any key file gives a part of itself or is refused', () => {
  const rules = fc.constantFrom<PassphraseRule>('file', 'kfile');
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 1100 }), rules, (keyFile, rule) => {
      fc.pre(keyFile[0] !== 0 && keyFile[0] !== 10 && keyFile[0] !== 13);
      const passphrase = readPassphrase(keyFile, rule);
      expect(passphrase.equals(keyFile.subarray(0, passphrase.length))).toBe(true);
      expect(passphrase.includes(10) || passphrase.includes(0)).toBe(false);
    }),
  );
});
