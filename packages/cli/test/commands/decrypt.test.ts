import { mkdirSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeKeyPair, send } from '../sender.ts';
import { said, Workspace } from '../transcript.ts';

const KEY = ['--key', 'file:private.pem'];
const PLAINTEXT = 'name,amount\nAda,12\n';
const UNVERIFIED = '  not verified: no manifest vouches for it, and openssl enc itself cannot detect changed data\n';
const VERIFIED = "  verified: the manifest's MAC shows that key, parameters, name and data are as they were sealed\n";

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
  makeKeyPair(workspace);
  mkdirSync(workspace.path('in'));
  workspace.write('plain', PLAINTEXT);
  send(workspace, { plaintext: 'plain', stem: 'in/report.csv' });
});

afterEach(() => workspace.remove());

/** An envelope with manifest, by sealdrop itself. */
async function seal(name: string, directory: string): Promise<void> {
  const { status } = await workspace.sealdrop(
    ['encrypt', '-', '--name', name, '--public-key', 'pubkey.pem', '--output-dir', directory],
    { stdin: PLAINTEXT },
  );
  expect(status).toBe(0);
}

describe('an envelope made by openssl is decrypted whatever of it is named', () => {
  test.each([
    ['its payload', ['in/report.csv.enc']],
    ['its wrapped key', ['in/report.csv.keypke.bin.enc']],
    ['its note', ['in/report.csv.alg']],
    ['its stem', ['in/report.csv']],
    ['its folder', ['in']],
    ['all its files in any order', ['in/report.csv.alg', 'in/report.csv.enc', 'in/report.csv.keypke.bin.enc']],
    ['one file in two ways', ['in/report.csv.enc', './in/../in/report.csv.enc']],
  ])('%s', async (_what, names) => {
    const transcript = await workspace.sealdrop(['decrypt', ...names, ...KEY]);
    expect(said(transcript)).toEqual([0, '', `in/report.csv.enc -> in/report.csv (19 bytes)\n${UNVERIFIED}`]);
    expect(workspace.read('in/report.csv').toString()).toBe(PLAINTEXT);
    expect(workspace.files('in')).toEqual([
      'in/report.csv',
      'in/report.csv.alg',
      'in/report.csv.enc',
      'in/report.csv.keypke.bin.enc',
    ]);
  });
});

test('a large file whose key does not fit is told at once, and the program ends', async () => {
  // Threads are started for it while the key is being unwrapped; then nobody needs them.
  workspace.shell('truncate -s 64M in/report.csv.enc && openssl genrsa -out other.pem 2048');
  const transcript = await workspace.sealdrop(['decrypt', 'in', '--key', 'file:other.pem']);
  expect(transcript).toMatchObject({ status: 65, stderr: expect.stringContaining('the wrapped key does not open') });
});

test("the article's own names in a folder are an envelope", async () => {
  workspace.shell('mkdir a && mv in/report.csv.enc a/data.tar.enc && mv in/report.csv.keypke.bin.enc a/keypke.bin.enc');
  workspace.write('a/algorithm.txt', 'AES-256-CBC with -aes-256-cbc flag\n');
  expect((await workspace.sealdrop(['decrypt', 'a', ...KEY])).status).toBe(0);
  expect(workspace.read('a/data.tar').toString()).toBe(PLAINTEXT);
});

