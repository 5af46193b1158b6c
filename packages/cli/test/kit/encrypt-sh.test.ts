/** encrypt.sh as senders run it: by several shells, with several openssl programs, on names and sizes of all kinds. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { checkPlaintextName, formatManifest, SealdropError } from '@sealdrop/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fixture, fingerprintAloud, namesIn, openBothWays, SENDER } from './kit-fixture.ts';

const MEBIBYTE = 1024 * 1024;
const DEADLINE = 60_000;
const SHELLS: readonly (readonly [string, readonly string[]])[] = [
  ['dash', ['/usr/bin/dash']],
  ['bash', ['/usr/bin/bash', '--posix']],
  ['busybox sh', ['/usr/bin/busybox', 'sh']],
];

let fixture: Fixture;
beforeAll(() => {
  fixture = new Fixture();
});
afterAll(() => fixture.remove());

interface Run {
  readonly shell?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  mkdirSync(fixture.path('tmp'), { recursive: true });
  return { PATH: process.env['PATH'], TMPDIR: fixture.path('tmp'), ...extra };
}

function encrypt(args: readonly string[], { shell = ['/bin/sh'], cwd = fixture.folder, env = {} }: Run = {}) {
  const [program = '', ...words] = shell;
  const { status, stdout, stderr } = spawnSync(program, [...words, fixture.path('kit', 'encrypt.sh'), ...args], {
    cwd,
    env: environment(env),
    encoding: 'utf8',
  });
  // Whatever happened: no key file stays behind.
  expect(readdirSync(fixture.path('tmp'))).toEqual([]);
  return { status, stdout, stderr };
}

test('shellcheck has nothing to say', () => {
  expect(execFileSync('shellcheck', ['--shell=sh', fixture.path('kit', 'encrypt.sh')], { encoding: 'utf8' })).toBe('');
});

describe.each(SHELLS)('under %s', (_name, shell) => {
  const sizes: readonly (readonly [string, number])[] = [
    ['an empty file', 0],
    ['a whole block', 16],
    ['5 MiB', 5 * MEBIBYTE],
  ];
  test.each(sizes)('%s comes out as it was, with its MAC verified', async (_title, size) => {
    const folder = fixture.freshFolder('out');
    const plaintext = Buffer.alloc(size, 'all sorts of bytes \0\r\n\xff', 'latin1');
    writeFileSync(fixture.path('data.bin'), plaintext);
    const { status, stderr, stdout } = encrypt(['--output-dir', folder, 'data.bin'], { shell });
    expect([status, stdout]).toEqual([0, '']);
    expect(stderr).toBe(
      `data.bin -> ${folder}/data.bin.enc ${folder}/data.bin.keypke.bin.enc ${folder}/data.bin.alg ${folder}/data.bin.manifest.json\n`,
    );
    const opened = await openBothWays(fixture, folder);
    expect(opened.plaintext.equals(plaintext)).toBe(true);
    expect(opened.plaintextOfOpenssl.equals(plaintext)).toBe(true);
    const verification = 'manifest-mac';
    expect(opened).toMatchObject({ name: 'data.bin', sender: SENDER, size, verification, oaep: 'sha256' });
  });

  test('odd file names come out as they were', async () => {
    const names = [
      'two  words',
      'a "quoted" \'name\'',
      '-rf',
      '--',
      '$(id) `id` %s *?[x]',
      'ümläut – 日本 🎈',
      '#&;|<>',
      '~',
      'x.part',
    ];
    const folder = fixture.freshFolder('out');
    for (const name of names) writeFileSync(fixture.path(name), name);
    expect(encrypt(['-o', folder, '--', ...names], { shell })).toMatchObject({ status: 0 });
    expect(namesIn(folder)).toHaveLength(4 * names.length);
    for (const name of names) {
      const opened = await openBothWays(fixture, join(folder, name));
      expect(opened).toMatchObject({ name, verification: 'manifest-mac' });
      expect([opened.plaintext.toString(), opened.plaintextOfOpenssl.toString()]).toEqual([name, name]);
    }
  });

  test('the self-test passes and shows the fingerprint', () => {
    const { status, stderr } = encrypt(['--self-test'], { shell });
    expect(status).toBe(0);
    expect(stderr).toContain(fingerprintAloud(fixture));
    expect(stderr.match(/^ok /gm)).toHaveLength(5);
    expect(stderr).not.toContain('FAILED');
  });

  test('it runs with the tools of busybox alone', async () => {
    const tools = fixture.freshFolder('tools');
    execFileSync('busybox', ['--install', '-s', tools]);
    const openssl = execFileSync('sh', ['-c', 'command -v openssl'], { encoding: 'utf8' }).trim();
    symlinkSync(openssl, join(tools, 'openssl'));
    const folder = fixture.freshFolder('out');
    writeFileSync(fixture.path('data.bin'), 'with few tools');
    expect(encrypt(['-o', folder, 'data.bin'], { shell, env: { PATH: tools } })).toMatchObject({ status: 0 });
    expect(await openBothWays(fixture, folder)).toMatchObject({ name: 'data.bin', verification: 'manifest-mac' });
  });
});

describe('what it writes', () => {
  test.each([SENDER, undefined])(
    'the manifest has the bytes that Sealdrop itself would write, for %s',
    async (sender) => {
      const folder = fixture.freshFolder('out');
      writeFileSync(fixture.path('a "b".csv'), 'x');
      fixture.writeKit({ sender });
      encrypt(['-o', folder, 'a "b".csv']);
      fixture.writeKit();
      const opened = await openBothWays(fixture, folder);
      expect(opened).toMatchObject({ sender: sender ?? null, verification: 'manifest-mac' });
      expect(readFileSync(join(folder, 'a "b".csv.manifest.json'), 'utf8')).toBe(formatManifest(opened.manifest));
    },
  );

  test('results appear beside each of several files, named by path or not', async () => {
    const folder = fixture.freshFolder('several');
    mkdirSync(join(folder, 'sub dir'));
    writeFileSync(join(folder, 'one'), '1');
    writeFileSync(join(folder, 'sub dir', 'two'), '2');
    expect(encrypt(['one', 'sub dir/two'], { cwd: folder })).toMatchObject({ status: 0 });
    expect(namesIn(folder)).toHaveLength(11);
    expect(existsSync(join(folder, 'sub dir', 'two.manifest.json'))).toBe(true);
    expect(existsSync(join(folder, 'one.manifest.json'))).toBe(true);
  });

  test.each(['server.key', 'key', 'key.bin', 'my.keypke.bin'])('%s keeps its name in the manifest', async (name) => {
    const folder = fixture.freshFolder('out');
    writeFileSync(fixture.path(name), 'a key, but not the wrapped one');
    expect(encrypt(['-o', folder, name])).toMatchObject({ status: 0 });
    expect(existsSync(join(folder, `${name}.data.enc`))).toBe(true);
    expect(await openBothWays(fixture, folder)).toMatchObject({ name, verification: 'manifest-mac' });
  });

  test('results have the permissions that the umask leaves', () => {
    const folder = fixture.freshFolder('out');
    writeFileSync(fixture.path('data.bin'), 'x');
    execFileSync('sh', ['-c', `umask 022; sh kit/encrypt.sh -o ${folder} data.bin`], {
      cwd: fixture.folder,
      stdio: 'ignore',
    });
    for (const name of namesIn(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o644);
  });
});

/** The machine's openssl, with some of its options taken away, as older programs lack them. */
function opensslWithout(...options: readonly string[]): string {
  const program = fixture.path('openssl-of-old');
  const patterns = options.map((option) => `*" ${option} "*`).join(' | ');
  writeFileSync(
    program,
    `#!/bin/sh\ncase " $* " in ${patterns}) echo 'unknown option' >&2; exit 1 ;; esac\nexec openssl "$@"\n`,
  );
  chmodSync(program, 0o755);
  return program;
}

