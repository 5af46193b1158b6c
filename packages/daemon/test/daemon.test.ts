import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DaemonProcess, sealdropd, sealdropdWrapped } from './daemon-process.ts';
import { Host } from './host.ts';
import { seal, upload } from './sender.ts';

/** What hangs in a system call cannot be ended otherwise; for systemd it is a clean end. */
const ENDED_BY_SIGNAL = { status: null, signal: 'SIGTERM' };

let host: Host;

beforeEach(() => {
  host = new Host();
});

afterEach(() => host.close());

test.each(['SIGTERM', 'SIGINT'] as const)('%s finishes what is in progress and exits 0', async (signal) => {
  const daemon = await host.start();
  const plaintext = Buffer.alloc(50 * 2 ** 20, 'all work and no play ');
  upload(host, 'large', seal(host, { plaintext }));
  await daemon.saying({ message: 'claimed' });
  await vi.waitUntil(() => host.delivered().length > 0, { timeout: 30_000, interval: 1 });
  daemon.signal(signal);
  expect(await daemon.exited()).toEqual({ status: 0, signal: null });
  expect(daemon.said({ message: 'stopping' }).map((line) => line['signal'])).toEqual([signal]);
  expect(daemon.lines.at(-1)?.message).toBe('stopped');
  expect(host.delivered()).toEqual(['large']);
  expect(readFileSync(join(host.delivery, 'large')).equals(plaintext)).toBe(true);
});

test('what is not done within shutdownTimeout stays claimed, and the next daemon delivers it', async () => {
  host.configure({ settings: 'shutdownTimeout: 0s' });
  const daemon = await host.start();
  upload(host, 'large', seal(host, { plaintext: Buffer.alloc(200 * 2 ** 20) }));
  await vi.waitUntil(() => host.delivered().length > 0, { timeout: 30_000, interval: 1 });
  expect(await daemon.stop()).toBe(0);
  expect(daemon.said({ message: 'delivered' })).toEqual([]);
  expect(host.inState('claimed')).toHaveLength(1);
  const next = await host.start();
  await next.saying({ message: 'delivered' });
  expect(host.delivered()).toEqual(['large']);
});

test.each([
  ['take-member.rename', 'claiming', 'claim.json'],
  ['publish.link', 'claimed', 'deliver.json'],
] as const)(
  'a system call that never returns, at %s, does not hold up the end, and the next daemon goes on from there',
  async (point, state, last) => {
    host.configure({ settings: 'shutdownTimeout: 0s' });
    const daemon = await host.start({ NODE_ENV: 'test', SEALDROP_FAULT: `${point}:hang` });
    upload(host, 'patient', seal(host, { plaintext: 'x' }));
    await daemon.struck(`${point}:hang`);
    expect(host.inState(state).map((id) => existsSync(join(host.spool, state, id, last)))).toEqual([true]);
    daemon.signal('SIGTERM');
    expect(await daemon.exited()).toEqual(ENDED_BY_SIGNAL);
    expect(daemon.said({ level: 'error', message: 'stopped in the midst of work that hangs' })).toHaveLength(1);
    const next = await host.start();
    await next.saying({ message: 'delivered' });
    expect(host.plaintext('patient')).toBe('x');
    expect(host.delivered()).toEqual(['patient']);
  },
);

test('a hook that can never be marked as told does not hold up the end', async () => {
  host.configure({ settings: 'shutdownTimeout: 0s\nhooks: [{name: tell, command: [/bin/true]}]' });
  const daemon = await host.start({ NODE_ENV: 'test', SEALDROP_FAULT: 'outbox-drop.unlink:hang' });
  upload(host, 'told-of', seal(host, { plaintext: 'x' }));
  await daemon.saying({ message: 'delivered' });
  await daemon.struck('outbox-drop.unlink:hang');
  daemon.signal('SIGTERM');
  expect(await daemon.exited()).toEqual(ENDED_BY_SIGNAL);
});