describe('parts by name', () => {
  const PARTS = ['--payload', 'in/report.csv.enc', '--wrapped-key', 'in/report.csv.keypke.bin.enc'];

  test.each([
    ['with the note', ['--note', 'in/report.csv.alg']],
    ['with parameters', ['--parameters', '-aes-256-cbc -pbkdf2']],
    ['with parameters after =', ['--parameters=-aes-256-cbc -pbkdf2']],
    ['with the OAEP hash', ['--parameters', '-aes-256-cbc -pbkdf2', '--oaep', 'sha256']],
    ["with openssl's OAEP options", ['--parameters', '-aes-256-cbc -pbkdf2', '--oaep', 'rsa_oaep_md:sha256']],
  ])('%s', async (_what, options) => {
    const transcript = await workspace.sealdrop(['decrypt', ...PARTS, ...options, ...KEY, '-o', 'out']);
    expect(said(transcript)).toEqual([0, '', `in/report.csv.enc -> out (19 bytes)\n${UNVERIFIED}`]);
    expect(workspace.read('out').toString()).toBe(PLAINTEXT);
  });

  test('names that say nothing will do', async () => {
    workspace.shell('mv in/report.csv.enc one; mv in/report.csv.keypke.bin.enc two');
    const args = ['decrypt', '--payload', 'one', '--wrapped-key', 'two', '--parameters', '-aes-256-cbc -pbkdf2'];
    expect((await workspace.sealdrop([...args, ...KEY, '--output', 'out'])).status).toBe(0);
    expect(workspace.read('out').toString()).toBe(PLAINTEXT);
  });

  test('a payload from stdin goes to stdout', async () => {
    const args = [
      'decrypt',
      '--payload',
      '-',
      '--wrapped-key',
      'in/report.csv.keypke.bin.enc',
      '--note',
      'in/report.csv.alg',
    ];
    const transcript = await workspace.sealdrop([...args, '--output', '-', ...KEY], {
      stdin: workspace.read('in/report.csv.enc'),
    });
    expect(said(transcript)).toEqual([0, PLAINTEXT, `standard input -> standard output (19 bytes)\n${UNVERIFIED}`]);
  });

  test('a payload from stdin with a manifest is verified', async () => {
    await seal('a', '.');
    const args = ['decrypt', '--payload', '-', '--wrapped-key', 'a.keypke.bin.enc', '--manifest', 'a.manifest.json'];
    const transcript = await workspace.sealdrop([...args, '--output', 'out', ...KEY], {
      stdin: workspace.read('a.enc'),
    });
    expect(said(transcript)).toEqual([0, '', `standard input -> out (19 bytes)\n${VERIFIED}`]);
    expect(workspace.read('out').toString()).toBe(PLAINTEXT);
  });

  test.each([
    ['a payload alone', ['--payload', 'x'], '--payload and --wrapped-key go together'],
    ['a wrapped key alone', ['--wrapped-key', 'x'], '--payload and --wrapped-key go together'],
    ['nothing about parameters', PARTS, 'what the payload was encrypted with is not known'],
    ['an envelope as well', ['in', ...PARTS], 'an ENVELOPE and its parts by name exclude each other'],
    ['a note for a whole envelope', ['in', '--note', 'x'], '--note and --manifest go with --payload and --wrapped-key'],
    [
      'stdin without an output',
      ['--payload', '-', '--wrapped-key', 'x', '--note', 'y'],
      'a payload from stdin has no place of its own',
    ],
  ])('%s is a usage error', async (_what, args, message) => {
    const { status, stderr } = await workspace.sealdrop(['decrypt', ...args, ...KEY]);
    expect([status, stderr.split('\n')[0]]).toEqual([64, `sealdrop: ${message}`]);
  });
});

test('--parameters are used instead of a wrong note', async () => {
  workspace.write('in/report.csv.alg', 'openssl enc -aes-128-cbc -md md5\n');
  const transcript = await workspace.sealdrop(['decrypt', 'in', '--parameters', '-aes-256-cbc -pbkdf2', ...KEY]);
  expect(transcript.status).toBe(0);
  expect(workspace.read('in/report.csv').toString()).toBe(PLAINTEXT);
});