describe('with an openssl that lacks options', () => {
  test('without rsa_oaep_md it wraps with SHA-1 and says so', async () => {
    const folder = fixture.freshFolder('out');
    writeFileSync(fixture.path('data.bin'), 'by LibreSSL 2.8');
    const env = { OPENSSL: opensslWithout('rsa_oaep_md:sha256') };
    expect(encrypt(['-o', folder, 'data.bin'], { env })).toMatchObject({ status: 0 });
    expect(existsSync(join(folder, 'data.bin.key.bin.enc'))).toBe(true);
    const opened = await openBothWays(fixture, folder);
    expect(opened).toMatchObject({ oaep: 'sha1', verification: 'manifest-mac' });
    expect(opened.plaintextOfOpenssl.toString()).toBe('by LibreSSL 2.8');
  });

  test('without -pbkdf2 it derives as openssl enc always did, and says so', async () => {
    const folder = fixture.freshFolder('out');
    writeFileSync(fixture.path('data.bin'), 'by OpenSSL 1.0.2');
    const env = { OPENSSL: opensslWithout('-pbkdf2', 'rsa_oaep_md:sha256') };
    expect(encrypt(['-o', folder, 'data.bin'], { env })).toMatchObject({ status: 0 });
    const opened = await openBothWays(fixture, folder);
    expect(opened.manifest.parameters).toEqual({ cipher: 'aes-256-cbc', kdf: 'evp-bytes-to-key', digest: 'sha256' });
    expect(opened).toMatchObject({ oaep: 'sha1', verification: 'manifest-mac' });
    expect(opened.plaintext.toString()).toBe('by OpenSSL 1.0.2');
    expect(opened.plaintextOfOpenssl.toString()).toBe('by OpenSSL 1.0.2');
    expect(encrypt(['--self-test'], { env })).toMatchObject({ status: 0 });
  });

  test('without -aes-256-cbc, RSA-OAEP or openssl itself it refuses', () => {
    const folder = fixture.freshFolder('out');
    for (const OPENSSL of [
      opensslWithout('-aes-256-cbc'),
      opensslWithout('rsa_padding_mode:oaep'),
      '/nowhere/openssl',
    ]) {
      const { status, stderr } = encrypt(['-o', folder, 'data.bin'], { env: { OPENSSL } });
      expect(status).toBe(69);
      expect(stderr).toMatch(/^encrypt\.sh: .*openssl/m);
    }
    expect(namesIn(folder)).toEqual([]);
  });

  test('the MAC needs no -macopt, so that its key is never an argument', () => {
    const folder = fixture.freshFolder('out');
    const log = fixture.path('arguments');
    writeFileSync(log, '');
    const program = fixture.path('openssl-that-logs');
    writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$*" >>'${log}'\nexec openssl "$@"\n`);
    chmodSync(program, 0o755);
    encrypt(['-o', folder, 'data.bin'], { env: { OPENSSL: program } });
    const lines = readFileSync(log, 'utf8');
    expect(lines).toContain('dgst -sha256 -binary\n');
    expect(lines).not.toMatch(/macopt|[0-9a-f]{32}/);
  });
});

