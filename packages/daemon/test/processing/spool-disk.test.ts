import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DaemonProcess, type LogLine } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';
import { SmallDisk } from '../small-disk.ts';

/** Its spool and landing lie on a small disk of their own; what is delivered does not. */
let host: Host;
let disk: SmallDisk;
let daemon: DaemonProcess;

beforeEach(async () => {
  host = new Host();
  const directory = join(host.folder, 'disk');
  mkdirSync(directory);
  disk = new SmallDisk(directory, 2);
  Object.assign(host, { landing: join(directory, 'incoming'), spool: join(directory, 'spool') });
  mkdirSync(host.landing);
  // Time to fill the disk before an upload is claimed.
  host.configure({ settle: '2s' });
  daemon = await host.start();
});

afterEach(async () => {
  await daemon.kill();
  disk.unmount();
  await host.close();
});

function send(name: string): void {
  upload(host, name, seal(host, { plaintext: `${name}\n` }));
}

const isTrouble = ({ level }: LogLine): boolean => level === 'warn' || level === 'error';
const FULL = { code: 'disk-full', hint: expect.stringContaining('Make room') };

/** Envelopes that were claimed, and cannot be delivered. */
async function claimWaiting(...names: readonly string[]): Promise<void> {
  renameSync(host.delivery, `${host.delivery}-away`);
  for (const name of names) send(name);
  await daemon.saying({ message: 'claimed' }, names.length);
  await daemon.saying({ message: 'not yet', code: 'not-found' });
}

function restoreDelivery(): void {
  renameSync(`${host.delivery}-away`, host.delivery);
}

async function expectAllDelivered(...names: readonly string[]): Promise<void> {
  await daemon.saying({ message: 'delivered' }, names.length);
  expect(host.delivered()).toEqual(names);
  for (const name of names) expect(host.plaintext(name)).toBe(`${name}\n`);
  expect(host.inState('quarantine')).toEqual([]);
  await expect.poll(() => host.inState('delivered')).toEqual([]);
}

test('a full spool keeps uploads in the landing, and says that the spool is full; with room again they are delivered', async () => {
  for (const name of ['one', 'two']) send(name);
  const ballast = disk.fill();
  const line = await daemon.saying((candidate) => candidate['code'] === 'disk-full');
  expect(line).toMatchObject(FULL);
  expect(line['reason']).toContain(disk.directory);
  rmSync(ballast);
  await expectAllDelivered('one', 'two');
});

test('a spool that fills while envelopes wait in it is named, not the delivery directory; with room again they are delivered', async () => {
  await claimWaiting('one', 'two');
  const ballast = disk.fill();
  restoreDelivery();
  const line = await daemon.saying({ message: 'not yet', code: 'disk-full' });
  expect(line).toMatchObject(FULL);
  expect(line['reason']).toContain(host.spool);
  expect(host.delivered().filter((name) => !name.startsWith('.'))).toEqual([]);
  rmSync(ballast);
  await expectAllDelivered('one', 'two');
});

test('a spool that turns read-only while envelopes wait in it, and back, loses none of them', async () => {
  await claimWaiting('one', 'two');
  disk.remount('ro');
  restoreDelivery();
  const line = await daemon.saying({ message: 'not yet', code: 'not-permitted' });
  expect(line['hint']).toContain('Remount');
  expect(line['reason']).toContain(host.spool);
  disk.remount('rw');
  await expectAllDelivered('one', 'two');
  expect(daemon.said(isTrouble).filter(({ message }) => message === 'quarantined')).toEqual([]);
  writeFileSync(join(disk.directory, 'still-writable'), '');
});
