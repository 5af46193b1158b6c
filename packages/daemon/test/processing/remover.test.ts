import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { Remover } from '../../src/processing/remover.ts';
import { envelopeDirectory, openSpool, type Spool, stateDirectory } from '../../src/spool/layout.ts';

const GIB = 2 ** 30;

let spool: Spool;
let isBusy = false;
let remover: Remover;

beforeEach(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealdropd-remover-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  spool = await openSpool(join(folder, 'spool'));
  isBusy = true;
  remover = new Remover({ spool, mayWait: () => isBusy });
});

/** Puts one there. */
function delivered(id: string): string {
  const place = envelopeDirectory(spool, 'removing', id);
  mkdirSync(join(place, 'members'), { recursive: true });
  writeFileSync(join(place, 'members', 'report.csv.enc'), 'bytes');
  return place;
}

test('what was delivered is removed when nothing is at work any more', async () => {
  const [first, second] = [delivered('first'), delivered('second')];
  for (const id of ['first', 'second']) await remover.add(id, 5);
  remover.wake();
  expect([first, second].map((place) => existsSync(place))).toEqual([true, true]);
  isBusy = false;
  remover.wake();
  await vi.waitUntil(() => !existsSync(first) && !existsSync(second), { timeout: 30_000 });
});

test('what takes much room is removed before more is delivered, the oldest first', async () => {
  const [first, second, third] = [delivered('first'), delivered('second'), delivered('third')];
  await remover.add('first', 5);
  const much = remover.add('second', GIB);
  await Promise.all([much, remover.add('third', 5)]);
  expect([first, second, third].map((place) => existsSync(place))).toEqual([false, false, true]);
});

test('its end waits for no more than what is being removed', async () => {
  isBusy = false;
  const ids = Array.from({ length: 100 }, (_, index) => `envelope-${index}`);
  for (const id of ids) delivered(id);
  // The first is being removed from now on; nothing comes between that and the end.
  const added = ids.map((id) => remover.add(id, 5));
  await remover.end();
  await Promise.all(added);
  expect(readdirSync(stateDirectory(spool, 'removing'))).toHaveLength(ids.length - 1);
});

test('a directory that somebody removed is made anew', async () => {
  rmdirSync(stateDirectory(spool, 'removing'));
  isBusy = false;
  await remover.sweep();
  expect(readdirSync(stateDirectory(spool, 'removing'))).toEqual([]);
});

test('what cannot be removed is said, and tried again', async () => {
  isBusy = false;
  const place = envelopeDirectory(spool, 'removing', 'first');
  // A file is no directory that could be emptied.
  writeFileSync(place, '');
  await expect(remover.sweep()).rejects.toThrow(/ENOTDIR/);
  rmSync(place);
  mkdirSync(place);
  await remover.sweep();
  expect(existsSync(place)).toBe(false);
});

test('what waits at the end is removed by the next, but for what has something to be told first', async () => {
  const place = delivered('first');
  await remover.add('first', 5);
  const discarded = envelopeDirectory(spool, 'removing', 'second.discarded');
  mkdirSync(discarded);
  await remover.end();
  isBusy = false;
  remover.wake();
  const next = new Remover({ spool, mayWait: () => isBusy });
  await next.sweep();
  expect([existsSync(place), existsSync(discarded)]).toEqual([false, true]);
});