describe('what it refuses', () => {
  const said = (args: readonly string[], run: Run = {}) => {
    const { status, stderr } = encrypt(args, run);
    return [status, stderr];
  };

  test('a wrong command line', () => {
    expect(said([])).toEqual([64, 'encrypt.sh: no file is named: see --help\n']);
    expect(said(['--upload'])).toEqual([64, 'encrypt.sh: --upload wants a value: see --help\n']);
    expect(said(['--fast', 'x'])).toEqual([64, 'encrypt.sh: unknown option --fast: see --help\n']);
  });

  test('what is no file', () => {
    expect(said(['absent'])).toEqual([66, 'encrypt.sh: absent: no such file (options stand before the files)\n']);
    expect(said(['kit'])).toEqual([
      65,
      'encrypt.sh: kit: is not a file; pack a folder first: tar -cf folder.tar folder\n',
    ]);
  });

  test('to replace what is there, unless told so', async () => {
    const folder = fixture.freshFolder('out');
    writeFileSync(fixture.path('data.bin'), 'first');
    encrypt(['-o', folder, 'data.bin']);
    const before = readFileSync(join(folder, 'data.bin.enc'));
    expect(said(['-o', folder, 'data.bin'])).toEqual([
      73,
      `encrypt.sh: ${folder}/data.bin.manifest.json exists already: move it away, or replace it with --force\n`,
    ]);
    expect(readFileSync(join(folder, 'data.bin.enc'))).toEqual(before);
    writeFileSync(fixture.path('data.bin'), 'second');
    expect(said(['-f', '-o', folder, 'data.bin'])[0]).toBe(0);
    expect((await openBothWays(fixture, folder)).plaintext.toString()).toBe('second');
  });

  test('to write into no folder', () => {
    expect(said(['-o', 'absent', 'data.bin'])[0]).toBe(73);
  });

  test('a damaged public key', () => {
    const whole = readFileSync(fixture.path('kit', 'encrypt.sh'), 'utf8');
    const other = new Fixture();
    const key = /-----BEGIN[^']+-----END PUBLIC KEY-----/;
    const otherKey = key.exec(readFileSync(other.path('kit', 'encrypt.sh'), 'utf8'))?.[0] ?? '';
    other.remove();
    writeFileSync(fixture.path('kit', 'encrypt.sh'), whole.replace(key, otherKey));
    const answer = said(['data.bin']);
    writeFileSync(fixture.path('kit', 'encrypt.sh'), whole);
    expect(answer).toEqual([69, 'encrypt.sh: the public key in this script is damaged: ask for the kit once more\n']);
  });
});

describe('names', () => {
  const isTaken = (name: string) => {
    try {
      return checkPlaintextName(name) === name;
    } catch (error) {
      if (error instanceof SealdropError) return false;
      throw error;
    }
  };

  /** The first and last code points of each range that the receiver refuses or takes. */
  function edges(): readonly number[] {
    const found: number[] = [];
    let before = true;
    for (let point = 1; point <= 0xffff; point++) {
      const now = isTaken(`a${String.fromCodePoint(point)}b`);
      if (now !== before) found.push(point - 1, point);
      before = now;
    }
    return found.filter((point) => point > 0 && point !== 0x2e && point !== 0x2f && (point < 0xd800 || point > 0xdfff));
  }

  test('a character is refused here exactly when the receiver refuses it', () => {
    const points = edges();
    expect(points.length).toBeGreaterThan(10);
    const names = points.map((point) => `a${String.fromCodePoint(point)}b`);
    for (const name of names) writeFileSync(fixture.path(name), 'x');
    const folder = fixture.freshFolder('out');
    expect(encrypt(['-o', folder, ...names.filter(isTaken)])).toMatchObject({ status: 0 });
    for (const name of names.filter((refused) => !isTaken(refused))) {
      expect([name, encrypt(['-o', folder, name]).status]).toEqual([name, 65]);
    }
  });

  test.each([
    ['cut short', [0xc3]],
    ['not of UTF-8', [0xff]],
    ['overlong', [0xc0, 0xaf]],
    ['overlong in three bytes', [0xe0, 0x80, 0xaf]],
    ['half a surrogate pair', [0xed, 0xa0, 0x80]],
    ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
  ])('bytes that are %s are refused', (_title, bytes) => {
    const folder = fixture.freshFolder('bytes');
    const path = Buffer.concat([Buffer.from(`${folder}/a`), Buffer.from(bytes), Buffer.from('b')]);
    writeFileSync(path, 'x');
    const script = 'for file in *; do sh "$0" "$file"; done';
    const { status, stderr } = spawnSync('sh', ['-c', script, fixture.path('kit', 'encrypt.sh')], {
      cwd: folder,
      env: environment(),
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([65, 'encrypt.sh: the name of a file is not UTF-8: rename it\n']);
  });

  test('hidden files and names without room for an ending are refused', () => {
    const folder = fixture.freshFolder('out');
    for (const name of ['.hidden', 'x'.repeat(241), 'ü'.repeat(121)]) {
      writeFileSync(fixture.path(name), 'x');
      expect(encrypt(['-o', folder, name])).toMatchObject({ status: 65 });
    }
    writeFileSync(fixture.path('x'.repeat(240)), 'x');
    expect(encrypt(['-o', folder, 'x'.repeat(240)])).toMatchObject({ status: 0 });
  });
});

describe('ended midway', () => {
  /** Starts on a large file and waits until a part of the payload is written. */
  async function startLarge(folder: string) {
    const large = fixture.path('large.bin');
    writeFileSync(large, '');
    truncateSync(large, 2 ** 34);
    // In a group of its own, as from a terminal, where Ctrl-C reaches openssl too.
    const child = spawn('sh', [fixture.path('kit', 'encrypt.sh'), '-o', folder, large], {
      env: environment(),
      stdio: 'ignore',
      detached: true,
    });
    const ended = once(child, 'exit');
    const deadline = Date.now() + DEADLINE;
    const isWriting = () =>
      namesIn(folder).some((name) => name.endsWith('/payload') && statSync(join(folder, name)).size > 0);
    while (!isWriting()) {
      if (Date.now() > deadline) throw new Error('it never began');
      await setTimeout(5);
    }
    const kill = (signal: NodeJS.Signals) => process.kill(-(child.pid ?? 0), signal);
    return { ended, kill };
  }

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s leaves nothing', async (signal, status) => {
    const folder = fixture.freshFolder('out');
    const { ended, kill } = await startLarge(folder);
    kill(signal);
    expect((await ended)[0]).toBe(status);
    expect(namesIn(folder)).toEqual([]);
    expect(namesIn(fixture.path('tmp'))).toEqual([]);
  });

  test('SIGKILL leaves no name that any receiver would take in', async () => {
    const folder = fixture.freshFolder('out');
    const { ended, kill } = await startLarge(folder);
    kill('SIGKILL');
    await ended;
    expect(readdirSync(folder).filter((name) => !name.startsWith('.'))).toEqual([]);
    fixture.freshFolder('tmp');
  });

  test('a file system without room leaves nothing', () => {
    const folder = fixture.freshFolder('out');
    writeFileSync(fixture.path('data.bin'), Buffer.alloc(MEBIBYTE));
    // A file size limit of 64 KiB: writing more fails with EFBIG once the signal is ignored.
    const script = `trap '' XFSZ; ulimit -f 128; sh "$0" -o "$1" data.bin`;
    const { status, stderr } = spawnSync('bash', ['-c', script, fixture.path('kit', 'encrypt.sh'), folder], {
      cwd: fixture.folder,
      env: environment(),
      encoding: 'utf8',
    });
    expect(status).toBe(69);
    expect(stderr).toContain('encrypt.sh: data.bin: openssl failed');
    expect(namesIn(folder)).toEqual([]);
  });
});

test('the help says the fingerprint and the way to upload', () => {
  fixture.writeKit({ upload: 'acme@sftp.example.org:inbox' });
  const { status, stdout } = encrypt(['--help']);
  fixture.writeKit();
  expect(status).toBe(0);
  expect(stdout).toContain(fingerprintAloud(fixture));
  expect(stdout).toContain('acme@sftp.example.org:inbox');
});