test('a second daemon on the same spool refuses to start, and the first goes on', async () => {
  const first = await host.start();
  const { status, stdout, stderr } = sealdropd('run', '--config', host.configFile);
  expect({ status, stdout, stderr }).toEqual({
    status: 75,
    stdout: '',
    stderr: `sealdropd: ${host.spool}: another sealdropd owns this spool
sealdropd: Stop the other daemon, or give this one a spool of its own.
`,
  });
  upload(host, 'undisturbed', seal(host, { plaintext: 'x' }));
  expect(await first.saying({ message: 'delivered' })).toMatchObject({ landing: 'acme' });
});

test('a daemon in another network namespace, as containers have their own, refuses as well, and sees the first one run', async () => {
  const first = await host.start();
  const second = new DaemonProcess(host.configFile, {}, ['timeout', '--signal=KILL', '30s', 'unshare', '--net']);
  expect(await second.exited()).toMatchObject({ status: 75 });
  expect(await second.stderr).toContain(`${host.spool}: another sealdropd owns this spool`);
  const status = sealdropdWrapped(['unshare', '--net'], 'status', '--config', host.configFile);
  expect(status.stdout).toContain('daemon   running');
  await first.kill();
  expect(sealdropd('status', '--config', host.configFile).stdout).toContain('daemon   stopped');
  const third = await host.start({}, ['unshare', '--net']);
  expect(await third.stop()).toBe(0);
});

test('a killed daemon leaves no lock behind', async () => {
  await (await host.start()).kill();
  const next = await host.start();
  expect(await next.stop()).toBe(0);
});

test('SIGHUP takes up a changed configuration: a further landing is watched', async () => {
  const daemon = await host.start();
  const [directory, delivery] = [join(host.folder, 'second-in'), join(host.folder, 'second-out')];
  mkdirSync(directory);
  mkdirSync(delivery);
  const config = readFileSync(host.configFile, 'utf8');
  const second = `  - {name: second, directory: ${directory}, delivery: ${delivery}, settle: 100ms}\n`;
  writeFileSync(host.configFile, config.replace('log:', `${second}log:`));
  daemon.signal('SIGHUP');
  expect((await daemon.saying({ message: 'configuration reloaded' }))['landings']).toEqual(['acme', 'second']);
  upload({ landing: directory }, 'to-second', seal(host, { plaintext: 'second\n' }));
  await daemon.saying({ message: 'delivered', landing: 'second' });
  upload(host, 'to-first', seal(host, { plaintext: 'first\n' }));
  await daemon.saying({ message: 'delivered', landing: 'acme' });
  expect(readFileSync(join(delivery, 'to-second'), 'utf8')).toBe('second\n');
});

test('SIGHUP with a bad configuration keeps the old one and says which line is wrong', async () => {
  const daemon = await host.start();
  const config = readFileSync(host.configFile, 'utf8');
  writeFileSync(host.configFile, config.replace('settle: 150ms', 'setle: 150ms'));
  daemon.signal('SIGHUP');
  const line = await daemon.saying({ message: 'configuration not reloaded; the old one stays in force' });
  expect(line).toMatchObject({
    level: 'error',
    code: 'bad-configuration',
    problems: [`${host.configFile}:4: landings[0].setle: no such setting. Did you mean settle?`],
  });
  upload(host, 'as-before', seal(host, { plaintext: 'x' }));
  expect(await daemon.saying({ message: 'delivered' })).toMatchObject({ landing: 'acme' });
});

test('SIGHUP mends a daemon whose key was missing, without a wait', async () => {
  host.configure({ keys: ['file:/nonexistent/key.pem'] });
  const daemon = await host.start();
  expect(daemon.said({ message: 'a key cannot be used', code: 'not-found' })).toHaveLength(1);
  upload(host, 'patient', seal(host, { plaintext: 'patience\n' }));
  await daemon.saying({ message: 'not yet', code: 'not-found' });
  host.configure({});
  daemon.signal('SIGHUP');
  await daemon.saying({ message: 'delivered' });
  expect(host.plaintext('patient')).toBe('patience\n');
});
