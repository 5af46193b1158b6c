import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeKeyPair } from '../sender.ts';
import { said, Workspace } from '../transcript.ts';

const KEY = ['--key', 'file:private.pem'];

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
  makeKeyPair(workspace);
});

afterEach(() => workspace.remove());

function words(): string {
  const sha256 = workspace.shell('openssl pkey -pubin -in pubkey.pem -outform DER | openssl sha256 -r').split(' ')[0];
  return `file:private.pem: RSA 2048 bits, SHA-256 fingerprint ${sha256}\n`;
}

test('stdout is what openssl pkey -pubout writes, stderr the fingerprint', async () => {
  const transcript = await workspace.sealdrop(['public-key', ...KEY]);
  expect(said(transcript)).toEqual([0, workspace.read('pubkey.pem').toString(), words()]);
});

describe('--output', () => {
  test('writes a file', async () => {
    expect(said(await workspace.sealdrop(['public-key', ...KEY, '--output', 'out.pem']))).toEqual([0, '', words()]);
    expect(workspace.read('out.pem')).toEqual(workspace.read('pubkey.pem'));
  });

  test('replaces nothing unless --force says so', async () => {
    workspace.write('out.pem', 'mine');
    expect((await workspace.sealdrop(['public-key', ...KEY, '-o', 'out.pem'])).status).toBe(73);
    expect(workspace.read('out.pem').toString()).toBe('mine');
    expect((await workspace.sealdrop(['public-key', ...KEY, '-o', 'out.pem', '-f'])).status).toBe(0);
    expect(workspace.read('out.pem')).toEqual(workspace.read('pubkey.pem'));
  });
});

test('not even --force lets the public key replace the private one', async () => {
  const before = workspace.read('private.pem');
  const { status, stderr } = await workspace.sealdrop(['public-key', ...KEY, '-o', './private.pem', '--force']);
  expect([status, stderr.split('\n')[0]]).toEqual([73, 'sealdrop: ./private.pem: is a key in use by this command']);
  expect(workspace.read('private.pem')).toEqual(before);
});

test('--json has all of it', async () => {
  const { status, stdout, stderr } = await workspace.sealdrop(['public-key', ...KEY, '--json']);
  expect([status, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toEqual({
    key: 'file:private.pem',
    bits: 2048,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    output: '-',
    pem: workspace.read('pubkey.pem').toString(),
  });
});

test('two keys are a usage error', async () => {
  const transcript = await workspace.sealdrop(['public-key', ...KEY, ...KEY]);
  expect(said(transcript)).toEqual([64, '', 'sealdrop: one key is wanted\ngive --key once\n']);
});

test('an output that cannot be written is an input/output error', async () => {
  const line = `"${process.execPath}" "$@" > /dev/full`;
  const { spawnSync } = await import('node:child_process');
  const { PROGRAM } = await import('../transcript.ts');
  const { status, stderr } = spawnSync('sh', ['-c', line, 'sh', ...PROGRAM, 'public-key', ...KEY], {
    cwd: workspace.folder,
    env: workspace.environment(),
  });
  expect([status, stderr.toString()]).toEqual([
    74,
    expect.stringContaining('standard output cannot be written: ENOSPC'),
  ]);
});
