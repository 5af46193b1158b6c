import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { inspectEntry, removeFile } from '../../src/spool/durable.ts';
import { callsAt } from '../../src/spool/file-calls.ts';
import { openSpool, type Spool } from '../../src/spool/layout.ts';
import { askOf, nearnessOf } from '../../src/spool/nearness.ts';

let folder: string;
let spool: Spool;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealdropd-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  spool = await openSpool(join(folder, 'spool'));
});

test('whoever looks at thousands of entries leaves the event loop its turns', async () => {
  let turns = 0;
  let isLooking = true;
  const count = (): void => {
    turns += 1;
    if (isLooking) setImmediate(count);
  };
  setImmediate(count);
  for (let entry = 0; entry < 20_000; entry += 1) await inspectEntry(join(spool.root, `entry-${entry}`));
  isLooking = false;
  expect(turns).toBeGreaterThan(1);
});

test('what lies in the spool is near, what nobody asked of is far, and what is on another file system stays far', async () => {
  const [delivery, elsewhere] = [join(folder, 'plain'), '/proc/self'];
  mkdirSync(delivery);
  expect(nearnessOf(join(spool.root, 'claimed/id/members'))).toBe('near');
  expect(nearnessOf(join(delivery, 'report.csv'))).toBe('far');
  await askOf(delivery);
  await askOf(elsewhere);
  await askOf(join(folder, 'missing'));
  expect(nearnessOf(join(delivery, 'report.csv'))).toBe('near');
  expect(nearnessOf(join(elsewhere, 'status'))).toBe('far');
  expect(nearnessOf(join(folder, 'missing', 'report.csv'))).toBe('far');
});

test('a directory within a near one is far where it is known to be', async () => {
  await askOf(folder);
  expect(nearnessOf(join(folder, 'inner', 'report.csv'))).toBe('near');
  await askOf(join(folder, 'inner'));
  expect(nearnessOf(join(folder, 'inner', 'report.csv'))).toBe('far');
});

test.each(['near', 'far'] as const)('%s calls say the same', async (where) => {
  const directory = where === 'near' ? spool.root : folder;
  expect(nearnessOf(directory)).toBe(where);
  const calls = callsAt(directory);
  const at = (name: string): string => join(directory, name);
  writeFileSync(at('file'), 'text');
  expect(await calls.read(at('file'))).toBe('text');
  expect(await calls.read(at('missing'))).toBe(null);
  expect(await calls.inspect(at('file/below'))).toBe(null);
  expect((await calls.inspect(at('file')))?.size).toBe(4n);
  expect((await calls.readOrdinary(at('file'), 2))?.toString()).toBe('te');
  expect(await calls.readOrdinary(directory, 2)).toBe(null);
  await expect(calls.makeDirectory(at('missing/inner'), 0o700)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(calls.rename(at('missing'), at('other'))).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(calls.link(at('file'), at('file'))).rejects.toMatchObject({ code: 'EEXIST' });
  expect(await calls.unlink(at('missing'))).toBe('not-there');
  await removeFile(at('file'), 'undo-part');
  expect(await calls.inspect(at('file'))).toBe(null);
});
