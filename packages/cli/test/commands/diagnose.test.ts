import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { diagnoseCommand } from '@sealdrop/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeKeyPair, send } from '../sender.ts';
import { PROGRAM, said, Workspace } from '../transcript.ts';

const KEY = ['--key', 'file:private.pem'];
const PLAINTEXT = 'name,amount\n'.concat('Ada,12\n'.repeat(40));
const UNVERIFIED = '  not verified: no manifest vouches for it, and openssl enc itself cannot detect changed data\n';

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
  makeKeyPair(workspace);
  mkdirSync(workspace.path('in'));
  workspace.write('plain', PLAINTEXT);
});

afterEach(() => workspace.remove());

/** An envelope of which the note says -pbkdf2, and which was made without it. */
function sendMisstated(flags = '-aes-256-cbc -md md5'): void {
  send(workspace, { plaintext: 'plain', stem: 'in/report.csv', flags });
  workspace.write('in/report.csv.alg', 'openssl enc -aes-256-cbc -pbkdf2\n');
}

/** One whose key file has got Windows line ends since. */
function sendWindowsKey(): void {
  workspace.shell(`
    openssl rand -base64 32 > key.bin
    openssl enc -aes-256-ctr -pbkdf2 -in plain -out "in/it's.csv.enc" -pass file:key.bin
    sed 's/$/\\r/' key.bin > windows.bin
    openssl pkeyutl -encrypt -pubin -inkey pubkey.pem -in windows.bin -out "in/it's.csv.key.enc" \\
      -pkeyopt rsa_padding_mode:oaep
    echo 'openssl enc -aes-256-ctr -pbkdf2' > "in/it's.csv.alg"
    rm key.bin windows.bin
  `);
}

interface Report {
  readonly outcome: string;
  readonly verdict: string;
  readonly commands: { readonly openssl: string; readonly sealdrop: string };
  readonly senderMessage: string;
  readonly repair: { readonly parameters: string; readonly changes: readonly string[] } | null;
}

