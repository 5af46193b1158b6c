import { execFileSync } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { checkPlausible, EVIDENCE_SIZE, judgePlaintext } from '../../src/index.ts';

const TEXT = readFileSync(import.meta.filename);
const PROGRAM = readFileSync(process.execPath).subarray(0, 4 * EVIDENCE_SIZE);

/** Noise that is the same at every run: AES-CTR over zeroes. */
function noise(size: number, seed = 0): Buffer {
  const key = Buffer.alloc(32);
  key.writeUInt32BE(seed);
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** As what openssl enc wrote is opened: its ciphertext is noise without a repetition. */
function check(plaintext: Buffer, name: string): void {
  checkPlausible({ plaintext, ciphertext: randomBytes(plaintext.length), cipher: 'aes-256-cbc' }, name);
}

describe('what a right key gives is more than noise', () => {
  test.each<readonly [string, Buffer, string]>([
    ['English text', Buffer.from('Dear Sir or Madam, please find the figures below.'), 'text'],
    ['a CSV file', Buffer.from('id;name;amount\n1;Ada;12.50\n2;Bob;7.25\n3;Eve;0.00\n'), 'text'],
    ['JSON on one line', Buffer.from('{"id":17,"name":"Ada","tags":["a","b"],"amount":12.5,"ok":true}'), 'text'],
    ['German in ISO 8859-1', Buffer.from('Grüße aus Köln: Öl, Äpfel und Übermut für alle', 'latin1'), 'text'],
    ['Chinese in UTF-8', Buffer.from('這是一個測試文件，裡面只有中文字。'), 'text'],
    ['Russian in UTF-8', Buffer.from('Добрый день, это проверка шифрования'), 'text'],
    ['base64', Buffer.from(noise(90).toString('base64')), 'text'],
    ['hexadecimal digits', Buffer.from(noise(40).toString('hex')), 'text'],
    ['zeroes', Buffer.alloc(100), 'structured'],
    ['UTF-16', Buffer.from('\ufeffname;amount\r\nAda;12\r\nBob;7\r\nEve;0', 'utf16le'), 'file'],
    [
      '16-bit samples of a tone',
      Buffer.from(Int16Array.from({ length: 400 }, (_, n) => 300 * Math.sin(n / 9)).buffer),
      'structured',
    ],
    ['gzip data', gzipSync(TEXT), 'file'],
    ['a program', PROGRAM, 'file'],
    ['a tar archive', execFileSync('tar', ['-cf', '-', '-C', import.meta.dirname, 'evidence.test.ts']), 'file'],
  ])('%s', (_what, plaintext, kind) => {
    const { bits, appearance } = judgePlaintext(plaintext);
    expect(appearance.kind).toBe(kind);
    expect(bits).toBeGreaterThan(kind === 'file' ? 24 : 32);
    expect(() => check(plaintext, 'f')).not.toThrow();
  });

  test.each<readonly [string, string, string]>([
    ['504b0304140008080800', 'a ZIP archive', ''],
    ['255044462d312e37', 'a PDF document', ''],
    ['89504e470d0a1a0a0000000d49484452', 'a PNG image', ''],
    ['ffd8ffe000104a464946', 'a JPEG image', ''],
    ['d0cf11e0a1b11ae1', 'an Office document', ''],
    ['fd377a585a000004', 'xz data', ''],
    ['28b52ffd', 'Zstandard data', ''],
    ['5d00008000ffffffffffffffff', 'LZMA data', ''],
    ['85020c0300', 'a PGP message', ''],
    ['845e03000102030405060712010740', 'a PGP message', ''],
    ['8c0d0409030a', 'a PGP message', ''],
    ['c1c04c0300', 'a PGP message', ''],
    ['c30d0409030a', 'a PGP message', ''],
    ['1f8b08040000000000ff0600424302', 'gzip data', ''],
    ['774f46320001000000', 'a web font', ''],
    ['774f46464f54544f', 'a web font', ''],
    ['000100000011010000040010', 'a font', ''],
    ['03d9a29a67fb4bb5', 'a KeePass database', ''],
    ['308209c90201033082098f06092a864886f70d010701', 'a PKCS #12 file', ''],
    ['41455302000000', 'an AES Crypt file', ''],
    ['ff060000734e61507059', 'Snappy data', ''],
    ['4c5a495001', 'lzip data', ''],
    ['377abcaf271c0004', 'a 7z archive', ''],
    ['53514c69746520666f726d6174203300', 'a SQLite database', ''],
    ['50415231', 'a Parquet file', ''],
    ['53616c7465645f5f', 'another payload of openssl enc', ''],
    ['7573746172003030', 'a tar archive', '00'.repeat(257)],
  ])('%s is the beginning of %s', (beginning, name, before) => {
    const bytes = Buffer.concat([Buffer.from(before + beginning, 'hex'), noise(2000)]);
    expect(judgePlaintext(bytes).appearance).toEqual({ kind: 'file', name });
    expect(() => check(bytes, 'f')).not.toThrow();
  });

  test.each([
    ['deflate', deflateRawSync(PROGRAM)],
    ['Brotli', brotliCompressSync(PROGRAM)],
  ])('%s without a file signature is not as uniform as noise', (_name, compressed) => {
    expect(compressed.length).toBeGreaterThan(EVIDENCE_SIZE);
    expect(judgePlaintext(compressed).appearance.kind).toBe('structured');
  });
});

describe('noise', () => {
  test.each([256, 1000, 1280, 5000, 65_536, 200_000])('of %i bytes is told as noise, and refused', (size) => {
    expect(judgePlaintext(noise(size)).appearance).toEqual({ kind: 'noise' });
    expect(() => check(noise(size), 'in/a.enc')).toThrow(
      expect.objectContaining({
        code: 'implausible-plaintext',
        blame: 'sender',
        message: expect.stringMatching(/^in\/a.enc: /),
      }),
    );
  });

  test.each([1, 16, 100, 255])('of %i bytes is undecided, and passes: it may be a key or a token', (size) => {
    expect(judgePlaintext(noise(size)).appearance).toEqual({ kind: 'undecided' });
    expect(() => check(noise(size), 'f')).not.toThrow();
  });

  test('nothing is undecided of an empty plaintext', () => {
    expect(judgePlaintext(Buffer.alloc(0)).appearance).toEqual({ kind: 'empty' });
  });

  test.each([4, 16, 64, 400])('of %i bytes reaches b bits at most once in 2^b times', (size) => {
    const trials = 20_000;
    const all = noise(trials * size, size);
    const bits = Array.from({ length: trials }, (_, n) => judgePlaintext(all.subarray(n * size, (n + 1) * size)).bits);
    for (const bound of [1, 2, 4, 6, 8, 10]) {
      // Three standard deviations of a binomial count are allowed on top.
      const most = trials / 2 ** bound;
      expect(bits.filter((each) => each >= bound).length).toBeLessThanOrEqual(most + 3 * Math.sqrt(most));
    }
  });

  test('is refused whatever its bytes are: once in 500 times at most it passes', () => {
    const refused = Array.from({ length: 500 }, () => judgePlaintext(randomBytes(2000)).appearance.kind === 'noise');
    expect(refused.filter((isNoise) => !isNoise).length).toBeLessThanOrEqual(1);
  });
});

test('only the first 64 KiB are looked at', () => {
  const noiseThenText = Buffer.concat([noise(EVIDENCE_SIZE), Buffer.alloc(EVIDENCE_SIZE)]);
  expect(judgePlaintext(noiseThenText)).toEqual(judgePlaintext(noise(EVIDENCE_SIZE)));
});
