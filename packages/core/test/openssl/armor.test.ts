import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { armoredSize, createArmorDecoder, createArmorEncoder, type Transcoder } from '../../src/openssl/armor.ts';
import { runOpenssl } from './openssl-enc.ts';

function transcode(transcoder: Transcoder, pieces: readonly Uint8Array[]): Buffer {
  const output = pieces.map((piece) => transcoder.update(piece));
  return Buffer.concat([...output, transcoder.final()]);
}

const decode = (...pieces: readonly string[]): string =>
  transcode(
    createArmorDecoder(),
    pieces.map((piece) => Buffer.from(piece, 'latin1')),
  ).toString('latin1');

function decodeOrRefuse(text: string): string {
  try {
    return decode(text);
  } catch {
    return 'refused';
  }
}

function split(bytes: Uint8Array, places: readonly number[]): readonly Uint8Array[] {
  const edges = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).sort((left, right) => left - right),
    bytes.length,
  ];
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
}

const FORMS = ['lines', 'one-line'] as const;
const bytes = fc.uint8Array({ maxLength: 500 });
const places = fc.array(fc.nat(1000), { maxLength: 8 });

describe.each(FORMS)('base64 written as %s', (form) => {
  test.each([0, 1, 2, 3, 47, 48, 49, 96, 1000])('is what openssl base64 writes of %i bytes', (size) => {
    const input = Buffer.alloc(size, 'openssl');
    const flags = form === 'lines' ? [] : ['-A'];
    const armored = transcode(createArmorEncoder(form), [input]);
    expect(armored).toEqual(runOpenssl(['base64', ...flags], input).output);
    expect(armored).toHaveLength(armoredSize(size, form));
  });

  test('does not depend on how the input is split', () => {
    fc.assert(
      fc.property(bytes, places, (input, at) => {
        const whole = transcode(createArmorEncoder(form), [input]);
        expect(transcode(createArmorEncoder(form), split(input, at))).toEqual(whole);
      }),
    );
  });

  test('is read back however it is split', () => {
    fc.assert(
      fc.property(bytes, places, (input, at) => {
        const armored = transcode(createArmorEncoder(form), [input]);
        expect(transcode(createArmorDecoder(), split(armored, at)).equals(input)).toBe(true);
      }),
    );
  });
});

describe('base64 is read', () => {
  test.each([
    ['with line feeds', 'c2Vj\ncmV0\n'],
    ['with CRLF', 'c2Vj\r\ncmV0\r\n'],
    ['with lines that end within a group', 'c2\nVjc\nm\nV0'],
    ['with blank lines before and after', '\n\n\r\nc2VjcmV0\n\n'],
    ['with spaces and tabs', '  c2Vj \t\n  cmV0  '],
    ['with a byte order mark', '\u00ef\u00bb\u00bfc2VjcmV0\n'],
    ['without a final line end', 'c2VjcmV0'],
  ])('%s', (_title, text) => {
    expect(decode(text)).toBe('secret');
    expect(decode(...text.split(''))).toBe('secret');
  });

  test('with spaces between and after the padding', () => {
    expect(decode('c2VjcmU=\n')).toBe('secre');
    expect(decode('c2VjcmV0cw=\n=\n')).toBe('secrets');
  });
});

describe('base64 is refused', () => {
  test.each([
    ['a character outside the alphabet', 'c2Vj*mV0', 4],
    ['a NUL', 'c2Vj\0mV0', 4],
    ['a byte order mark inside', 'c2Vj\u00ef\u00bb\u00bf', 4],
    ['text after the padding', 'c2VjcmU=c2Vj', 8],
    ['too much padding', 'c2VjcmU==', 8],
    ['padding at the start of a group', 'c2Vj=', 4],
    ['padding after one character', 'c2Vjc===', 5],
    ['the URL alphabet', 'c2Vj-mV0', 4],
  ])('with %s', (_title, text, offset) => {
    const refusal = expect.objectContaining({ code: 'bad-armor', details: { offset } });
    expect(() => decode(text)).toThrow(refusal);
    expect(() => decode(...text.split(''))).toThrow(refusal);
  });

  test.each(['c', 'c2', 'c2V', 'c2VjcmV', 'c2VjcmV0cw=', 'c2VjcmV0cw'])('when it is cut within a group: %s', (text) => {
    expect(() => decode(text)).toThrow(expect.objectContaining({ code: 'truncated-payload' }));
  });

  test('or it is base64 whole: nothing is left out silently', () => {
    const digits = fc.string({
      unit: fc.constantFrom('A', 'Z', 'a', 'z', '0', '9', '+', '/', '=', '\n', ' ', '*'),
      maxLength: 30,
    });
    fc.assert(
      fc.property(digits, (text) => {
        const isWhole = /^(?:[\w+/]{4})*(?:[\w+/]{2}==|[\w+/]{3}=)?$/.test(text.replaceAll(/\s/g, ''));
        const expected = isWhole ? Buffer.from(text, 'base64').toString('latin1') : 'refused';
        expect(decodeOrRefuse(text)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });
});