async function reportOf(name: string): Promise<Report> {
  const { status, stdout, stderr } = await workspace.sealdrop(['diagnose', name, ...KEY, '--json']);
  expect([status, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Report;
}

/** A command of the report as a person runs it: in a shell, where `sealdrop` is this program. */
function runAsTold(command: string): { readonly stdout: string } {
  const program = [process.execPath, ...PROGRAM].map((word) => `'${word}'`).join(' ');
  return { stdout: workspace.shell(`sealdrop() { ${program} "$@"; }; ${command}`) };
}

test('the command that core gives makes the diagnosis, whatever the names', async () => {
  sendWindowsKey();
  const line = diagnoseCommand({
    payload: workspace.path("in/it's.csv.enc"),
    keyNames: ['file:private.pem'],
    parameters: '-aes-256-ctr -pbkdf2',
    oaep: 'sha1',
  });
  const { stdout } = runAsTold(`${line} --json`);
  expect(JSON.parse(stdout)).toMatchObject({ verdict: 'certain', repair: { keyFile: 'without-carriage-return' } });
});

describe('the report', () => {
  test('says why, how to open it, and what to write to the sender', async () => {
    sendMisstated();
    const { status, stdout, stderr } = await workspace.sealdrop(['diagnose', 'in/report.csv.enc', ...KEY]);
    expect([status, stderr]).toEqual([0, '']);
    const [title, why = '', ...rest] = stdout.split('\n');
    expect(title).toBe('in/report.csv.enc (certain)');
    expect(why).toMatch(
      /^ {2}It opens, but not as it says: the key was derived with -md md5 and without -pbkdf2, as OpenSSL 1\.0\.2/,
    );
    expect(rest).toEqual(expect.arrayContaining(['  with openssl:', '  with sealdrop:', '  to the sender:']));
    expect(workspace.files('in')).toHaveLength(3);
  });

  test('of an envelope that opens says so', async () => {
    send(workspace, { plaintext: 'plain', stem: 'in/report.csv' });
    expect(await reportOf('in')).toMatchObject({ outcome: 'opens-as-stated', verdict: 'certain', senderMessage: null });
  });

  test('of one that cannot be opened has status 65, and nothing to run', async () => {
    send(workspace, { plaintext: 'plain', stem: 'in/report.csv' });
    workspace.write('in/report.csv.enc', workspace.read('in/report.csv.enc').subarray(0, 100));
    const { status, stdout } = await workspace.sealdrop(['diagnose', 'in', ...KEY]);
    expect(status).toBe(65);
    expect(stdout).toMatch(/ends within a cipher block: it was cut/);
    expect(stdout).not.toMatch(/with openssl/);
  });

  test('names no envelope: usage', async () => {
    expect((await workspace.sealdrop(['diagnose', ...KEY])).status).toBe(64);
    expect((await workspace.sealdrop(['diagnose', 'in'])).status).toBe(64);
  });
});

describe('the commands of the report open the envelope as they are', () => {
  test.each<readonly [string, () => void, string]>([
    ['another derivation', () => sendMisstated(), 'report.csv'],
    ['base64 that is not said', () => sendMisstated('-aes-256-cbc -pbkdf2 -a'), 'report.csv'],
    ['a key file from Windows, in a name with a quote', sendWindowsKey, "it's.csv"],
  ])('%s', async (_what, make, plaintext) => {
    make();
    const { commands, verdict } = await reportOf(`in/${plaintext}.enc`);
    expect(verdict).toBe('certain');
    runAsTold(commands.openssl);
    expect(workspace.read(plaintext).toString()).toBe(PLAINTEXT);
    runAsTold(commands.sealdrop);
    expect(workspace.read(join('in', plaintext)).toString()).toBe(PLAINTEXT);
  });

  const VECTORS = join(import.meta.dirname, '../../../../../shared/vectors');
  test.each(['swapped', 'key-hex', 'data-extra-newline', 'key-utf16', 'key-mgf1-sha1', 'said-iter-10000'])(
    'the bad vector %s',
    async (id) => {
      cpSync(join(VECTORS, 'negative', id), workspace.path('in'), { recursive: true });
      workspace.write('private.pem', readFileSync(join(VECTORS, 'keys/rsa2048.pem')));
      workspace.write('in/algorithm.txt', 'openssl enc -aes-256-cbc -pbkdf2\noaep: sha256\n');
      const folder = ['diagnose', 'in', ...KEY, '--json'];
      const { stdout } = await workspace.sealdrop(folder);
      const { commands } = JSON.parse(stdout) as Report;
      runAsTold(commands.openssl);
      runAsTold(commands.sealdrop);
      expect(workspace.read('in/data').equals(workspace.read('data'))).toBe(true);
      expect(workspace.read('data').length).toBe(1000);
    },
  );
});

describe('decrypt --repair', () => {
  test('opens what a diagnosis is certain of, and says what it put right', async () => {
    sendMisstated();
    const transcript = await workspace.sealdrop(['decrypt', 'in', ...KEY, '--repair']);
    expect(said(transcript)).toEqual([
      0,
      '',
      'in/report.csv.enc -> in/report.csv (292 bytes)\n' +
        '  repaired: the key was derived with -md md5 and without -pbkdf2, as OpenSSL 1.0.2, older ones and old LibreSSL do by default, ' +
        `not with -pbkdf2 -md sha256 -iter 10000\n${UNVERIFIED}`,
    ]);
    expect(workspace.read('in/report.csv').toString()).toBe(PLAINTEXT);
  });

  test('is off unless it is asked for: the failure then says where to look', async () => {
    sendMisstated();
    const { status, stderr } = await workspace.sealdrop(['decrypt', 'in', ...KEY]);
    expect(status).toBe(65);
    expect(stderr).toMatch(/sealdrop diagnose/);
    expect(workspace.files('in')).toHaveLength(3);
  });

  test('opens nothing when nothing is certain, and keeps the first failure', async () => {
    send(workspace, { plaintext: 'plain', stem: 'in/report.csv' });
    workspace.write('in/report.csv.enc', workspace.read('in/report.csv.enc').subarray(0, 100));
    const { status, stderr } = await workspace.sealdrop(['decrypt', 'in', ...KEY, '--repair']);
    expect([status, stderr]).toEqual([65, expect.stringMatching(/not a whole number of blocks/)]);
    expect(workspace.files('in')).toHaveLength(3);
  });
});

describe('plaintext that looks like noise', () => {
  beforeEach(() => {
    workspace.shell('head -c 5000 /dev/urandom > plain');
    send(workspace, { plaintext: 'plain', stem: 'in/data', flags: '-aes-256-ctr -pbkdf2' });
  });

  test('is refused without a MAC, and leaves nothing', async () => {
    const { status, stdout, stderr } = await workspace.sealdrop(['decrypt', 'in', ...KEY]);
    expect([status, stdout]).toEqual([65, '']);
    expect(stderr).toMatch(/^sealdrop: in\/data\.enc: decrypts to noise.*\n.*--allow-noise/);
    expect(workspace.files('in')).toHaveLength(3);
    expect((await workspace.sealdrop(['decrypt', 'in', ...KEY, '--output', '-'])).bytes).toHaveLength(0);
  });

  test('is taken with --allow-noise', async () => {
    expect((await workspace.sealdrop(['decrypt', 'in', ...KEY, '--allow-noise'])).status).toBe(0);
    expect(workspace.read('in/data').equals(workspace.read('plain'))).toBe(true);
  });
});
