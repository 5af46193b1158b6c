import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DaemonProcess, sealdropdInBackground } from '../daemon-process.ts';
import { DeadDisk } from '../dead-disk.ts';
import { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';
import { addSecondLanding, deliveredFrom, type SecondLanding, served } from './second-landing.ts';

/** A file system that does not answer holds up its own landing and nobody else's. */
let host: Host;
let quiet: SecondLanding;
let disk: DeadDisk | null;

beforeEach(() => {
  host = new Host({ settings: 'scanInterval: 1s' });
  quiet = addSecondLanding(host);
  disk = null;
});

afterEach(async () => {
  disk?.unmount();
  await host.close();
});

function revive(): void {
  disk?.unmount();
  disk = null;
}

function send(name: string): void {
  upload(host, name, seal(host, { plaintext: `${name}\n` }));
}

async function expectDelivered(daemon: DaemonProcess): Promise<void> {
  await daemon.saying(deliveredFrom('acme'));
  expect(host.delivered()).toEqual(['patient']);
  expect(host.plaintext('patient')).toBe('patient\n');
  expect(await daemon.stop()).toBe(0);
}

const DOES_NOT_ANSWER = expect.stringMatching(/: its file system does not answer$/);

test('a landing that does not answer when the daemon starts is said, waited for, and taken up when it answers', async () => {
  send('patient');
  disk = new DeadDisk(host.landing);
  const daemon = await host.start();
  expect(daemon.said({ landing: 'acme' })).toContainEqual(
    expect.objectContaining({ code: 'io-error', reason: DOES_NOT_ANSWER }),
  );
  await served(host, daemon, quiet);
  revive();
  await expectDelivered(daemon);
});

test('a landing that ceases to answer is said, and neither a reload nor the end waits for it', async () => {
  const daemon = await host.start();
  disk = new DeadDisk(host.landing);
  await daemon.saying((line) => line['landing'] === 'acme' && line['code'] === 'io-error');
  daemon.signal('SIGHUP');
  await daemon.saying({ message: 'configuration reloaded' });
  await served(host, daemon, quiet);
  daemon.signal('SIGTERM');
  // A thread of it waits for an answer still: nothing else ends that.
  expect(await daemon.exited()).toEqual({ status: null, signal: 'SIGTERM' });
});

test('a landing that ceases to answer in the midst of a scan is said, and does not hold up the start', async () => {
  await host.close();
  host = new Host({ settings: 'stuckAfter: 1s' });
  quiet = addSecondLanding(host);
  const folder = join(host.landing, 'folder');
  mkdirSync(folder);
  send('patient');
  disk = new DeadDisk(folder);
  const daemon = await host.start();
  expect(daemon.said({ landing: 'acme' })).toContainEqual(expect.objectContaining({ reason: DOES_NOT_ANSWER }));
  await served(host, daemon, quiet);
  revive();
  await daemon.saying({ message: 'landing is back' });
  await expectDelivered(daemon);
});

test('check and status say what answers, and end', async () => {
  disk = new DeadDisk(host.delivery);
  const check = await sealdropdInBackground(['check', '--config', host.configFile], {});
  expect(check.stdout).toContain(`problem  ${host.delivery}: its file system does not answer\n`);
  expect(check.stdout).toContain('ok       landing quiet: delivery');
  expect(check.stdout).toMatch(/\n1 problem, .*: mend what is marked as a problem, then check again\.\n$/);
  const status = await sealdropdInBackground(['status', '--config', host.configFile], {});
  expect(status.stdout).toContain(`free     ${host.delivery}: not there, or does not answer\n`);
});

test('envelopes whose delivery directory does not answer wait, over a restart as well; others are delivered', async () => {
  const first = await host.start({ NODE_ENV: 'test', SEALDROP_FAULT: 'part.write:kill' });
  send('patient');
  await first.exited();
  disk = new DeadDisk(host.delivery);
  const second = await host.start();
  expect(await second.saying({ message: 'not yet', landing: 'acme' })).toMatchObject({ reason: DOES_NOT_ANSWER });
  await second.saying({ message: 'a file system does not answer; nothing new is claimed' });
  await served(host, second, quiet);
  revive();
  await expectDelivered(second);
});

test('a delivery directory that ceases to answer after it has served holds up nobody else', async () => {
  const daemon = await host.start();
  send('patient');
  await daemon.saying(deliveredFrom('acme'));
  disk = new DeadDisk(host.delivery);
  send('late');
  expect(await daemon.saying({ message: 'not yet', landing: 'acme' })).toMatchObject({ reason: DOES_NOT_ANSWER });
  await served(host, daemon, quiet);
  revive();
  await daemon.saying(deliveredFrom('acme'), 2);
  expect(host.delivered()).toEqual(['late', 'patient']);
});
