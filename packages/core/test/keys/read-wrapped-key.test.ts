import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SealdropError } from '../../src/errors.ts';
import { MAXIMUM_WRAPPED_KEY_SIZE, readWrappedKey } from '../../src/keys/read-wrapped-key.ts';

const SIZES = [256, 384, 512];
const ciphertext = (size: number) => randomBytes(size);
const lines = (text: string, length: number, end: string) =>
  text.replaceAll(new RegExp(`.{1,${length}}`, 'g'), (line) => line + end);

/** Anything but a SealdropError goes on to fail the test. */
function outcomeOf(contents: Uint8Array): Uint8Array | SealdropError {
  try {
    return readWrappedKey(contents, 'data.key.enc');
  } catch (error) {
    if (error instanceof SealdropError) return error;
    throw error;
  }
}

function failureOf(contents: Uint8Array): SealdropError {
  const outcome = outcomeOf(contents);
  if (outcome instanceof SealdropError) return outcome;
  throw new Error('it was taken for a wrapped key');
}

describe('a wrapped key file', () => {
  it.each(SIZES)('of %i bytes is taken as it is', (size) => {
    const wrapped = ciphertext(size);
    expect(readWrappedKey(wrapped).equals(wrapped)).toBe(true);
  });

  it('of any bytes at all that look binary is taken as it is', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SIZES), fc.nat(255), (size, byte) => {
        const wrapped = Buffer.alloc(size, byte);
        wrapped[0] = 0x80;
        expect(readWrappedKey(wrapped).equals(wrapped)).toBe(true);
      }),
    );
  });

  it('is not shared with what was read: changing one leaves the other', () => {
    const wrapped = ciphertext(256);
    const copy = Buffer.from(wrapped);
    const read = readWrappedKey(wrapped);
    wrapped.fill(0);
    expect(read.equals(copy)).toBe(true);
  });

  it('may be base64 text of any line length and line end, with blanks and a byte order mark', () => {
    const forms = fc.record({
      size: fc.constantFrom(...SIZES),
      length: fc.integer({ min: 1, max: 800 }),
      end: fc.constantFrom('\n', '\r\n', '\r', ' \n', '\t\r\n'),
      before: fc.constantFrom('', '\u{FEFF}', '\n\n', '   '),
      after: fc.constantFrom('', '\n', '\r\n\r\n', '  '),
    });
    fc.assert(
      fc.property(forms, ({ size, length, end, before, after }) => {
        const wrapped = ciphertext(size);
        const text = before + lines(wrapped.toString('base64'), length, end) + after;
        expect(readWrappedKey(Buffer.from(text)).equals(wrapped)).toBe(true);
      }),
    );
  });

  it.each(SIZES)('of %i bytes may be base64 on one line without a line end', (size) => {
    const wrapped = ciphertext(size);
    expect(readWrappedKey(Buffer.from(wrapped.toString('base64'))).equals(wrapped)).toBe(true);
  });

  it("may be base64 in UTF-16, as Windows PowerShell's > writes it", () => {
    const wrapped = ciphertext(256);
    const text = Buffer.from(`\u{FEFF}${lines(wrapped.toString('base64'), 64, '\r\n')}`, 'utf16le');
    expect(readWrappedKey(text).equals(wrapped)).toBe(true);
  });

  it.each(['CERTIFICATE', 'RSA CIPHERTEXT'])('may stand between the lines that certutil -encode adds: %s', (label) => {
    const wrapped = ciphertext(256);
    const text = `-----BEGIN ${label}-----\r\n${lines(wrapped.toString('base64'), 64, '\r\n')}-----END ${label}-----\r\n`;
    expect(readWrappedKey(Buffer.from(text)).equals(wrapped)).toBe(true);
  });
});

/** DER of 512 bytes, as a certificate may have. */
const CERTIFICATE = Buffer.concat([Buffer.from('308201fc', 'hex'), Buffer.alloc(508)]).toString('base64');
const PEM = '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n';
const withBreaks = (size: number) => Buffer.concat([Buffer.alloc(size - 2, 0x80), Buffer.from('\r\n\x80', 'latin1')]);

describe('a file that is no wrapped key', () => {
  it.each([
    ['an empty file', Buffer.alloc(0), 'is empty', 'again'],
    ['blanks', Buffer.from(' \r\n'), 'only blanks', 'pkeyutl'],
    ['a cut one', Buffer.alloc(255, 0x80), 'has 255 bytes, expected 256, 384 or 512', 'cut'],
    [
      'one with a newline added',
      Buffer.concat([Buffer.alloc(256, 0x80), Buffer.from('\n')]),
      'one byte too long, and it ends in a newline',
      'line end',
    ],
    ['one sent in text mode', withBreaks(256), 'line ends were changed', 'binary mode'],
    ['hexadecimal text', Buffer.from(lines(ciphertext(256).toString('hex'), 64, '\n')), 'hexadecimal', 'xxd -r -p'],
    ['hexadecimal text of 512 characters', Buffer.from(ciphertext(256).toString('hex')), 'hexadecimal', 'xxd -r -p'],
    ['a PEM file', Buffer.from(PEM), 'PEM text (PUBLIC KEY)', 'pkeyutl'],
    ['a compressed one', gzipSync(ciphertext(256)), 'is gzip data', 'unpack'],
    ['a certificate of 512 bytes', Buffer.from(PEM.replace('MIIB', CERTIFICATE)), 'PEM text (PUBLIC KEY)', 'pkeyutl'],
    [
      'what PowerShell took for text',
      Buffer.concat([Buffer.from('fffe', 'hex'), Buffer.alloc(512, 0x80)]),
      'PowerShell',
      '-out',
    ],
    ['base64 text of another size', Buffer.from(ciphertext(200).toString('base64')), 'base64 text of 200 bytes', 'cut'],
    ['the key file itself', Buffer.from(`${ciphertext(32).toString('base64')}\n`), 'key file itself', 'new key file'],
    ['other text', Buffer.from('the key is in the other mail'), 'is text, but not base64', 'pkeyutl'],
    ['a large file', Buffer.alloc(MAXIMUM_WRAPPED_KEY_SIZE + 1, 0x80), 'more than 16384 bytes', 'payload'],
  ])('%s: bad-wrapped-key names the file, the reason and the cure', (...[, contents, reason, cure]) => {
    const failure = failureOf(contents);
    expect(failure).toMatchObject({ code: 'bad-wrapped-key', blame: 'sender' });
    expect(failure.message).toContain('data.key.enc: ');
    expect(failure.message).toContain(reason);
    expect(failure.hint).toContain(cure);
  });

  it.each([
    ['binary', Buffer.concat([Buffer.from('Salted__'), ciphertext(248)])],
    ['base64', Buffer.from(Buffer.concat([Buffer.from('Salted__'), ciphertext(248)]).toString('base64'))],
    ['large', Buffer.concat([Buffer.from('Salted__'), Buffer.alloc(MAXIMUM_WRAPPED_KEY_SIZE)])],
  ])('a %s payload is swapped-members', (_title, contents) => {
    expect(() => readWrappedKey(contents)).toThrow(expect.objectContaining({ code: 'swapped-members' }));
  });

  it('never throws anything but a SealdropError, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (contents) => {
        const outcome = outcomeOf(contents);
        expect(outcome instanceof SealdropError ? outcome.blame : SIZES.includes(outcome.length)).toBeOneOf([
          'sender',
          true,
        ]);
      }),
    );
  });
});