describe('output', () => {
  test('an existing directory takes the plaintext under its own name', async () => {
    mkdirSync(workspace.path('out'));
    expect((await workspace.sealdrop(['decrypt', 'in', '--output', 'out', ...KEY])).status).toBe(0);
    expect(workspace.files('out')).toEqual(['out/report.csv']);
  });

  test('a directory that is not there is not made', async () => {
    const { status, stderr } = await workspace.sealdrop(['decrypt', 'in', '--output', 'out/', ...KEY]);
    expect([status, stderr]).toEqual([73, 'sealdrop: out/report.csv: its directory does not exist\n']);
    expect(workspace.files()).not.toContain('out/report.csv');
  });

  test('an existing file is kept', async () => {
    workspace.write('in/report.csv', 'mine');
    const transcript = await workspace.sealdrop(['decrypt', 'in/report.csv.enc', ...KEY]);
    expect(said(transcript)).toEqual([
      73,
      '',
      expect.stringMatching(/^sealdrop: in\/report\.csv: already exists\n.*--force/),
    ]);
    expect(workspace.read('in/report.csv').toString()).toBe('mine');
  });

  test('--force replaces it', async () => {
    workspace.write('in/report.csv', 'mine');
    expect((await workspace.sealdrop(['decrypt', 'in/report.csv.enc', '--force', ...KEY])).status).toBe(0);
    expect(workspace.read('in/report.csv').toString()).toBe(PLAINTEXT);
  });

  test('a link is replaced, not followed', async () => {
    workspace.write('victim', 'mine');
    symlinkSync('../victim', workspace.path('in/report.csv'));
    expect((await workspace.sealdrop(['decrypt', 'in/report.csv.enc', '--force', ...KEY])).status).toBe(0);
    expect(workspace.read('victim').toString()).toBe('mine');
  });

  test('not even --force lets the plaintext replace a member of its envelope', async () => {
    const { status, stderr } = await workspace.sealdrop([
      'decrypt',
      'in',
      '-o',
      'in/report.csv.alg',
      '--force',
      ...KEY,
    ]);
    expect([status, stderr.split('\n')[0]]).toEqual([
      73,
      'sealdrop: in/report.csv.alg: the plaintext would replace a file of the envelope itself',
    ]);
  });

  test('not even --force lets the plaintext replace the key that opens it', async () => {
    const before = workspace.read('private.pem');
    const { status, stderr } = await workspace.sealdrop(['decrypt', 'in', '-o', 'private.pem', '--force', ...KEY]);
    expect([status, stderr.split('\n')[0]]).toEqual([73, 'sealdrop: private.pem: is a key in use by this command']);
    expect(workspace.read('private.pem')).toEqual(before);
  });

  test('standard output holds the plaintext and nothing else', async () => {
    const transcript = await workspace.sealdrop(['decrypt', 'in', '--output', '-', ...KEY]);
    expect(said(transcript)).toEqual([0, PLAINTEXT, `in/report.csv.enc -> standard output (19 bytes)\n${UNVERIFIED}`]);
    expect(workspace.files('in')).not.toContain('in/report.csv');
  });

  test('with a manifest, a changed payload sends no byte to standard output', async () => {
    await seal('big', 'in');
    const payload = workspace.read('in/big.enc');
    payload[20] = (payload[20] ?? 0) ^ 1;
    workspace.write('in/big.enc', payload);
    const { status, stdout } = await workspace.sealdrop(['decrypt', 'in/big.enc', '--output', '-', ...KEY]);
    expect([status, stdout]).toEqual([65, '']);
  });

  test('the plaintext is for its owner alone', async () => {
    await workspace.sealdrop(['decrypt', 'in', ...KEY]);
    expect(workspace.shell('stat -c %a in/report.csv')).toBe('600\n');
  });

  test('--quiet says nothing', async () => {
    expect(said(await workspace.sealdrop(['decrypt', 'in', '--quiet', ...KEY]))).toEqual([0, '', '']);
  });

  test('a key in SEALDROP_KEY is used when none is named', async () => {
    const transcript = await workspace.sealdrop(['decrypt', 'in'], { env: { SEALDROP_KEY: 'file:private.pem' } });
    expect(transcript.status).toBe(0);
  });
});

describe('keys', () => {
  beforeEach(() => workspace.openssl('genrsa', '-out', 'older.pem', '2048'));

  test('are tried in order', async () => {
    const transcript = await workspace.sealdrop(['decrypt', 'in', '--key', 'file:older.pem', ...KEY, '--json']);
    expect(JSON.parse(transcript.stdout)).toMatchObject({ key: 'file:private.pem' });
  });

  test('that do not fit are the sender to blame for', async () => {
    const { status, stderr } = await workspace.sealdrop(['decrypt', 'in', '--key', 'file:older.pem']);
    expect([status, stderr]).toEqual([65, expect.stringContaining('does not open')]);
    expect(workspace.files('in')).not.toContain('in/report.csv');
  });

  test('an encrypted PEM opens with its passphrase file', async () => {
    workspace.write('passphrase', 'correct horse\n');
    workspace.openssl('pkey', '-in', 'private.pem', '-aes256', '-passout', 'file:passphrase', '-out', 'locked.pem');
    const args = ['decrypt', 'in', '--key', 'file:locked.pem'];
    expect((await workspace.sealdrop([...args, '--passphrase-file', 'passphrase'])).status).toBe(0);
    expect((await workspace.sealdrop([...args, '-f'])).status).toBe(78);
  });

  test.each<readonly [string, readonly string[], number, string]>([
    ['no key', [], 64, 'sealdrop: no key is given'],
    ['a word that names no key', ['--key', 'private.pem'], 64, 'sealdrop: "private.pem" names no key'],
    ['a missing key file', ['--key', 'file:none.pem'], 66, 'sealdrop: none.pem: no such file or directory'],
    ['a public key', ['--key', 'file:pubkey.pem'], 78, 'sealdrop: pubkey.pem: holds a public key, not a private key'],
  ])('%s is said plainly', async (...[, args, status, message]) => {
    const transcript = await workspace.sealdrop(['decrypt', 'in', ...args]);
    expect([transcript.status, transcript.stderr.split('\n')[0]]).toEqual([status, message]);
  });
});

