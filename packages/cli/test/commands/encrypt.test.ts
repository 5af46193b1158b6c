import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeKeyPair } from '../sender.ts';
import { said, Workspace } from '../transcript.ts';

const RECEIVER = ['--public-key', 'pubkey.pem'];
const PLAINTEXT = 'name,amount\nAda,12\n';

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
  makeKeyPair(workspace);
  workspace.write('report.csv', PLAINTEXT);
});

afterEach(() => workspace.remove());

function fingerprint(): string {
  return workspace.shell('openssl pkey -pubin -in pubkey.pem -outform DER | openssl sha256 -r').split(' ')[0] ?? '';
}

describe('stock openssl opens what encrypt writes', () => {
  test("with the article's own steps", async () => {
    const transcript = await workspace.sealdrop(['encrypt', 'report.csv', ...RECEIVER]);
    expect(said(transcript)).toEqual([
      0,
      '',
      'report.csv (19 bytes) -> report.csv.enc, report.csv.keypke.bin.enc, report.csv.alg, report.csv.manifest.json\n' +
        `the public key's SHA-256 fingerprint: ${fingerprint()}\n`,
    ]);
    const opened = workspace.shell(`
      openssl pkeyutl -decrypt -inkey private.pem -in report.csv.keypke.bin.enc -out key.bin \\
        -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
      openssl enc -d -aes-256-cbc -pbkdf2 -in report.csv.enc -pass file:key.bin
    `);
    expect(opened).toBe(PLAINTEXT);
  });

  test('with SHA-1 as OAEP hash, for the oldest programs', async () => {
    await workspace.sealdrop(['encrypt', 'report.csv', ...RECEIVER, '--oaep', 'sha1']);
    const opened = workspace.shell(`
      openssl rsautl -decrypt -inkey private.pem -oaep -in report.csv.key.bin.enc -out key.bin
      openssl enc -d -aes-256-cbc -pbkdf2 -in report.csv.enc -pass file:key.bin
    `);
    expect(opened).toBe(PLAINTEXT);
  });

  test.each([
    '-aes-128-ctr -pbkdf2 -iter 20000 -md sha512',
    '-aes-256-cbc -md sha256',
    '-camellia-256-cbc -pbkdf2 -a',
    '-aes-256-cbc -pbkdf2 -nosalt',
    '-chacha20 -pbkdf2',
  ])('with %s', async (flags) => {
    await workspace.sealdrop(['encrypt', 'report.csv', ...RECEIVER, '--parameters', flags]);
    const opened = workspace.shell(`
      openssl pkeyutl -decrypt -inkey private.pem -in report.csv.keypke.bin.enc -out key.bin \\
        -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
      openssl enc -d ${flags} -in report.csv.enc -pass file:key.bin
    `);
    expect(opened).toBe(PLAINTEXT);
  });
});

describe('decrypt opens what encrypt writes, and says that it is verified', () => {
  test.each([
    ['flat', 'report.csv.enc', 'report.csv'],
    ['folder', 'out/report.csv', 'out/report.csv/report.csv'],
  ])('%s', async (layout, envelope, output) => {
    mkdirSync(workspace.path('out'));
    const directory = layout === 'flat' ? [] : ['--output-dir', 'out'];
    const sealed = await workspace.sealdrop(['encrypt', 'report.csv', ...RECEIVER, '--layout', layout, ...directory]);
    expect(sealed.status).toBe(0);
    const opened = await workspace.sealdrop(['decrypt', envelope, '--key', 'file:private.pem', '--force']);
    expect(opened).toMatchObject({ status: 0, stderr: expect.stringContaining('  verified: ') });
    expect(workspace.read(output).toString()).toBe(PLAINTEXT);
  });

  test('an empty file is a file too', async () => {
    workspace.write('empty', '');
    await workspace.sealdrop(['encrypt', 'empty', ...RECEIVER]);
    const opened = await workspace.sealdrop(['decrypt', 'empty.enc', '--key', 'file:private.pem', '-o', '-']);
    expect([opened.status, opened.stdout]).toEqual([0, '']);
  });

  test('a file whose payload would be named like a wrapped key keeps its name', async () => {
    workspace.shell('mv report.csv server.key; mkdir out');
    await workspace.sealdrop(['encrypt', 'server.key', ...RECEIVER, '-o', 'out']);
    const opened = await workspace.sealdrop(['decrypt', 'out', '--key', 'file:private.pem']);
    expect(opened.status).toBe(0);
    expect(workspace.read('out/server.key').toString()).toBe(PLAINTEXT);
  });
});

