/** Two ways through one file, in the same memory. Both are in this thread, so that each step is certain. */
import { appendFileSync, closeSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { stop, Stopped } from '../../src/openssl/control.ts';
import { type SharedInput, shareInput, SharedInputReader } from '../../src/openssl/shared-input.ts';
import { temporaryDirectory } from './openssl-enc.ts';

const path = join(temporaryDirectory(), 'input');

let descriptor = -1;
afterEach(() => closeSync(descriptor));

/** In slots of four bytes. */
function share(text: string, { slots = 2, size = text.length }: { slots?: number; size?: number | null } = {}) {
  writeFileSync(path, text);
  descriptor = openSync(path, 'r');
  const input = shareInput({ file: { descriptor, name: path }, size }, { slots, slotSize: 4 });
  return { input, one: new SharedInputReader(input, 0), other: new SharedInputReader(input, 1) };
}

function takeText(reader: SharedInputReader): string {
  return Buffer.from(reader.take()).toString('latin1');
}

function textIn({ data }: SharedInput): string {
  return Buffer.from(data).toString('latin1');
}

test('whoever comes first reads, and both see the same memory', () => {
  const { one, other } = share('abcdefghij');
  const first = one.take();
  expect(Buffer.from(first).toString('latin1')).toBe('abcd');
  writeFileSync(path, 'ABCDEFGHIJ');
  const same = other.take();
  expect([same.buffer, same.byteOffset, same.length]).toEqual([first.buffer, first.byteOffset, first.length]);
  expect(Buffer.from(same).toString('latin1')).toBe('abcd');
  other.release();
  expect(takeText(other)).toBe('EFGH');
  one.release();
  writeFileSync(path, 'abcdefghij');
  expect(takeText(one)).toBe('EFGH');
});

test('a slot is filled anew only when both are done with it', () => {
  const { input, one, other } = share('abcdefghijkl');
  one.readAhead();
  expect(textIn(input)).toBe('abcdefgh');
  one.take();
  one.release();
  one.readAhead();
  expect(textIn(input)).toBe('abcdefgh');
  expect(one.lead).toBe(1);
  expect(takeText(other)).toBe('abcd');
  other.readAhead();
  expect(textIn(input)).toBe('abcdefgh');
  other.release();
  expect(one.lead).toBe(0);
  one.readAhead();
  expect(textIn(input)).toBe('ijklefgh');
});

test.each([1, 2, 3])('both come to the end through %i slots', (slots) => {
  const { one, other } = share('abcdefghij', { slots });
  const seen: string[] = [];
  for (let piece = takeText(one); piece !== ''; piece = takeText(one)) {
    seen.push(piece, takeText(other));
    one.release();
    other.release();
  }
  expect(seen).toEqual(['abcd', 'abcd', 'efgh', 'efgh', 'ij', 'ij']);
  expect(takeText(other)).toBe('');
});

test.each(['abcd', 'abcdef'])('a file that becomes longer is not what it was: %s', (text) => {
  const { one } = share(text);
  appendFileSync(path, 'x');
  const readAll = () => {
    for (let piece = one.take(); piece.length > 0; piece = one.take()) one.release();
  };
  expect(readAll).toThrow(expect.objectContaining({ code: 'hostile-file', details: { size: text.length } }));
});

test('a file that becomes shorter is not what it was', () => {
  const { one } = share('abcdef');
  truncateSync(path, 3);
  expect(() => one.take()).toThrow(expect.objectContaining({ code: 'hostile-file', details: { size: 3 } }));
});

test('a file of any size ends where it once ended, though it grows', () => {
  const { one } = share('abcdef', { size: null });
  expect(takeText(one)).toBe('abcd');
  one.readAhead();
  appendFileSync(path, 'gh');
  one.release();
  expect(takeText(one)).toBe('ef');
  one.release();
  expect(takeText(one)).toBe('');
});

test('nobody waits for a piece of work that was ended', () => {
  const { input, one, other } = share('abcdefghij', { slots: 1 });
  one.take();
  one.release();
  stop(input.control);
  expect(() => one.take()).toThrow(Stopped);
  expect(() => other.take()).toThrow(Stopped);
});
