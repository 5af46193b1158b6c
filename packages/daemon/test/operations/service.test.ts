import { writeFileSync } from 'node:fs';
import { startKmsEmulator } from '@sealdrop/kms-emulator';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DaemonProcess } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';
import { NotificationSocket } from './service-manager-socket.ts';

let host: Host;
let systemd: NotificationSocket;

beforeEach(async () => {
  host = new Host();
  systemd = await NotificationSocket.open();
});

afterEach(async () => {
  await host.close();
  await systemd.close();
});

/** The daemon as a service of `Type=notify`. */
function start(environment: Readonly<Record<string, string>> = {}): Promise<DaemonProcess> {
  return host.start({ NOTIFY_SOCKET: systemd.path, ...environment });
}

/** The first lines of what systemd heard. */
const heard = (): readonly string[] => systemd.messages.map((message) => message.split('\n')[0] ?? '');

test('systemd hears that the daemon is ready, reloads and stops, with a status for people', async () => {
  const daemon = await start();
  await expect.poll(heard).toContain('READY=1');
  expect(systemd.messages[0]).toBe('READY=1\nSTATUS=0 envelopes in the queue; all in order');
  daemon.signal('SIGHUP');
  await daemon.saying({ message: 'configuration reloaded' });
  await expect
    .poll(() => heard().filter((line) => !line.startsWith('STATUS=')))
    .toEqual(['READY=1', 'RELOADING=1', 'READY=1']);
  expect(await daemon.stop()).toBe(0);
  await expect.poll(() => heard().at(-1)).toBe('STOPPING=1');
});

test('READY comes after the first scan, and a reload that is refused ends as well', async () => {
  const daemon = await start();
  const ready = daemon.lines.findIndex(({ message }) => message === 'ready');
  expect(ready).toBeGreaterThanOrEqual(0);
  writeFileSync(host.configFile, 'spool: nowhere\n');
  daemon.signal('SIGHUP');
  await daemon.saying({ message: 'configuration not reloaded; the old one stays in force' });
  await expect.poll(() => heard().filter((line) => line === 'READY=1')).toHaveLength(2);
});

test('an idle daemon feeds the watchdog; one whose work hangs does not, says why, and /healthz is 503', async () => {
  const kms = await startKmsEmulator();
  try {
    const key = kms.createKey({ alias: 'inbound' });
    const settings = 'stuckAfter: 500ms\nshutdownTimeout: 0s\nstatus: {port: 0}';
    host.configure({ keys: ['alias/inbound'], settings });
    writeFileSync(host.publicKey, key.publicKey.export({ format: 'pem', type: 'spki' }));
    const daemon = await start({ ...kms.environment, WATCHDOG_USEC: '300000' });
    await expect.poll(heard).toContain('WATCHDOG=1');
    kms.inject({ operation: 'Decrypt', connection: 'hang' });
    upload(host, 'hung', seal(host, { plaintext: 'x' }));
    const { stuck } = await daemon.saying({ message: 'work hangs; the watchdog is no longer fed' });
    expect(stuck).toEqual(daemon.said({ message: 'claimed' }).map(({ envelope }) => envelope));
    const { address } = await daemon.saying({ message: 'status page' });
    expect((await fetch(`${String(address)}/healthz`)).status).toBe(503);
    // Messages come in order: what lies between the reloads was sent while the work hung.
    for (const count of [1, 2, 3]) {
      daemon.signal('SIGHUP');
      await daemon.saying({ message: 'configuration reloaded' }, count);
    }
    await expect.poll(() => heard().filter((line) => line === 'READY=1')).toHaveLength(4);
    const [from, to] = [heard().indexOf('RELOADING=1'), heard().lastIndexOf('READY=1')];
    expect(heard().slice(from, to)).not.toContain('WATCHDOG=1');
  } finally {
    await kms.close();
  }
});
