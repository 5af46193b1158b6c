import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { makeKeyPair, send } from './sender.ts';
import { finish, Workspace } from './transcript.ts';

const POLL = 5;
const DEADLINE = 60_000;

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
  makeKeyPair(workspace);
});

afterEach(() => workspace.remove());

/** Resolves as soon as a hidden file with bytes in it shows that the work has begun. */
async function partFileAppears(directory = '.'): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const deadline = setTimeout(() => reject(new Error('no part file appeared')), DEADLINE);
  const poll = setInterval(() => {
    if (readdirSync(workspace.path(directory)).some((name) => name.startsWith('.'))) resolve();
  }, POLL);
  await promise.finally(() => {
    clearTimeout(deadline);
    clearInterval(poll);
  });
}

/** Whether a thread of the process waits in open(2) of a named pipe: proc(5), wchan; linux/fs/pipe.c, fifo_open. */
function waitsForPartner(pid: number | undefined): boolean {
  return readdirSync(`/proc/${pid}/task`).some(
    (thread) => readFileSync(`/proc/${pid}/task/${thread}/wchan`, 'utf8') === 'wait_for_partner',
  );
}

const INTERRUPTED = 'sealdrop: interrupted; no partial file is left\n';

describe.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s in the middle of the work leaves no partial file', (signal, status) => {
  // Files of zeros without blocks on disk: large enough that the work is still under way when the signal arrives.
  const LARGE = '16G';

  test('decrypt', async () => {
    workspace.shell(`echo x > plain; mkdir in`);
    send(workspace, { plaintext: 'plain', stem: 'in/large', flags: '-aes-256-ctr -pbkdf2 -nosalt' });
    workspace.shell(`truncate -s ${LARGE} in/large.enc`);
    const before = workspace.files();
    const child = workspace.start(['decrypt', 'in', '--key', 'file:private.pem']);
    await partFileAppears('in');
    child.kill(signal);
    expect(await finish(child)).toMatchObject({ status, signal: null, stdout: '', stderr: INTERRUPTED });
    expect(workspace.files()).toEqual(before);
  });

  test('encrypt', async () => {
    workspace.shell(`truncate -s ${LARGE} large`);
    const before = workspace.files();
    const child = workspace.start(['encrypt', 'large', '--public-key', 'pubkey.pem']);
    await partFileAppears();
    child.kill(signal);
    expect(await finish(child)).toMatchObject({ status, signal: null, stdout: '', stderr: INTERRUPTED });
    expect(workspace.files()).toEqual(before);
  });
});

test.each([
  ['the file', ['encrypt', 'pipe', '--public-key', 'pubkey.pem']],
  ['the public key', ['encrypt', 'pubkey.pem', '--public-key', 'pipe']],
])('a named pipe that nobody writes to, as %s, cannot hold up SIGTERM', async (_what, args) => {
  workspace.shell('mkfifo pipe');
  const before = workspace.files();
  const child = workspace.start(args);
  await vi.waitUntil(() => waitsForPartner(child.pid), { timeout: DEADLINE, interval: POLL });
  child.kill('SIGTERM');
  const { status, signal } = await finish(child);
  expect(status ?? signal).toBe('SIGTERM');
  expect(workspace.files()).toEqual(before);
});

test('Ctrl-C ends the waiting for more of standard input', async () => {
  workspace.write('plain', 'x');
  send(workspace, { plaintext: 'plain', stem: 's', flags: '-aes-256-ctr -pbkdf2' });
  const before = workspace.files();
  const parts = ['--payload', '-', '--wrapped-key', 's.keypke.bin.enc', '--note', 's.alg', '--output', 'out'];
  const child = workspace.start(['decrypt', ...parts, '--key', 'file:private.pem']);
  child.stdin?.write(workspace.read('s.enc'));
  await partFileAppears();
  child.kill('SIGINT');
  expect(await finish(child)).toMatchObject({ status: 130, stderr: INTERRUPTED });
  expect(workspace.files()).toEqual(before);
});

test('Ctrl-C ends a call with many files, and those that were whole stay', async () => {
  workspace.shell('echo x > a; truncate -s 16G b; echo x > c');
  const child = workspace.start(['encrypt', 'a', 'b', 'c', '--public-key', 'pubkey.pem', '--no-manifest', '--json']);
  await partFileOf('b');
  child.kill('SIGINT');
  const { status, stdout } = await finish(child);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(status).toBe(130);
  expect(lines).toMatchObject([{ file: 'a' }, { error: { code: 'cancelled', blame: 'passing' } }]);
  expect(workspace.files()).toEqual(['a', 'a.alg', 'a.enc', 'a.keypke.bin.enc', 'b', 'c', 'private.pem', 'pubkey.pem']);

  async function partFileOf(name: string): Promise<void> {
    while (!readdirSync(workspace.folder).some((file) => file.startsWith(`.${name}.`))) await partFileAppears();
  }
});
