import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSftpHost } from '../src/index.ts';
import type { Sender, SftpHost } from '../src/index.ts';
import { localDirectory, writeRandomFile } from './hosting.ts';

let host: SftpHost;
let acme: Sender;
let globex: Sender;

beforeAll(async () => {
  host = await startSftpHost();
  acme = host.sender('acme');
  globex = host.sender('globex');
  writeFileSync(join(globex.landing, 'secret.enc'), 'of globex');
});
afterAll(() => host.close());

async function ssh(...args: readonly string[]) {
  const child = spawn('ssh', ['-F', host.clientConfig, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const streams = [text(child.stdout), text(child.stderr)] as const;
  const [[status], stdout, stderr] = await Promise.all([once(child, 'close'), ...streams]);
  return { status: status as number | null, stdout, stderr };
}

test('two senders land apart, each in a directory of its own', async () => {
  const directory = localDirectory();
  const contents = ['acme', 'globex'].map((name) => writeRandomFile(directory, name, 100));
  const uploads = ['acme', 'globex'].map((name) =>
    host.sftp(name, [`put ${name} same-name.enc`], { localDirectory: directory }),
  );
  expect(await Promise.all(uploads)).toMatchObject([{ status: 0 }, { status: 0 }]);
  const landed = [acme, globex].map(({ landing }) => readFileSync(join(landing, 'same-name.enc')));
  expect(landed).toEqual(contents);
});

test('a sender sees the upload directory and nothing else', async () => {
  const { stdout } = await host.sftp('acme', ['pwd', 'ls -1a /', 'cd /../../..', 'pwd', 'ls -1a']);
  expect(stdout.split('\n').filter((line) => line !== '' && !line.startsWith('sftp>'))).toEqual([
    'Remote working directory: /upload',
    '/.',
    '/..',
    '/upload',
    'Remote working directory: /',
    '.',
    '..',
    'upload',
  ]);
});

describe('a sender cannot', () => {
  test.each([
    { deed: 'list the other', command: () => `ls ${globex.landing}` },
    { deed: 'list the other by going up', command: () => 'ls ../../globex/upload' },
    { deed: 'read from the other', command: () => `get ../../globex/upload/secret.enc stolen` },
    { deed: 'write to the other', command: () => `put mine ${globex.landing}/mine` },
    { deed: 'rename into the other', command: () => `rename mine ${globex.landing}/mine` },
    { deed: 'make a hard link to the other’s file', command: () => `ln ${globex.landing}/secret.enc mine-too` },
    { deed: 'read a file of the host', command: () => 'get /etc/passwd stolen' },
    { deed: 'make a file beside the upload directory', command: () => 'put mine /mine' },
    { deed: 'make a directory beside the upload directory', command: () => 'mkdir /beside' },
    { deed: 'replace the upload directory', command: () => 'rename /upload /moved' },
  ])('$deed', async ({ command }) => {
    const directory = localDirectory();
    writeRandomFile(directory, 'mine', 10);
    writeFileSync(join(acme.landing, 'mine'), '');
    const { status, stderr } = await host.sftp('acme', [command()], { localDirectory: directory });
    expect(status).toBe(1);
    expect(stderr).toMatch(/No such file or directory|Permission denied|not found/);
    expect(readdirSync(directory)).toEqual(['mine']);
    expect(readdirSync(globex.landing)).not.toContain('mine');
  });

  test('leave through a symlink', async () => {
    const directory = localDirectory();
    const links = [`ln -s ${globex.landing} out`, 'ln -s ../../globex/upload up', 'ln -s /etc/passwd passwd'];
    expect(await host.sftp('acme', links)).toMatchObject({ status: 0 });
    for (const command of ['ls out/', 'get out/secret.enc', 'get up/secret.enc', 'get passwd']) {
      expect(await host.sftp('acme', [command], { localDirectory: directory })).toMatchObject({ status: 1 });
    }
    expect(readdirSync(directory)).toEqual([]);
  });

  test('log in as the other with its own key', async () => {
    const asGlobex = ['-o', `User=${globex.user}`, '-s', 'acme', 'sftp'];
    const { status, stderr } = await ssh(...asGlobex);
    expect(status).toBe(255);
    expect(stderr).toContain('Permission denied (publickey)');
  });

  test('run a command', async () => {
    const { stdout } = await ssh('acme', 'echo $((6 * 7))');
    expect(stdout).not.toContain('42');
  });

  test('reach the network through the host', async () => {
    const { status, stderr } = await ssh('-W', `127.0.0.1:${host.port}`, 'acme');
    expect(status).toBe(255);
    expect(stderr).toContain('administratively prohibited');
  });
});

test('the log says who logged in and who was refused', async () => {
  await host.sftp('acme', ['pwd']);
  await ssh('-o', 'User=nobody', 'acme');
  expect(host.log()).toContain(`Accepted publickey for ${acme.user}`);
  expect(host.log()).toContain('User nobody from 127.0.0.1 not allowed');
});
