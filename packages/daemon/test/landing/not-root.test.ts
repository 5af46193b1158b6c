import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DaemonProcess } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { flatPath, type Member, MEMBERS, seal } from '../sender.ts';

const DAEMON = 65_534;
const SENDER = 1234;

let host: Host;
let daemon: DaemonProcess;

/** The landing is the sender's; a group lets the daemon, which may nothing else, move what lies in it. */
beforeEach(async () => {
  host = new Host({ settings: 'strayAfter: off' });
  mkdirSync(host.spool, { mode: 0o700 });
  chmodSync(host.folder, 0o755);
  execFileSync('chown', ['-R', `${DAEMON}:${DAEMON}`, host.folder]);
  chownSync(host.landing, SENDER, DAEMON);
  chmodSync(host.landing, 0o2775);
  const identity = [`--reuid=${DAEMON}`, `--regid=${DAEMON}`, '--clear-groups'];
  daemon = await host.start({}, ['setpriv', ...identity, '--inh-caps=-all', '--bounding-set=-all']);
});

afterEach(() => host.close());

function hand(path: string, mode: number): void {
  chmodSync(path, mode);
  chownSync(path, SENDER, SENDER);
}

function put(stem: string, mode: number, members: readonly Member[] = MEMBERS): void {
  const triple = seal(host, { plaintext: `${stem}\n` });
  for (const member of members) {
    copyFileSync(triple[member], flatPath(host, stem, member));
    hand(flatPath(host, stem, member), mode);
  }
}

async function stillServed(stem: string): Promise<void> {
  put(stem, 0o644);
  await daemon.saying({ message: 'delivered', file: join(host.delivery, stem) });
  expect(daemon.said({ message: 'cannot use the landing' })).toEqual([]);
}

test("a folder in a member's place that may not be moved is said once, and its landing goes on", async () => {
  put('posing', 0o644, ['payload', 'wrappedKey']);
  const folder = flatPath(host, 'posing', 'note');
  mkdirSync(folder);
  hand(folder, 0o700);
  const files = ['posing.enc', 'posing.key.enc', basename(folder)];
  await daemon.saying({ message: 'an envelope cannot be claimed (EACCES)', level: 'warn', files });
  await stillServed('after');
  await stillServed('after-again');
  expect(daemon.said({ message: 'an envelope cannot be claimed (EACCES)' })).toHaveLength(1);
  expect(host.inState('claiming')).toEqual([]);
});

test('a file that its own sender closed to everybody is hostile-file', async () => {
  put('shut', 0o000);
  const { reason } = await daemon.saying({ message: 'quarantined', code: 'hostile-file' });
  expect(reason).toBe('shut.enc may be read by nobody (mode 0000)');
  await stillServed('after');
});

test('a stray that the daemon may not read is set aside without its digest', async () => {
  host.configure({ settings: 'strayAfter: 300ms' });
  daemon.signal('SIGHUP');
  await daemon.saying({ message: 'configuration reloaded' });
  writeFileSync(join(host.landing, 'readme'), 'x');
  hand(join(host.landing, 'readme'), 0o600);
  const { envelope } = await daemon.saying({ message: 'quarantined', code: 'stray-file' });
  expect(host.report(String(envelope)).members).toMatchObject([{ name: 'readme', size: 1, sha256: null }]);
});

test('a file that only the daemon may not read waits: the SFTP server makes it so, and its operator can mend that', async () => {
  put('private', 0o600);
  const { envelope, reason } = await daemon.saying({ message: 'not yet', code: 'not-permitted' });
  expect(reason).toContain('private.enc');
  await stillServed('after');
  expect(host.inState('claimed')).toEqual([envelope]);
  expect(host.inState('quarantine')).toEqual([]);
});

test('hundreds of closed folders are ten lines in the log and a number', async () => {
  mkdirSync(join(host.landing, 'many.part'));
  for (let index = 0; index < 300; index += 1) {
    const folder = join(host.landing, `closed-${index}`);
    mkdirSync(folder);
    hand(folder, 0o000);
  }
  const warning = 'the folder cannot be looked into: permission denied';
  await daemon.saying({ message: warning }, 10);
  await stillServed('after');
  await daemon.saying({ message: 'more folders that cannot be used' });
  await stillServed('after-again');
  const counted = daemon.said({ message: 'more folders that cannot be used' }).map((line) => Number(line['count']));
  const named = daemon.said({ message: warning }).length;
  expect(named + counted.reduce((sum, count) => sum + count, 0)).toBe(300);
  expect(named).toBeLessThan(100);
});
