import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cleanSftpHosts } from '../src/index.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');

/** The program, keeping its files in a directory of this test's own; whatever it leaves is cleaned when the test ends. */
function program() {
  const base = mkdtempSync('/var/lib/sftp-host-');
  chmodSync(base, 0o755);
  onTestFinished(async () => {
    await cleanSftpHosts(base);
    rmSync(base, { recursive: true });
  });
  const run = (...args: readonly string[]) => {
    const child = spawn(process.execPath, [MAIN, '--directory', base, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    onTestFinished(() => end(child));
    return child;
  };
  return { base, run };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

async function finish(child: ChildProcess): Promise<{ status: unknown; stdout: string; stderr: string }> {
  const streams = [child.stdout, child.stderr].map((stream) => (stream === null ? '' : text(stream)));
  const [[status], stdout = '', stderr = ''] = await Promise.all([once(child, 'exit'), ...streams]);
  return { status, stdout, stderr };
}

/** What it prints until it is ready. */
async function readDescription(child: ChildProcess): Promise<string> {
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  let stderr = '';
  for await (const chunk of child.stderr ?? []) {
    stderr += String(chunk);
    if (stderr.includes('ready')) return stdout;
  }
  throw new Error(stderr);
}

function find(description: string, pattern: RegExp): string {
  const found = pattern.exec(description)?.[1];
  if (found === undefined) throw new Error(`no ${pattern} in ${description}`);
  return found;
}

function usersOf(description: string): readonly string[] {
  return [...description.matchAll(/\(user (.*)\)/g)].map(([, user = '']) => user);
}

function isUser(name: string): boolean {
  return spawnSync('getent', ['passwd', name]).status === 0;
}

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'the lines that it prints connect, until %s; then users and files are gone',
  async (signal) => {
    const { base, run } = program();
    const child = run();
    const description = await readDescription(child);
    const connect = find(description, /^globex .*\n {2}connect: (.*)$/m);
    const landing = find(description, /^globex .*\n.*\n {2}landing: (.*)$/m);
    const put = spawnSync('sh', ['-c', `echo 'put /etc/hostname' | ${connect}`], { encoding: 'utf8' });
    expect(put).toMatchObject({ status: 0 });
    expect(readdirSync(landing)).toEqual(['hostname']);
    const users = usersOf(description);
    expect(users.map(isUser)).toEqual([true, true]);
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(users.map(isUser)).toEqual([false, false]);
    expect(readdirSync(base)).toEqual([]);
  },
);

test('users and files are removed even when nobody reads what it prints', async () => {
  const { base, run } = program();
  const child = run();
  child.stdout?.destroy();
  await readDescription(child);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(readdirSync(base)).toEqual([]);
});

test('--senders names the senders', async () => {
  const { run } = program();
  const description = await readDescription(run('--senders', 'initech,hooli,acme'));
  expect(usersOf(description).map((user) => user.split('-').at(-1))).toEqual(['initech', 'hooli', 'acme']);
});

test('--clean removes what a killed run has left, and nothing of one that goes on', async () => {
  const { base, run } = program();
  const [killed, living] = [run(), run()];
  const [left, kept] = await Promise.all([readDescription(killed), readDescription(living)]);
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  const directory = find(left, /^directory: (.*)$/m);
  expect(usersOf(left).map(isUser)).toEqual([true, true]);
  expect(await finish(run('--clean'))).toEqual({ status: 0, stdout: `removed ${directory}\n`, stderr: '' });
  expect(usersOf(left).map(isUser)).toEqual([false, false]);
  expect(existsSync(directory)).toBe(false);
  const port = find(left, /^port: +(.*)$/m);
  expect(spawnSync('ssh-keyscan', ['-p', port, '127.0.0.1'], { encoding: 'utf8' }).stdout).toBe('');
  expect(usersOf(kept).map(isUser)).toEqual([true, true]);
  expect(readdirSync(base)).toHaveLength(1);
  expect(await finish(run('--clean'))).toEqual({ status: 0, stdout: '', stderr: '' });
});

test('--help says how to use it', async () => {
  const { status, stdout, stderr } = await finish(program().run('--help'));
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^Usage: /);
  for (const option of ['--senders', '--port', '--directory', '--clean', '--help']) expect(stdout).toContain(option);
});

describe('one line says what is wrong', () => {
  test.each([
    { args: ['--prot', '1'], status: 64, says: "Unknown option '--prot'" },
    { args: ['extra'], status: 64, says: "Unexpected argument 'extra'" },
    { args: ['--port', '65536'], status: 64, says: '--port 65536: not a port number' },
    { args: ['--senders', 'acme,ACME'], status: 64, says: "sender 'ACME': a name is" },
    { args: ['--directory', '/tmp'], status: 64, says: 'others than root may write' },
    { args: ['--clean', '--directory', '/no/such'], status: 64, says: '/no/such is not a directory' },
  ])('$args', async ({ args, status, says }) => {
    const finished = await finish(program().run(...args));
    expect(finished).toMatchObject({ status, stdout: '' });
    expect(finished.stderr).toMatch(/^sftp-host: .*\n$/);
    expect(finished.stderr).toContain(says);
  });

  test('a port in use', async () => {
    const { run } = program();
    const port = find(await readDescription(run()), /^port: +(.*)$/m);
    const { status, stderr } = await finish(run('--port', port));
    expect(status).toBe(69);
    expect(stderr).toMatch(/^sftp-host: .*Address already in use.*\n$/);
  });
});
