import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { Remover } from '../../src/processing/remover.ts';
import { envelopeDirectory, openSpool, type Spool } from '../../src/spool/layout.ts';

const GIB = 2 ** 30;

let spool: Spool;
let isBusy = false;
let remover: Remover;

beforeEach(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealdropd-remover-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  spool = await openSpool(join(folder, 'spool'));
  isBusy = true;
  remover = new Remover({ spool, isBusy: () => isBusy });
});

function delivered(id: string, payloadSize = 5): string {
  const place = envelopeDirectory(spool, 'removing', id);
  mkdirSync(join(place, 'members'), { recursive: true });
  writeFileSync(join(place, 'members', 'report.csv.enc'), 'bytes');
  remover.add(id, payloadSize);
  return place;
}

test('what was delivered is removed when nothing is at work any more', async () => {
  const [first, second] = [delivered('first'), delivered('second')];
  remover.wake();
  expect([first, second].map((place) => existsSync(place))).toEqual([true, true]);
  isBusy = false;
  remover.wake();
  await vi.waitUntil(() => !existsSync(first) && !existsSync(second));
});

test('what takes much room is removed at once, the oldest first', async () => {
  const first = delivered('first');
  const second = delivered('second', GIB);
  const third = delivered('third');
  await vi.waitUntil(() => !existsSync(second));
  expect([existsSync(first), existsSync(third)]).toEqual([false, true]);
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
  const discarded = envelopeDirectory(spool, 'removing', 'second.discarded');
  mkdirSync(discarded);
  await remover.end();
  isBusy = false;
  remover.wake();
  const next = new Remover({ spool, isBusy: () => isBusy });
  await next.sweep();
  expect([existsSync(place), existsSync(discarded)]).toEqual([false, true]);
});
