import { execFileSync, spawnSync } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';

const MEBIBYTE = 1024 * 1024;
/** More than the small file system has room for beside what fills it. */
const PLAINTEXT = 'a line of the file\n'.repeat(MEBIBYTE / 10);
const SMALL = 'size=4m,mode=700';

let host: Host;
const mounted: string[] = [];

beforeEach(() => {
  host = new Host();
});

afterEach(async () => {
  await host.close().catch(() => {});
  for (const directory of mounted.splice(0)) spawnSync('umount', ['--lazy', directory]);
  rmSync(host.folder, { recursive: true, force: true });
});

/** A real file system of 4 MiB. */
function mountSmall(directory: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', SMALL, 'tmpfs', directory]);
  mounted.push(directory);
}

function remount(directory: string, how: 'ro' | 'rw'): void {
  execFileSync('mount', ['-o', `remount,${how},${SMALL}`, directory]);
}

/** Fills what is left, to the last byte. */
function fill(directory: string): string {
  const ballast = join(directory, '.ballast');
  spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=64k']);
  return ballast;
}

test('a full delivery directory keeps the envelope waiting, and nothing of it is seen; with room again it is delivered', async () => {
  mountSmall(host.delivery);
  const ballast = fill(host.delivery);
  const daemon = await host.start();
  upload(host, 'big', seal(host, { plaintext: PLAINTEXT }));
  const line = await daemon.saying({ message: 'not yet' });
  expect(line).toMatchObject({ code: 'disk-full', hint: expect.any(String) });
  expect(line['reason']).toContain(host.delivery);
  expect(host.delivered()).toEqual(['.ballast']);
  expect(host.inState('claimed')).toHaveLength(1);
  rmSync(ballast);
  await daemon.saying({ message: 'delivered' });
  expect(host.plaintext('big')).toBe(PLAINTEXT);
  expect(host.inState('quarantine')).toEqual([]);
});

test('a delivery directory that turns read-only keeps envelopes waiting until it can be written to', async () => {
  mountSmall(host.delivery);
  const daemon = await host.start();
  remount(host.delivery, 'ro');
  upload(host, 'patient', seal(host, { plaintext: 'x' }));
  const line = await daemon.saying({ message: 'not yet' });
  expect(line).toMatchObject({ code: 'not-permitted', hint: expect.any(String) });
  expect(line['reason']).toContain(host.delivery);
  remount(host.delivery, 'rw');
  await daemon.saying({ message: 'delivered' });
  expect(host.delivered()).toEqual(['patient']);
  expect(host.inState('quarantine')).toEqual([]);
});

test('a delivery directory that is gone keeps envelopes waiting until it is back', async () => {
  const daemon = await host.start();
  renameSync(host.delivery, `${host.delivery}-away`);
  upload(host, 'patient', seal(host, { plaintext: 'x' }));
  const line = await daemon.saying({ message: 'not yet' });
  expect(line['reason']).toContain(host.delivery);
  renameSync(`${host.delivery}-away`, host.delivery);
  await daemon.saying({ message: 'delivered' });
  expect(host.delivered()).toEqual(['patient']);
  expect(host.inState('quarantine')).toEqual([]);
});

/** Landing, spool and delivery on one small file system, as on a host whose disk is full. */
async function hostOnSmallDisk(): Promise<void> {
  await host.close();
  host = new Host();
  mountSmall(host.folder);
  const inner = new Host({ parent: host.folder });
  host = inner;
}

test('a full disk loses nothing of what was uploaded; with room again all is delivered and no innocent one is quarantined', async () => {
  await hostOnSmallDisk();
  const triples = ['one', 'two', 'three'].map((name) => [name, seal(host, { plaintext: `${name}\n` })] as const);
  const daemon = await host.start();
  for (const [name, triple] of triples) upload(host, name, triple);
  const ballast = fill(host.folder);
  await daemon.saying((line) => line['code'] === 'disk-full');
  rmSync(ballast);
  await daemon.saying({ message: 'delivered' }, 3);
  expect(host.delivered()).toEqual(['one', 'three', 'two']);
  expect(host.inState('quarantine')).toEqual([]);
});

test('a disk that turns read-only and back loses nothing, and the daemon stays', async () => {
  await hostOnSmallDisk();
  const early = seal(host, { plaintext: 'early\n' });
  const late = seal(host, { plaintext: 'late\n' });
  const daemon = await host.start();
  upload(host, 'early', early);
  remountAll('ro');
  await daemon.saying((line) => line.level === 'warn' || line.level === 'error');
  remountAll('rw');
  upload(host, 'late', late);
  await daemon.saying({ message: 'delivered' }, 2);
  expect(host.plaintext('early')).toBe('early\n');
  expect(host.plaintext('late')).toBe('late\n');
  expect(host.inState('quarantine')).toEqual([]);
  writeFileSync(join(host.folder, 'still-writable'), '');
});

function remountAll(how: 'ro' | 'rw'): void {
  for (const directory of mounted) remount(directory, how);
}
