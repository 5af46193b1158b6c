import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startSftpHost } from '../src/index.ts';
import type { SftpHostOptions } from '../src/index.ts';
import { localDirectory, writeRandomFile } from './hosting.ts';

async function start(options: SftpHostOptions = {}) {
  const host = await startSftpHost(options);
  onTestFinished(() => host.close());
  return host;
}

function isUser(name: string): boolean {
  return spawnSync('getent', ['passwd', name]).status === 0;
}

function isGroup(name: string): boolean {
  return spawnSync('getent', ['group', name]).status === 0;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** A directory of root's below /var/lib. */
function baseDirectory(mode: number): string {
  const directory = mkdtempSync('/var/lib/sftp-host-');
  onTestFinished(() => rmSync(directory, { recursive: true }));
  chmodSync(directory, mode);
  return directory;
}

describe('a host', () => {
  test('has two senders, real users that own their landing, in chroots that root owns', async () => {
    const { senders } = await start();
    expect(senders.map(({ name }) => name)).toEqual(['acme', 'globex']);
    for (const { user, uid, gid, landing, chroot } of senders) {
      expect(spawnSync('id', ['--user', user], { encoding: 'utf8' }).stdout).toBe(`${uid}\n`);
      expect(statSync(landing)).toMatchObject({ uid, gid, mode: 0o040755 });
      expect(statSync(chroot)).toMatchObject({ uid: 0, gid: 0, mode: 0o040755 });
    }
  });

  test('serves as many senders as are named, at the port that is named', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const senders = ['a', 'initech', 'umbrella-x1'];
    const host = await start({ port, senders });
    expect(host.port).toBe(port);
    const results = await Promise.all(senders.map((name) => host.sftp(name, ['pwd'])));
    expect(results.map(({ status }) => status)).toEqual([0, 0, 0]);
  });

  test('works whatever the umask', async () => {
    const umask = process.umask(0o077);
    onTestFinished(() => void process.umask(umask));
    const host = await start({ senders: ['acme'] });
    expect(await host.sftp('acme', ['mkdir made'])).toMatchObject({ status: 0 });
    expect(statSync(join(host.sender('acme').landing, 'made')).mode).toBe(0o040755);
  });

  test('stands beside others that start at the same time', async () => {
    const hosts = await Promise.all(Array.from({ length: 4 }, () => start()));
    expect(new Set(hosts.flatMap(({ senders }) => senders.map(({ uid }) => uid))).size).toBe(8);
    const results = await Promise.all(hosts.map((host) => host.sftp('globex', ['put /etc/hostname'])));
    expect(results.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
  });

  test('has no sender of another name', async () => {
    const host = await start({ senders: ['acme'] });
    expect(() => host.sender('globex')).toThrow("no sender 'globex'");
    expect(() => host.startSftp('globex', [])).toThrow("no sender 'globex'");
  });
});

describe('close', () => {
  test('removes users, groups and files and ends sshd', async () => {
    const host = await start();
    const users = host.senders.map(({ user }) => user);
    expect(users.map(isUser)).toEqual([true, true]);
    await host.close();
    expect(users.map(isUser)).toEqual([false, false]);
    expect(users.map(isGroup)).toEqual([false, false]);
    expect(existsSync(host.directory)).toBe(false);
    expect(await accepts(host.port)).toBe(false);
    await host.close();
  });

  test('ends clients, sessions and whatever runs as a sender', async () => {
    const directory = localDirectory();
    writeRandomFile(directory, 'slow.enc', 1024 * 1024);
    const host = await start({ senders: ['acme'] });
    const { landing, uid, user } = host.sender('acme');
    const upload = host.startSftp('acme', ['put slow.enc'], { rateKiB: 64, localDirectory: directory });
    const other = spawn('sleep', ['600'], { uid, stdio: 'ignore' });
    const ended = once(other, 'exit');
    await expect.poll(() => existsSync(join(landing, 'slow.enc'))).toBe(true);
    await host.close();
    expect(await upload.result).toMatchObject({ status: null });
    expect(await ended).toEqual([null, 'SIGKILL']);
    expect(isUser(user)).toBe(false);
  });
});

describe('it refuses, with the cure, and leaves nothing behind:', () => {
  test.each([
    { what: 'no sender', senders: [], says: 'at least one sender' },
    { what: 'a sender twice', senders: ['acme', 'acme'], says: "sender 'acme' is named twice" },
    { what: 'a path for a sender', senders: ['../acme'], says: "sender '../acme': a name is 1 to 11 of a-z" },
    { what: 'a sender’s name that is too long', senders: ['abcdefghijkl'], says: "sender 'abcdefghijkl'" },
  ])('$what', async ({ senders, says }) => {
    await expect(startSftpHost({ senders })).rejects.toMatchObject({
      code: 'bad-sender',
      message: expect.stringContaining(says),
    });
  });

  test('/tmp for a base directory, where sshd would not chroot', async () => {
    await expect(startSftpHost({ baseDirectory: '/tmp' })).rejects.toMatchObject({
      code: 'bad-directory',
      message: `/tmp: sshd cannot chroot below it: others than root may write in /tmp; choose one like /var/lib, where all may pass but only root may write, all the way up`,
    });
  });

  test('a base directory that its group may write to', async () => {
    const directory = baseDirectory(0o775);
    await expect(startSftpHost({ baseDirectory: directory })).rejects.toThrow(
      `others than root may write in ${directory}`,
    );
  });

  test('a base directory that a sender may not pass', async () => {
    const directory = baseDirectory(0o700);
    await expect(startSftpHost({ baseDirectory: directory })).rejects.toThrow(`may not pass through ${directory}`);
  });

  test('a base directory that is not there', async () => {
    await expect(startSftpHost({ baseDirectory: '/no/such' })).rejects.toThrow('/no/such is not a directory');
  });

  test('a port in use, after it had added the users', async () => {
    const directory = baseDirectory(0o755);
    const { port } = await start({ senders: ['acme'] });
    await expect(startSftpHost({ port, baseDirectory: directory })).rejects.toMatchObject({
      code: 'sshd-failed',
      message: expect.stringContaining('Address already in use'),
    });
    expect(spawnSync('ls', ['-A', directory], { encoding: 'utf8' }).stdout).toBe('');
  });

  test('a caller that is not root', async () => {
    const NOBODY = 65_534;
    process.seteuid?.(NOBODY);
    const refused = startSftpHost();
    process.seteuid?.(0);
    await expect(refused).rejects.toMatchObject({ code: 'not-root', message: expect.stringContaining('sudo') });
  });
});
