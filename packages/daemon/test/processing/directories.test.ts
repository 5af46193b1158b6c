import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DaemonProcess } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { addSecondLanding, deliveredFrom, served } from '../landing/second-landing.ts';
import { seal, upload, uploadFolder } from '../sender.ts';

/** An ordinary user, whom permissions bind. */
const NOBODY = 65_534;
const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--bounding-set=-all'];

let host: Host;
const mounted: string[] = [];
const frozen: string[] = [];

beforeEach(() => {
  host = new Host();
});

afterEach(async () => {
  thaw();
  await host.close().catch(() => {});
  for (const directory of mounted.splice(0).toReversed()) spawnSync('umount', ['--lazy', directory]);
  rmSync(host.folder, { recursive: true, force: true });
});

function mount(directory: string, ...words: readonly string[]): void {
  execFileSync('mount', [...words, directory]);
  mounted.push(directory);
}

/** A file system of its own on which, from now on, every change hangs (ioctl FIFREEZE), as on a mount whose server is gone. */
function freeze(directory: string): void {
  const image = join(host.folder, 'image');
  execFileSync('truncate', ['--size=16M', image]);
  execFileSync('mkfs.ext4', ['-q', image]);
  mount(directory, '-o', 'loop', image);
  execFileSync('fsfreeze', ['--freeze', directory]);
  frozen.push(directory);
}

function thaw(): void {
  for (const directory of frozen.splice(0)) execFileSync('fsfreeze', ['--unfreeze', directory]);
}

function send(name: string): void {
  upload(host, name, seal(host, { plaintext: `${name}\n` }));
}

async function startAsNobody(): Promise<DaemonProcess> {
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, host.folder]);
  return host.start({}, AS_NOBODY);
}

test('a delivery directory that may not be written to keeps envelopes waiting, red and with the cure, until it may', async () => {
  host.configure({ settings: 'status: {port: 0}' });
  const daemon = await startAsNobody();
  const { address } = await daemon.saying({ message: 'status page' });
  chmodSync(host.delivery, 0o500);
  send('patient');
  const line = await daemon.saying({ message: 'not yet' });
  expect(line).toMatchObject({ level: 'error', code: 'not-permitted', hint: expect.stringContaining('permissions') });
  expect(line['reason']).toContain(host.delivery);
  const readiness = await fetch(`${String(address)}/readyz`);
  expect(readiness.status).toBe(503);
  expect(await readiness.text()).toContain('delivery:acme');
  chmodSync(host.delivery, 0o700);
  await daemon.saying({ message: 'delivered' });
  expect(host.plaintext('patient')).toBe('patient\n');
  expect(host.inState('quarantine')).toEqual([]);
  expect((await fetch(`${String(address)}/readyz`)).status).toBe(200);
});

test('folders that the daemon may not look into, or may not take from, hold up nothing else of their landing', async () => {
  const [closed, fixed] = [join(host.landing, 'closed'), join(host.landing, 'fixed')];
  const daemon = await startAsNobody();
  mkdirSync(closed, { mode: 0o700 });
  uploadFolder(host, 'fixed', seal(host, { plaintext: 'not ours\n' }));
  chmodSync(fixed, 0o755);
  send('other');
  await daemon.saying({ message: 'delivered' });
  await daemon.saying({ message: 'the folder cannot be looked into: permission denied', folder: 'closed' });
  await daemon.saying((line) => line.message.startsWith('nothing can be claimed') && line['folder'] === 'fixed');
  expect(host.delivered()).toEqual(['other']);
  execFileSync('chown', ['-R', `${NOBODY}`, fixed]);
  await daemon.saying({ message: 'delivered' }, 2);
  expect(host.delivered()).toEqual(['data.csv', 'other']);
});

test('a delivery directory that is replaced in the midst of a delivery is told apart; with the right one back it is finished, once', async () => {
  const first = await host.start({ NODE_ENV: 'test', SEALDROP_FAULT: 'part-unlink.unlink:kill' });
  send('once');
  await first.exited();
  const away = `${host.delivery}-away`;
  renameSync(host.delivery, away);
  mkdirSync(host.delivery);
  const next = await host.start();
  const line = await next.saying({ message: 'not yet' });
  expect(line).toMatchObject({ code: 'not-found', hint: expect.stringContaining('Mount or restore it') });
  expect(host.delivered()).toEqual([]);
  send('another');
  await next.saying({ message: 'delivered', file: join(host.delivery, 'another') });
  rmSync(host.delivery, { recursive: true });
  renameSync(away, host.delivery);
  await next.saying({ message: 'delivered', file: join(host.delivery, 'once') });
  expect(host.delivered()).toEqual(['once']);
  expect(host.plaintext('once')).toBe('once\n');
});

test('a bind mount of the same file system serves as delivery directory', async () => {
  mkdirSync(join(host.folder, 'elsewhere'));
  mount(host.delivery, '--bind', join(host.folder, 'elsewhere'));
  const daemon = await host.start();
  send('bound');
  await daemon.saying({ message: 'delivered' });
  expect(host.plaintext('bound')).toBe('bound\n');
});

test('a landing that is a bind mount apart from the spool is refused once, with the cure; unmounted, it is used', async () => {
  mkdirSync(join(host.folder, 'elsewhere'));
  mount(host.landing, '--bind', join(host.folder, 'elsewhere'));
  const daemon = await host.start();
  send('bound');
  const line = await daemon.saying({ message: 'cannot use the landing' });
  expect(line).toMatchObject({ level: 'error', code: 'bad-configuration' });
  expect(line['hint']).toContain('same mount');
  expect(existsSync(join(host.landing, 'bound.enc'))).toBe(true);
  execFileSync('umount', ['--lazy', host.landing]);
  send('free');
  await daemon.saying({ message: 'delivered', file: join(host.delivery, 'free') });
  expect(daemon.said({ message: 'cannot use the landing' })).toHaveLength(1);
  expect(host.inState('claiming')).toEqual([]);
});

test('a delivery directory whose file system hangs holds up nobody else; when it goes on, its envelopes are delivered', async () => {
  const quiet = addSecondLanding(host);
  freeze(host.delivery);
  const daemon = await host.start();
  for (const name of ['one', 'two', 'three']) send(name);
  await daemon.saying({ message: 'claimed', landing: 'acme' }, 3);
  const before = await served(host, daemon, quiet);
  expect(before.some(deliveredFrom('acme'))).toBe(false);
  thaw();
  await daemon.saying({ message: 'delivered', landing: 'acme' }, 3);
  expect(host.collectable().filter((name) => name !== 'lost+found')).toEqual(['one', 'three', 'two']);
});