describe('what encrypt writes', () => {
  test('without a manifest is what the article names', async () => {
    mkdirSync(workspace.path('out'));
    await workspace.sealdrop(['encrypt', 'report.csv', ...RECEIVER, '--no-manifest', '-o', 'out']);
    expect(workspace.files('out')).toEqual([
      'out/report.csv.alg',
      'out/report.csv.enc',
      'out/report.csv.keypke.bin.enc',
    ]);
  });

  test('in a folder has the bare names', async () => {
    await workspace.sealdrop(['encrypt', '-', '--name', 'data.tar', ...RECEIVER, '--layout', 'folder'], { stdin: 'x' });
    expect(workspace.files('data.tar')).toEqual([
      'data.tar/algorithm.txt',
      'data.tar/data.tar.enc',
      'data.tar/keypke.bin.enc',
      'data.tar/manifest.json',
    ]);
  });

  test('is said to machines', async () => {
    const { status, stdout, stderr } = await workspace.sealdrop(['encrypt', 'report.csv', ...RECEIVER, '--json']);
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual({
      file: 'report.csv',
      members: {
        payload: 'report.csv.enc',
        wrappedKey: 'report.csv.keypke.bin.enc',
        note: 'report.csv.alg',
        manifest: 'report.csv.manifest.json',
        signature: null,
      },
      plaintextSize: 19,
      payloadSize: 48,
      parameters: '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000',
      oaep: 'sha256',
      publicKeySha256: fingerprint(),
    });
  });

  test('replaces nothing unless --force says so', async () => {
    workspace.write('report.csv.alg', 'mine');
    const first = await workspace.sealdrop(['encrypt', 'report.csv', ...RECEIVER]);
    expect([first.status, first.stderr]).toEqual([
      73,
      expect.stringMatching(/^sealdrop: report\.csv\.alg: already exists\n/),
    ]);
    expect(workspace.files()).toEqual(['private.pem', 'pubkey.pem', 'report.csv', 'report.csv.alg']);
    expect((await workspace.sealdrop(['encrypt', 'report.csv', ...RECEIVER, '--force'])).status).toBe(0);
  });

  test('of several files: one that is missing does not keep the others back', async () => {
    workspace.write('b', 'b');
    const { status, stderr } = await workspace.sealdrop(['encrypt', 'none', 'report.csv', 'b', ...RECEIVER]);
    expect(status).toBe(66);
    expect(stderr).toMatch(/^sealdrop: none: no such file or directory\n/);
    expect(stderr).toContain('\n2 of 3 files encrypted, 1 failed\n');
    expect(workspace.files()).toEqual(expect.arrayContaining(['report.csv.enc', 'b.enc']));
    expect(workspace.files()).not.toContain('none.enc');
  });
});

describe("the receiver's key", () => {
  test('may be a certificate', async () => {
    workspace.openssl('req', '-x509', '-key', 'private.pem', '-subj', '/CN=r', '-days', '1', '-out', 'certificate.pem');
    const { status, stderr } = await workspace.sealdrop(['encrypt', 'report.csv', '--public-key', 'certificate.pem']);
    expect([status, stderr]).toEqual([0, expect.stringContaining(fingerprint())]);
  });

  test.each<readonly [string, readonly string[], number, string]>([
    ['not named', [], 64, 'no public key is given'],
    ['missing', ['--public-key', 'none.pem'], 66, 'none.pem: no such file or directory'],
    ['a private key', ['--public-key', 'private.pem'], 78, 'private.pem: holds a private key, not a public key'],
    ['no key at all', ['--public-key', 'report.csv'], 78, 'report.csv: holds no public key'],
  ])('that is %s is said plainly', async (...[, args, status, message]) => {
    const transcript = await workspace.sealdrop(['encrypt', 'report.csv', ...args]);
    expect([transcript.status, transcript.stderr.split('\n')[0]]).toEqual([status, `sealdrop: ${message}`]);
    expect(workspace.files()).toEqual(['private.pem', 'pubkey.pem', 'report.csv']);
  });
});

describe('a wrong call is a usage error', () => {
  test.each<readonly [string, readonly string[], string]>([
    ['no file', RECEIVER, 'no file is named'],
    ['stdin without a name', ['-', ...RECEIVER], 'data from stdin have no name'],
    ['one name for two files', ['a', 'b', '--name', 'c', ...RECEIVER], '--name cannot name 2 files'],
    ['an unknown layout', ['a', '--layout', 'pile', ...RECEIVER], '--layout "pile" is none of the choices'],
    ['an unknown OAEP hash', ['a', '--oaep', 'md5', ...RECEIVER], '--oaep: unknown OAEP hash "md5"'],
  ])('%s', async (...[, args, message]) => {
    const { status, stderr } = await workspace.sealdrop(['encrypt', ...args]);
    expect([status, stderr.split('\n')[0]]).toEqual([64, `sealdrop: ${message}`]);
  });
});

test('a folder is not a file', async () => {
  mkdirSync(workspace.path('folder'));
  const { status, stderr } = await workspace.sealdrop(['encrypt', 'folder', ...RECEIVER]);
  expect([status, stderr]).toEqual([66, 'sealdrop: folder: is a directory, not a file\n']);
});

test('a name that begins with a dash goes after --', async () => {
  workspace.write('-f', PLAINTEXT);
  expect((await workspace.sealdrop(['encrypt', ...RECEIVER, '--', '-f'])).status).toBe(0);
  expect(workspace.files()).toContain('-f.enc');
});
