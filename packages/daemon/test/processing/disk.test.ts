import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';
import { SmallDisk } from '../small-disk.ts';

const MEBIBYTE = 1024 * 1024;
/** More than the small disk has room for beside what fills it. */
const PLAINTEXT = 'a line of the file\n'.repeat(MEBIBYTE / 10);
const DISK_MEBIBYTES = 4;

const closing: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function hostIn(parent?: string, settle?: string): Host {
  const host = new Host({ parent, settle });
  closing.push(() => host.close());
  return host;
}

function deliveryOnSmallDisk(): { readonly host: Host; readonly disk: SmallDisk } {
  const host = hostIn();
  const disk = new SmallDisk(host.delivery, DISK_MEBIBYTES);
  closing.unshift(() => disk.unmount());
  return { host, disk };
}

/** Landing, spool and delivery on one small disk, and time to do something to it before an upload is claimed. */
function hostOnSmallDisk(): { readonly host: Host; readonly disk: SmallDisk } {
  const parent = mkdtempSync(join(tmpdir(), 'sealdropd-'));
  const disk = new SmallDisk(parent, DISK_MEBIBYTES);
  const host = hostIn(parent, '2s');
  // A disk that is still full or read-only is left to the kernel first.
  closing.unshift(() => disk.unmount());
  closing.push(() => rmSync(parent, { recursive: true }));
  return { host, disk };
}

test('a full delivery directory keeps the envelope waiting, and nothing of it is seen; with room again it is delivered', async () => {
  const { host, disk } = deliveryOnSmallDisk();
  const ballast = disk.fill();
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
  const { host, disk } = deliveryOnSmallDisk();
  const daemon = await host.start();
  disk.remount('ro');
  upload(host, 'patient', seal(host, { plaintext: 'x' }));
  const line = await daemon.saying({ message: 'not yet' });
  expect(line).toMatchObject({ code: 'not-permitted', hint: expect.any(String) });
  expect(line['reason']).toContain(host.delivery);
  disk.remount('rw');
  await daemon.saying({ message: 'delivered' });
  expect(host.delivered()).toEqual(['patient']);
  expect(host.inState('quarantine')).toEqual([]);
});

test('a delivery directory that is gone keeps envelopes waiting until it is back', async () => {
  const host = hostIn();
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

test('a full disk loses nothing of what was uploaded; with room again all is delivered and no innocent one is quarantined', async () => {
  const { host, disk } = hostOnSmallDisk();
  const triples = ['one', 'two', 'three'].map((name) => [name, seal(host, { plaintext: `${name}\n` })] as const);
  const daemon = await host.start();
  for (const [name, triple] of triples) upload(host, name, triple);
  const ballast = disk.fill();
  await daemon.saying((line) => line['code'] === 'disk-full');
  rmSync(ballast);
  await daemon.saying({ message: 'delivered' }, 3);
  expect(host.delivered()).toEqual(['one', 'three', 'two']);
  expect(host.inState('quarantine')).toEqual([]);
});

test('a disk that turns read-only and back loses nothing, and the daemon stays', async () => {
  const { host, disk } = hostOnSmallDisk();
  const early = seal(host, { plaintext: 'early\n' });
  const late = seal(host, { plaintext: 'late\n' });
  const daemon = await host.start();
  upload(host, 'early', early);
  disk.remount('ro');
  await daemon.saying((line) => line.level === 'warn' || line.level === 'error');
  disk.remount('rw');
  upload(host, 'late', late);
  await daemon.saying({ message: 'delivered' }, 2);
  expect(host.plaintext('early')).toBe('early\n');
  expect(host.plaintext('late')).toBe('late\n');
  expect(host.inState('quarantine')).toEqual([]);
  writeFileSync(join(host.folder, 'still-writable'), '');
});