describe('many envelopes in one call', () => {
  beforeEach(() => {
    send(workspace, { plaintext: 'plain', stem: 'in/b' });
    send(workspace, { plaintext: 'plain', stem: 'in/c', flags: '-aes-256-ctr -pbkdf2 -iter 1000' });
  });

  test('are all decrypted, each with its own parameters', async () => {
    const transcript = await workspace.sealdrop(['decrypt', 'in', ...KEY]);
    expect([transcript.status, transcript.stderr.split('\n').at(-2)]).toEqual([0, '3 of 3 envelopes decrypted']);
    for (const name of ['in/report.csv', 'in/b', 'in/c']) expect(workspace.read(name).toString()).toBe(PLAINTEXT);
  });

  test('one that fails does not keep the others back', async () => {
    workspace.write('in/b.enc', 'Salted__');
    const { status, stdout } = await workspace.sealdrop(['decrypt', 'in', 'in/none', ...KEY, '--json']);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(status).toBe(65);
    expect(lines.map(({ envelope, output, error }) => [envelope, output ?? (error as { code: string }).code])).toEqual([
      ['in/b.enc', 'truncated-payload'],
      ['in/c.enc', 'in/c'],
      ['in/report.csv.enc', 'in/report.csv'],
      ['in/none', 'not-found'],
    ]);
  });

  test('an incomplete one in a folder does not keep the others back', async () => {
    workspace.shell('rm in/b.keypke.bin.enc');
    const { status, stderr } = await workspace.sealdrop(['decrypt', 'in', ...KEY]);
    expect([status, stderr]).toEqual([65, expect.stringContaining('2 of 3 envelopes decrypted, 1 failed')]);
    expect(stderr).toContain('sealdrop: envelope b lacks its wrapped key');
  });

  test('a key that cannot be used ends the call at once', async () => {
    workspace.write('in/b.enc', 'x');
    const env = { AWS_REGION: 'eu-west-1' };
    const { status, stderr } = await workspace.sealdrop(['decrypt', 'in', '--key', 'alias/inbound'], { env });
    expect([status, stderr.split('\n').at(-2)]).toEqual([78, '0 of 3 envelopes decrypted, 1 failed, 2 not tried']);
  });

  test('cannot share one output file, nor standard output', async () => {
    for (const output of ['out', '-']) {
      const { status } = await workspace.sealdrop(['decrypt', 'in', '--output', output, ...KEY]);
      expect(status).toBe(64);
    }
    expect(workspace.files()).not.toContain('out');
  });

  test('of one name do not replace each other', async () => {
    workspace.shell('mkdir other out && cp in/b.* other');
    const args = ['decrypt', 'in/b', 'other/b', '--output', 'out', '--force', ...KEY];
    const { status, stderr } = await workspace.sealdrop(args);
    expect(status).toBe(73);
    expect(stderr).toContain('sealdrop: out/b: another envelope of this call has just been decrypted to it\n');
  });
});

describe('--json', () => {
  test('says what was done, one object a line', async () => {
    await seal('report.txt', 'in');
    const { status, stdout, stderr } = await workspace.sealdrop(['decrypt', 'in/report.txt', ...KEY, '--json']);
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual({
      envelope: 'in/report.txt.enc',
      output: 'in/report.txt',
      plaintextName: 'report.txt',
      plaintextSize: 19,
      parameters: '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000',
      oaep: 'sha256',
      key: 'file:private.pem',
      verification: 'manifest-mac',
      signedBy: null,
      repairs: [],
    });
  });

  test('says what went wrong, on stdout', async () => {
    const { status, stdout, stderr } = await workspace.sealdrop(['decrypt', 'none', ...KEY, '--json']);
    expect([status, stderr]).toEqual([66, '']);
    expect(JSON.parse(stdout)).toEqual({
      envelope: 'none',
      error: {
        code: 'not-found',
        blame: 'receiver',
        message: 'none: no such file, folder or stem of an envelope',
        hint: expect.any(String),
        details: {},
      },
    });
  });

  test('and plaintext on stdout exclude each other', async () => {
    const { status, stdout } = await workspace.sealdrop(['decrypt', 'in', ...KEY, '--json', '-o', '-']);
    expect([status, JSON.parse(stdout)]).toMatchObject([64, { error: { code: 'usage' } }]);
  });
});

