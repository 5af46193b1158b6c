import { existsSync, lstatSync, readFileSync, readlinkSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSftpHost } from '../src/index.ts';
import type { Sender, SftpHost } from '../src/index.ts';
import { localDirectory, writeRandomFile } from './hosting.ts';

const KIB = 1024;
const SIZE = 1024 * KIB;
/** The whole of SIZE takes seconds, so that a test sees it grow. */
const SLOW = { rateKiB: 384 };
/** For uploads that are to be killed midway: slow enough for the slowest machine. */
const SLOWEST = { rateKiB: 64 };
const DEADLINE = { timeout: 30_000, interval: 5 };

let host: SftpHost;
let acme: Sender;

beforeAll(async () => {
  host = await startSftpHost({ senders: ['acme'] });
  acme = host.sender('acme');
});
afterAll(() => host.close());

/** 0 as long as there is no such file. */
function landedSize(name: string): number {
  return statSync(join(acme.landing, name), { throwIfNoEntry: false })?.size ?? 0;
}

async function overwriteBeginning(file: string, bytes: string): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(bytes, 0);
  await handle.close();
}

describe('put', () => {
  test('a file lands whole, as the sender and with the mode that it had less the umask', async () => {
    const directory = localDirectory();
    const content = writeRandomFile(directory, 'data.enc', SIZE);
    const result = await host.sftp('acme', ['put data.enc'], { localDirectory: directory });
    expect(result).toEqual({ status: 0, stdout: 'sftp> put data.enc\n', stderr: '' });
    expect(readFileSync(join(acme.landing, 'data.enc')).equals(content)).toBe(true);
    const { uid, gid, mode } = statSync(join(acme.landing, 'data.enc'));
    expect({ uid, gid, mode }).toEqual({ uid: acme.uid, gid: acme.gid, mode: 0o100644 });
  });

  test('a second put overwrites the file in place', async () => {
    const directory = localDirectory();
    writeRandomFile(directory, 'first', 2 * KIB);
    const content = writeRandomFile(directory, 'second', KIB);
    await host.sftp('acme', ['put first twice.enc'], { localDirectory: directory });
    const { ino } = statSync(join(acme.landing, 'twice.enc'));
    await host.sftp('acme', ['put second twice.enc'], { localDirectory: directory });
    expect(readFileSync(join(acme.landing, 'twice.enc')).equals(content)).toBe(true);
    expect(statSync(join(acme.landing, 'twice.enc')).ino).toBe(ino);
  });

  test('a folder lands with what is in it', async () => {
    const directory = localDirectory();
    const content = writeRandomFile(directory, 'payload.enc', KIB);
    const { status } = await host.sftp('acme', ['mkdir folder', 'put payload.enc folder/'], {
      localDirectory: directory,
    });
    expect(status).toBe(0);
    expect(readFileSync(join(acme.landing, 'folder/payload.enc')).equals(content)).toBe(true);
  });

  test('a throttled upload grows under its final name', async () => {
    const directory = localDirectory();
    const content = writeRandomFile(directory, 'slow.enc', SIZE);
    const upload = host.startSftp('acme', ['put slow.enc'], { ...SLOW, localDirectory: directory });
    await expect.poll(() => landedSize('slow.enc'), DEADLINE).toBeGreaterThan(0);
    const early = landedSize('slow.enc');
    expect(early).toBeLessThan(SIZE);
    await expect.poll(() => landedSize('slow.enc'), DEADLINE).toBeGreaterThan(early);
    expect(upload.child.exitCode).toBe(null);
    expect(await upload.result).toMatchObject({ status: 0 });
    expect(readFileSync(join(acme.landing, 'slow.enc')).equals(content)).toBe(true);
  });
});

