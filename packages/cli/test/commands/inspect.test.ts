import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeKeyPair, send } from '../sender.ts';
import { Workspace } from '../transcript.ts';

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
  makeKeyPair(workspace);
  mkdirSync(workspace.path('in'));
  workspace.write('plain', 'name,amount\nAda,12\n');
  send(workspace, { plaintext: 'plain', stem: 'in/report.csv' });
});

afterEach(() => workspace.remove());

test('the report says what an envelope is made of', async () => {
  const { status, stdout, stderr } = await workspace.sealdrop(['inspect', 'in/report.csv']);
  const salt = workspace.read('in/report.csv.enc').subarray(8, 16).toString('hex');
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout.split('\n')).toEqual([
    'in/report.csv.enc',
    '  payload       in/report.csv.enc (48 bytes)',
    '  wrapped key   in/report.csv.keypke.bin.enc (256 bytes)',
    '  note          in/report.csv.alg (33 bytes)',
    '  manifest      -',
    '  signature     -',
    '  plaintext     report.csv',
    `  encrypted     begins with Salted__, salt ${salt}, binary`,
    '  parameters    -aes-256-cbc -pbkdf2 -md sha256 -iter 10000 (the note says)',
    '  wrapped       for an RSA key of 2048 bits, binary',
    expect.stringMatching(/^ {2}OAEP {10}sha256/),
    '  vouched for   by nothing',
    '  No problem shows without the key.',
    '',
  ]);
});

test('--json is the same for machines', async () => {
  const { status, stdout } = await workspace.sealdrop(['inspect', 'in', '--json']);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    envelope: 'in/report.csv.enc',
    members: { payload: { path: 'in/report.csv.enc', size: 48 }, manifest: null },
    plaintextName: 'report.csv',
    parameters: { flags: '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000', source: 'note' },
    mac: 'absent',
    problems: [],
  });
});

test('a problem comes with its cure, and exit status 65', async () => {
  workspace.write('in/report.csv.alg', 'openssl enc -aes-256-cbx -pbkdf2\n');
  const { status, stdout } = await workspace.sealdrop(['inspect', 'in']);
  expect([status, stdout]).toEqual([65, expect.stringMatching(/^ {2}problem: .*aes-256-cbx/m)]);
});

test('what the manifest says is reported', async () => {
  await workspace.sealdrop(['encrypt', 'plain', '--public-key', 'pubkey.pem', '--output-dir', 'in']);
  const { status, stdout } = await workspace.sealdrop(['inspect', 'in/plain.manifest.json']);
  expect([status, stdout]).toEqual([0, expect.stringContaining('  vouched for   by a MAC in the manifest')]);
});

test('several envelopes are reported one after the other, bad ones among them', async () => {
  send(workspace, { plaintext: 'plain', stem: 'in/b' });
  workspace.shell('rm in/b.keypke.bin.enc');
  const { status, stdout, stderr } = await workspace.sealdrop(['inspect', 'in']);
  expect([status, stdout]).toEqual([65, expect.stringContaining('in/report.csv.enc\n')]);
  expect(stderr).toContain('sealdrop: envelope b lacks its wrapped key');
});

test('no envelope named is a usage error, a missing one no input', async () => {
  expect((await workspace.sealdrop(['inspect'])).status).toBe(64);
  expect((await workspace.sealdrop(['inspect', 'none'])).status).toBe(66);
});

test('escape sequences in what the sender wrote do not reach the terminal', async () => {
  workspace.write('in/report.csv.alg', 'openssl enc -aes-256-cbc \u001B]0;owned\u0007\n');
  const { stdout } = await workspace.sealdrop(['inspect', 'in']);
  expect(stdout).toContain(']0;owned');
  expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
});