test('a key file with Windows line ends is repaired, and that is said', async () => {
  workspace.shell(`
    openssl rand -base64 32 > key.bin
    openssl enc -aes-256-cbc -pbkdf2 -in plain -out in/report.csv.enc -pass file:key.bin
    sed 's/$/\\r/' key.bin > windows.bin
    openssl pkeyutl -encrypt -pubin -inkey pubkey.pem -in windows.bin -out in/report.csv.keypke.bin.enc \\
      -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
  `);
  const { status, stderr } = await workspace.sealdrop(['decrypt', 'in', ...KEY]);
  expect([status, stderr]).toEqual([0, expect.stringContaining('\n  repaired: the carriage return')]);
  expect(workspace.read('in/report.csv').toString()).toBe(PLAINTEXT);
});

describe('limits', () => {
  test('a weak key is refused unless it is allowed', async () => {
    workspace.shell(`
      printf 'tooshort' > key.bin
      openssl enc -aes-256-cbc -pbkdf2 -in plain -out in/report.csv.enc -pass file:key.bin
      openssl pkeyutl -encrypt -pubin -inkey pubkey.pem -in key.bin -out in/report.csv.keypke.bin.enc \\
        -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
    `);
    const { status, stderr } = await workspace.sealdrop(['decrypt', 'in', ...KEY]);
    expect([status, stderr]).toEqual([65, expect.stringContaining('--allow-weak-key')]);
    expect((await workspace.sealdrop(['decrypt', 'in', ...KEY, '--allow-weak-key'])).status).toBe(0);
  });

  test('iterations above --max-iterations are refused', async () => {
    const { status, stderr } = await workspace.sealdrop(['decrypt', 'in', ...KEY, '--max-iterations', '9999']);
    expect([status, stderr]).toEqual([65, expect.stringContaining('10000')]);
    expect((await workspace.sealdrop(['decrypt', 'in', ...KEY, '--max-iterations', '10000'])).status).toBe(0);
  });

  test.each(['0', '-1', '1e3', 'many'])('--max-iterations %s is a usage error', async (text) => {
    expect((await workspace.sealdrop(['decrypt', 'in', ...KEY, '--max-iterations', text])).status).toBe(64);
  });
});

describe('what cannot be done is said in one sentence', () => {
  test.each([
    ['an unknown cipher', '-aes-512-cbc', 'aes-512-cbc'],
    ['an unknown flag', '-aes-256-cbc -pbkdf3', '-pbkdf3'],
    ["a cipher of openssl's legacy provider", '-bf-cbc', 'bf-cbc'],
  ])('%s in --parameters is a usage error', async (_what, flags, word) => {
    const { status, stderr } = await workspace.sealdrop(['decrypt', 'in', '--parameters', flags, ...KEY]);
    expect([status, stderr]).toEqual([64, expect.stringMatching(/^sealdrop: --parameters: /)]);
    expect(stderr.split('\n')[0]).toContain(word);
  });

  test('control characters in a name are escaped', async () => {
    const { stderr } = await workspace.sealdrop(['decrypt', '\u001B[31mred\u202Egnp', ...KEY]);
    expect(stderr).toMatch(/^sealdrop: \\x1b\[31mred\\u\{202e\}gnp: no such file/);
    const { stdout } = await workspace.sealdrop(['decrypt', '\u001B[31m\u009B\u202E', ...KEY, '--json']);
    expect(stdout).toContain('\\u001b[31m\\u009b\\u202e');
    expect(JSON.parse(stdout)).toMatchObject({ envelope: '\u001B[31m\u009B\u202E' });
  });
});

test('a reader that has seen enough ends the program quietly', async () => {
  workspace.shell('head -c 20000000 /dev/zero > plain');
  send(workspace, { plaintext: 'plain', stem: 'in/report.csv' });
  const child = workspace.start(['decrypt', 'in', '--output', '-', '--quiet', ...KEY]);
  child.stdin?.end();
  child.stdout?.once('data', () => child.stdout?.destroy());
  const stderr: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once('close', resolve);
  expect([await promise, Buffer.concat(stderr).toString()]).toEqual([141, '']);
});

test('SEALDROP_DEBUG=1 shows where an error comes from; without it nothing does', async () => {
  const plain = await workspace.sealdrop(['decrypt', 'none', ...KEY]);
  expect(plain.stderr).not.toContain('    at ');
  const debug = await workspace.sealdrop(['decrypt', '--nonsense'], { env: { SEALDROP_DEBUG: '1' } });
  expect(debug.stderr).toContain('    at ');
});
