import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';

let host: Host;

beforeEach(() => {
  host = new Host({ settings: 'scanInterval: 300ms' });
});

afterEach(() => host.close());

test('a landing that vanishes and returns is waited for, and what lies in it is delivered', async () => {
  const daemon = await host.start();
  renameSync(host.landing, `${host.landing}-away`);
  await daemon.saying({ message: 'waiting for the landing to appear', level: 'warn' });
  upload({ landing: `${host.landing}-away` }, 'waiting', seal(host, { plaintext: 'back\n' }));
  renameSync(`${host.landing}-away`, host.landing);
  await daemon.saying({ message: 'landing is back' });
  await daemon.saying({ message: 'delivered' });
  upload(host, 'afterwards', seal(host, { plaintext: 'watched again\n' }));
  await daemon.saying({ message: 'delivered' }, 2);
  expect(host.delivered()).toEqual(['afterwards', 'waiting']);
});

test('a directory of the spool that is gone is named, not the landing; made again, all goes on', async () => {
  const daemon = await host.start();
  const claiming = join(host.spool, 'claiming');
  rmdirSync(claiming);
  upload(host, 'patient', seal(host, { plaintext: 'patience\n' }));
  const line = await daemon.saying({ landing: 'acme', code: 'not-found' });
  expect(line).toMatchObject({ message: 'cannot use the landing', reason: expect.stringContaining(claiming) });
  mkdirSync(claiming, { mode: 0o700 });
  await daemon.saying({ message: 'delivered' });
  expect(host.plaintext('patient')).toBe('patience\n');
});

test('a landing that is deleted and made anew is watched anew', async () => {
  host.configure({ settings: 'scanInterval: 1h' });
  const daemon = await host.start();
  rmSync(host.landing, { recursive: true });
  mkdirSync(host.landing);
  upload(host, 'anew', seal(host, { plaintext: 'x' }));
  await daemon.saying({ message: 'delivered' });
  expect(host.delivered()).toEqual(['anew']);
});

test('a file system that is mounted over the landing is not used, and the landing is once it is gone', async () => {
  const daemon = await host.start();
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', host.landing]);
  try {
    const line = await daemon.saying({ message: 'cannot use the landing' });
    expect(line).toMatchObject({ level: 'error', code: 'bad-configuration' });
    upload(host, 'lost', seal(host, { plaintext: 'x' }));
  } finally {
    execFileSync('umount', ['--lazy', host.landing]);
  }
  await daemon.saying({ message: 'landing is back' });
  upload(host, 'afterwards', seal(host, { plaintext: 'x' }));
  await daemon.saying({ message: 'delivered' });
  expect(host.delivered()).toEqual(['afterwards']);
});

test('a landing that is a mount of its own, though of the same file system, is said to be of no use', async () => {
  execFileSync('mount', ['--bind', host.landing, host.landing]);
  try {
    upload(host, 'patient', seal(host, { plaintext: 'x' }));
    const daemon = await host.start();
    const line = await daemon.saying({ message: 'cannot use the landing' });
    expect(line['reason']).toBe(`${host.landing}: a mount of its own, apart from ${host.spool}`);
    execFileSync('umount', ['--lazy', host.landing]);
    await daemon.saying({ message: 'delivered' });
  } finally {
    spawnSync('umount', ['--lazy', host.landing]);
  }
});