describe('a client that is killed', () => {
  test('leaves a part of the file under its final name, and reput goes on where it ended', async () => {
    const directory = localDirectory();
    const content = writeRandomFile(directory, 'resumed.enc', SIZE);
    const landed = join(acme.landing, 'resumed.enc');
    const upload = host.startSftp('acme', ['put resumed.enc'], { ...SLOWEST, localDirectory: directory });
    await expect.poll(() => landedSize('resumed.enc'), DEADLINE).toBeGreaterThan(0);
    upload.kill();
    expect(await upload.result).toMatchObject({ status: null });
    const part = readFileSync(landed);
    expect(part.length).toBeLessThan(SIZE);
    expect(part.equals(content.subarray(0, part.length))).toBe(true);

    // A client that restarts would overwrite this mark.
    await overwriteBeginning(landed, 'mark');
    expect(await host.sftp('acme', ['reput resumed.enc'], { localDirectory: directory })).toMatchObject({ status: 0 });
    const whole = readFileSync(landed);
    expect(whole.subarray(0, 4).toString()).toBe('mark');
    expect(whole.subarray(4).equals(content.subarray(4))).toBe(true);
  });

  test('put restarts from the beginning instead', async () => {
    const directory = localDirectory();
    const content = writeRandomFile(directory, 'restarted.enc', SIZE);
    const landed = join(acme.landing, 'restarted.enc');
    await host.sftp('acme', ['put restarted.enc'], { localDirectory: directory });
    truncateSync(landed, SIZE / 2);
    await overwriteBeginning(landed, 'mark');
    await host.sftp('acme', ['put restarted.enc'], { localDirectory: directory });
    expect(readFileSync(landed).equals(content)).toBe(true);
  });

  test('an abort kills it too', async () => {
    const directory = localDirectory();
    writeRandomFile(directory, 'aborted.enc', SIZE);
    const abort = new AbortController();
    const options = { ...SLOWEST, localDirectory: directory, signal: abort.signal };
    const result = host.sftp('acme', ['put aborted.enc'], options);
    await expect.poll(() => landedSize('aborted.enc'), DEADLINE).toBeGreaterThan(0);
    abort.abort();
    expect(await result).toMatchObject({ status: null });
    expect(landedSize('aborted.enc')).toBeLessThan(SIZE);
  });
});

describe('what else a client can do to a file', () => {
  test('rename it into place', async () => {
    const directory = localDirectory();
    const content = writeRandomFile(directory, 'renamed.enc', KIB);
    const commands = ['put renamed.enc renamed.enc.filepart', 'rename renamed.enc.filepart renamed.enc'];
    expect(await host.sftp('acme', commands, { localDirectory: directory })).toMatchObject({ status: 0 });
    expect(readFileSync(join(acme.landing, 'renamed.enc')).equals(content)).toBe(true);
    expect(existsSync(join(acme.landing, 'renamed.enc.filepart'))).toBe(false);
  });

  test('make a symlink to anything, there or not', async () => {
    const { status } = await host.sftp('acme', ['ln -s /etc/passwd link.enc', 'ln -s ../../other dangling.enc']);
    expect(status).toBe(0);
    expect(readlinkSync(join(acme.landing, 'link.enc'))).toBe('/etc/passwd');
    expect(readlinkSync(join(acme.landing, 'dangling.enc'))).toBe('../../other');
    expect(lstatSync(join(acme.landing, 'link.enc')).uid).toBe(acme.uid);
  });

  test('make a hard link', async () => {
    const directory = localDirectory();
    writeRandomFile(directory, 'one.enc', KIB);
    const result = await host.sftp('acme', ['put one.enc', 'ln one.enc two.enc'], { localDirectory: directory });
    expect(result).toMatchObject({ status: 0 });
    const [one, two] = ['one.enc', 'two.enc'].map((name) => statSync(join(acme.landing, name)));
    expect(one?.nlink).toBe(2);
    expect(two?.ino).toBe(one?.ino);
  });

  test('delete it', async () => {
    const directory = localDirectory();
    writeRandomFile(directory, 'deleted.enc', KIB);
    const result = await host.sftp('acme', ['put deleted.enc', 'rm deleted.enc'], { localDirectory: directory });
    expect(result).toMatchObject({ status: 0 });
    expect(readdirSync(acme.landing)).not.toContain('deleted.enc');
  });
});

describe('a batch', () => {
  test('ends at the first command that fails, and its status tells', async () => {
    const { status, stderr } = await host.sftp('acme', ['rm missing', 'mkdir after-failure']);
    expect(status).toBe(1);
    expect(stderr).toContain('/upload/missing: No such file or directory');
    expect(readdirSync(acme.landing)).not.toContain('after-failure');
  });

  test('goes on after a command that begins with a dash', async () => {
    expect(await host.sftp('acme', ['-rm missing', 'mkdir after-dash'])).toMatchObject({ status: 0 });
    expect(readdirSync(acme.landing)).toContain('after-dash');
  });
});
