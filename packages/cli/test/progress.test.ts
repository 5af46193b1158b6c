import { spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeKeyPair } from './sender.ts';
import { finish, PROGRAM, Workspace } from './transcript.ts';

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
  makeKeyPair(workspace);
  workspace.shell('truncate -s 300M large.bin');
});

afterEach(() => workspace.remove());

const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** What a terminal would get: script(1) of util-linux runs the program on one of its own. */
async function onTerminal(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const line = ['stty cols 120;', ...[process.execPath, ...PROGRAM, ...args].map(quote)].join(' ');
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    cwd: workspace.folder,
    env: { ...workspace.environment(), TERM: 'xterm', SHELL: '/bin/sh', ...env },
  });
  child.stdin?.end();
  return finish(child);
}

const ESCAPE = '\u001B';
const BAR =
  /large\.bin [\u2588\u2591]{24} +\d+% {2}[\d.]+ (?:bytes|[KMG]iB) of 300 MiB {2}[\d.]+ (?:bytes|[KMG]iB)\/s {2}\d+m?\d*s left/;

describe('on a terminal', () => {
  test('encrypt shows a bar with rate and time left, and clears it', async () => {
    const { status, stdout } = await onTerminal(['encrypt', 'large.bin', '--public-key', 'pubkey.pem']);
    expect([status, stdout]).toEqual([0, expect.stringMatching(BAR)]);
    expect(stdout.slice(stdout.lastIndexOf('\u2591') + 1)).toContain('large.bin (300 MiB) -> large.bin.enc');
  });

  test('decrypt shows a bar, and colour where someone can see it', async () => {
    await workspace.sealdrop(['encrypt', 'large.bin', '--public-key', 'pubkey.pem']);
    const args = ['decrypt', 'large.bin.enc', '--key', 'file:private.pem', '--force'];
    const { status, stdout } = await onTerminal(args);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/large\.bin\.enc [\u2588\u2591]{24} +\d+% /)]);
    expect(stdout).toContain(`${ESCAPE}[32m  verified: `);
    const plain = await onTerminal(args, { NO_COLOR: '1' });
    expect(plain.stdout).toContain('  verified: ');
    expect(plain.stdout).not.toContain(`${ESCAPE}[32m`);
  });

  test('stdin has no size: what is done and the rate are shown', async () => {
    const program = [process.execPath, ...PROGRAM, 'encrypt', '-', '--name', 'x', '--public-key', 'pubkey.pem'];
    const line = `cat large.bin | ${program.map(quote).join(' ')}`;
    const child = spawn('script', ['-qec', line, '/dev/null'], {
      cwd: workspace.folder,
      env: { ...workspace.environment(), TERM: 'xterm', SHELL: '/bin/sh' },
    });
    child.stdin?.end();
    const { status, stdout } = await finish(child);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/x {2}[\d.]+ [KMG]iB {2}[\d.]+ [KMG]iB\/s/)]);
  });

  test.each(['--quiet', '--json'])('%s shows no bar', async (option) => {
    const { status, stdout } = await onTerminal(['encrypt', 'large.bin', '--public-key', 'pubkey.pem', option]);
    expect(status).toBe(0);
    expect(stdout).not.toMatch(/[\u2588\u2591]/);
  });
});

test('without a terminal there is neither a bar nor an escape sequence', async () => {
  const { status, stdout, stderr } = await workspace.sealdrop(['encrypt', 'large.bin', '--public-key', 'pubkey.pem'], {
    env: { FORCE_COLOR: '1', TERM: 'xterm' },
  });
  expect(status).toBe(0);
  expect(`${stdout}${stderr}`.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u2588\u2591]/u);
});
