import { describe, expect, test } from 'vitest';
import { formatHeader, parseHeader } from '../../src/openssl/header.ts';
import type { Salt } from '../../src/index.ts';

const SALT = Buffer.from('0123456789abcdef', 'hex');
const PAYLOAD = Buffer.concat([Buffer.from('Salted__'), SALT, Buffer.from('ciphertext')]);
const IN_HEADER: Salt = { kind: 'header', length: 8 };
const GIVEN: Salt = { kind: 'given', bytes: SALT };
const NONE: Salt = { kind: 'none' };

test('a header that is written is read back', () => {
  expect(formatHeader(SALT)).toEqual(PAYLOAD.subarray(0, 16));
  expect(parseHeader(formatHeader(SALT), IN_HEADER, 'complete')).toEqual({ salt: SALT, length: 16 });
});

describe('a header is expected', () => {
  test('until it is whole, more bytes are needed', () => {
    for (let size = 0; size < 16; size++) {
      expect(parseHeader(PAYLOAD.subarray(0, size), IN_HEADER, 'more-may-follow')).toBeNull();
      expect(() => parseHeader(PAYLOAD.subarray(0, size), IN_HEADER, 'complete')).toThrow(
        expect.objectContaining({ code: 'truncated-payload' }),
      );
    }
    expect(parseHeader(PAYLOAD.subarray(0, 16), IN_HEADER, 'more-may-follow')).toEqual({ salt: SALT, length: 16 });
  });

  test('and its salt has the length that -saltlen says', () => {
    expect(parseHeader(PAYLOAD, { kind: 'header', length: 10 }, 'complete')?.salt).toEqual(PAYLOAD.subarray(8, 18));
  });

  test.each(['Salted_', 'salted__', 'X', 'Saltee'].map((text) => text.padEnd(16, 'x')))('%s is none', (text) => {
    expect(() => parseHeader(Buffer.from(text), IN_HEADER, 'more-may-follow')).toThrow(
      expect.objectContaining({ code: 'bad-header' }),
    );
  });

  test.each(['U2FsdGVkX18BI0VniavN7w==', '\n  U2FsdGVkX18BI0VniavN7w==', '\u00ef\u00bb\u00bfU2FsdGVkX18BI0'])(
    'base64 text is told apart: %j',
    (text) => {
      expect(() => parseHeader(Buffer.from(text, 'latin1'), IN_HEADER, 'more-may-follow')).toThrow(
        expect.objectContaining({ code: 'bad-header', hint: expect.stringContaining('-a') }),
      );
    },
  );
});

describe('a salt is given', () => {
  test('and its header, which older versions write, is taken off', () => {
    expect(parseHeader(PAYLOAD, GIVEN, 'more-may-follow')).toEqual({ salt: SALT, length: 16 });
    expect(parseHeader(PAYLOAD.subarray(0, 12), GIVEN, 'more-may-follow')).toBeNull();
  });

  test('and no header is needed', () => {
    expect(parseHeader(Buffer.from('ciphertext'), GIVEN, 'more-may-follow')).toEqual({ salt: SALT, length: 0 });
    expect(parseHeader(Buffer.from('Salt'), GIVEN, 'complete')).toEqual({ salt: SALT, length: 0 });
    expect(parseHeader(Buffer.alloc(0), GIVEN, 'complete')).toEqual({ salt: SALT, length: 0 });
  });

  test('and a header with another salt is refused', () => {
    const other: Salt = { kind: 'given', bytes: Buffer.alloc(8) };
    expect(() => parseHeader(PAYLOAD, other, 'more-may-follow')).toThrow(
      expect.objectContaining({ code: 'bad-header', hint: expect.stringContaining('-S') }),
    );
  });
});

describe('no salt is expected', () => {
  test('and the payload is ciphertext from its first byte on', () => {
    expect(parseHeader(Buffer.from('ciphertext'), NONE, 'more-may-follow')).toEqual({ salt: null, length: 0 });
    expect(parseHeader(Buffer.from('Salted_'), NONE, 'more-may-follow')).toBeNull();
    expect(parseHeader(Buffer.from('Salted_'), NONE, 'complete')).toEqual({ salt: null, length: 0 });
    expect(parseHeader(Buffer.alloc(0), NONE, 'complete')).toEqual({ salt: null, length: 0 });
  });

  test('and a header is refused', () => {
    expect(() => parseHeader(PAYLOAD, NONE, 'more-may-follow')).toThrow(
      expect.objectContaining({ code: 'bad-header', hint: expect.stringContaining('-nosalt') }),
    );
  });
});
