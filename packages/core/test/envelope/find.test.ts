import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findEnvelopes, searchEnvelopes } from '../../src/index.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealdrop-find-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function make(...names: readonly string[]): void {
  for (const name of names) {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, '');
  }
}

const at = (...names: readonly string[]) => names.map((name) => join(folder, name));

const members = (stem: string) => ({
  payload: join(folder, `${stem}.enc`),
  wrappedKey: join(folder, `${stem}.key.enc`),
  note: join(folder, `${stem}.alg`),
  manifest: null,
  signature: null,
});

describe('an envelope is found by any of its names', () => {
  beforeEach(() => make('a.enc', 'a.key.enc', 'a.alg', 'b.enc', 'b.key.enc', 'b.alg', 'readme'));

  test.each(['a', 'a.enc', 'a.key.enc', 'a.alg'])('%s', async (name) => {
    expect(await findEnvelopes(at(name), 'by-note')).toEqual([members('a')]);
  });

  test('all its files are one envelope, in the order in which envelopes are first named', async () => {
    expect(await findEnvelopes(at('b.alg', 'a.enc', 'b.enc', 'b'), 'by-note')).toEqual([members('b'), members('a')]);
  });

  test('a relative and an absolute name of it are one', async () => {
    const relative = join('..', '..', '..', '..', '..', '..', '..', '..', '..', folder, 'a.enc');
    expect(await findEnvelopes([...at('a'), relative], 'by-note')).toHaveLength(1);
  });

  test('its folder stands for all that is in it', async () => {
    expect(await findEnvelopes([folder], 'by-note')).toEqual([members('a'), members('b')]);
  });

  test('a file that is no member is no envelope', async () => {
    const attempt = findEnvelopes(at('readme'), 'by-note');
    await expect(attempt).rejects.toMatchObject({ code: 'incomplete-envelope', hint: expect.any(String) });
  });

  test('a name that is nothing at all is not found', async () => {
    await expect(findEnvelopes(at('none'), 'by-note')).rejects.toMatchObject({ code: 'not-found' });
    await expect(findEnvelopes(at('none/none'), 'by-note')).rejects.toMatchObject({ code: 'not-found' });
  });
});

test('an envelope without a note is whole where the parameters are known', async () => {
  make('a.enc', 'a.key.enc');
  await expect(findEnvelopes(at('a'), 'by-note')).rejects.toMatchObject({ code: 'incomplete-envelope' });
  expect(await findEnvelopes(at('a'), 'known')).toEqual([{ ...members('a'), note: null }]);
});

test("the article's names make a folder an envelope", async () => {
  make('in/data.enc', 'in/keypke.bin.enc', 'in/algorithm.txt');
  expect(await findEnvelopes(at('in'), 'by-note')).toEqual([
    {
      payload: join(folder, 'in/data.enc'),
      wrappedKey: join(folder, 'in/keypke.bin.enc'),
      note: join(folder, 'in/algorithm.txt'),
      manifest: null,
      signature: null,
    },
  ]);
});

test('a search goes on after what is no envelope, and says each such thing once', async () => {
  make('a.enc', 'a.key.enc', 'a.alg', 'b.enc', 'b.alg');
  const found = await searchEnvelopes(at('none', '', 'b', 'none'), 'by-note');
  expect(found).toEqual([
    { kind: 'failure', path: join(folder, 'none'), error: expect.objectContaining({ code: 'not-found' }) },
    { kind: 'envelope', members: members('a') },
    { kind: 'failure', path: join(folder, 'b'), error: expect.objectContaining({ code: 'incomplete-envelope' }) },
  ]);
});

test('a folder without envelopes is said to hold none', async () => {
  make('in/readme');
  await expect(findEnvelopes(at('in'), 'by-note')).rejects.toMatchObject({
    code: 'incomplete-envelope',
    message: `${join(folder, 'in')}: holds no envelope`,
  });
});
