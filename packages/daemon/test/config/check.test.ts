import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startKmsEmulator } from '@sealdrop/kms-emulator';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkClock } from '../../src/config/check-keys.ts';
import { sealdropd } from '../daemon-process.ts';
import { Host } from '../host.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
/** nobody */
const OTHER_USER = 65_534;

let host: Host;

beforeEach(() => {
  host = new Host();
});

afterEach(() => host.close());

/** Lines of the report with this beginning, hints left out. */
function lines(stdout: string, verdict: 'ok' | 'note' | 'problem'): readonly string[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith(`${verdict} `))
    .map((line) => line.slice(9));
}

/** `sealdropd check` as a user who is not root, and owns all of the host but what is given back afterwards. */
function checkAsOther(): { readonly status: number | null; readonly stdout: string } {
  const words = ['--conditions=@sealdrop/source', MAIN, 'check', '--config', host.configFile];
  const { status, stdout } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    uid: OTHER_USER,
    gid: OTHER_USER,
    env: { PATH: process.env['PATH'] },
  });
  return { status, stdout };
}

function giveToOther(): void {
  execFileSync('chown', ['-R', `${OTHER_USER}:${OTHER_USER}`, host.folder]);
}

test('check says of each directory and key that it can be used, and sums up', () => {
  const { status, stderr, stdout } = sealdropd('check', '--config', host.configFile);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain(`ok       ${host.configFile}: the configuration is valid
`);
  expect(lines(stdout, 'ok')).toEqual(
    expect.arrayContaining([
      `spool ${host.spool}: is not there yet; its parent: can be read and written`,
      `landing acme: directory ${host.landing}: can be read and written`,
      `landing acme: directory ${host.landing}: is on the spool's file system`,
      `landing acme: delivery ${host.delivery}: can be read and written`,
      `key file:${host.privateKey}: RSA, 2048 bits; unwraps`,
      expect.stringMatching(/^limits: \S+ open files$/),
    ]),
  );
  expect(lines(stdout, 'problem')).toEqual([]);
  expect(stdout).toMatch(/\nNo problem(, \d notes?)?\.\n$/);
});

test('check says what becomes of uploads that are too large, never whole, or no part of an envelope', () => {
  host.configure({ landing: 'maximumPayloadSize: 1500MB', settings: 'incompleteAfter: 90m' });
  expect(lines(sealdropd('check', '--config', host.configFile).stdout, 'ok')).toEqual(
    expect.arrayContaining([
      'landing acme: a payload larger than 1500MB is quarantined unread (maximumPayloadSize)',
      'incomplete envelopes are quarantined after 90m (incompleteAfter)',
      'files that belong to no envelope are quarantined after 7d (strayAfter)',
    ]),
  );
  host.configure({ settings: 'strayAfter: off' });
  expect(lines(sealdropd('check', '--config', host.configFile).stdout, 'note')).toContain(
    'files that belong to no envelope stay in their landing for ever (strayAfter: off)',
  );
});

test('check names what is missing, on another file system or not a key, with the cure', () => {
  writeFileSync(join(host.folder, 'not-a-key.pem'), 'hello');
  const config = `spool: ${host.spool}
keys: [file:${host.folder}/not-a-key.pem, file:${host.folder}/absent.pem]
landings:
  - {name: a, directory: ${host.landing}, delivery: ${host.folder}/absent}
  - {name: b, directory: /dev/shm, delivery: ${host.configFile}}
`;
  writeFileSync(host.configFile, config);
  const { status, stdout } = sealdropd('check', '--config', host.configFile);
  expect(status).toBe(78);
  expect(stdout).toContain(`problem  landing a: delivery ${host.folder}/absent: no such file or directory
         Make it: mkdir -p ${host.folder}/absent
`);
  expect(stdout).toContain(`problem  landing b: directory /dev/shm: is not on the file system of the spool ${host.spool}
         Put the spool and its landings on one file system: envelopes are claimed by renaming.
`);
  expect(stdout).toContain(`problem  landing b: delivery ${host.configFile}: is not a directory\n`);
  expect(stdout).toContain(`problem  key file:${host.folder}/absent.pem: `);
  expect(stdout).toContain(`problem  key file:${host.folder}/not-a-key.pem: `);
  expect(stdout).toMatch(/\n5 problems, .*: mend what is marked as a problem, then check again\.\n$/);
});

test('check follows symbolic links: what lies in the same place under another path is a problem', () => {
  const at = (name: string): string => `${host.folder}/${name}`;
  symlinkSync(host.landing, at('also-incoming'));
  symlinkSync(at('incoming/sub'), at('link-to-sub'));
  mkdirSync(at('incoming/sub'));
  writeFileSync(
    host.configFile,
    `spool: ${host.spool}
state: ${at('link-to-sub')}
keys: [file:${host.privateKey}]
landings:
  - {name: a, directory: ${host.landing}, delivery: ${at('link-to-sub')}}
  - {name: b, directory: ${at('also-incoming')}, delivery: ${at('plain/../incoming/not-there')}}
`,
  );
  const { status, stdout } = sealdropd('check', '--config', host.configFile);
  expect(status).toBe(78);
  expect(lines(stdout, 'problem')).toEqual([
    `state ${at('link-to-sub')}: lies within the landing a, where the sender could reach the ledger`,
    `landing a: delivery ${at('link-to-sub')}: lies within the landing a, where the sender could reach the plaintext`,
    `landing b: directory ${at('also-incoming')}: lies within the landing a, or the other way round; give each its own directory`,
    `landing b: delivery ${at('plain/../incoming/not-there')}: lies within the landing a, where the sender could reach the plaintext`,
    `landing b: delivery ${at('plain/../incoming/not-there')}: no such file or directory`,
  ]);
});

test('check asks KMS for the key, has it unwrap something, and compares the clocks', async () => {
  const kms = await startKmsEmulator();
  try {
    const key = kms.createKey({ alias: 'inbound' });
    const { region, endpoint } = kms;
    const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
    host.configure({ keys: ['alias/inbound'], settings: `aws: {region: ${region}, endpoint: '${endpoint}'}` });
    const before = await host.check(credentials);
    expect(before.status).toBe(0);
    expect(lines(before.stdout, 'ok')).toEqual(
      expect.arrayContaining([
        'key aws-kms:alias/inbound: RSA, 2048 bits, ENCRYPT_DECRYPT, Enabled; unwraps',
        expect.stringMatching(/^clock: \d s (behind|ahead of) that of AWS KMS$/),
      ]),
    );
    kms.inject({ operation: 'Decrypt', error: { type: 'AccessDeniedException' } });
    const denied = await host.check(credentials);
    expect(denied.status).toBe(78);
    expect(lines(denied.stdout, 'problem')).toEqual([
      expect.stringMatching(/^key alias\/inbound: .*denies the use of the key/),
    ]);
    kms.clearFaults();
    kms.setKeyState(key.keyId, 'Disabled');
    const after = await host.check(credentials);
    expect(after.status).toBe(78);
    expect(after.stdout).toMatch(/^problem {2}key alias\/inbound: .*disabled/m);
  } finally {
    await kms.close();
  }
});

test('a key that may be used but not described is as good as any', async () => {
  const kms = await startKmsEmulator();
  try {
    kms.createKey({ alias: 'inbound' });
    kms.inject({ operation: 'DescribeKey', error: { type: 'AccessDeniedException' } });
    const { region, endpoint } = kms;
    host.configure({ keys: ['alias/inbound'], settings: `aws: {region: ${region}, endpoint: '${endpoint}'}` });
    const { status, stdout } = await host.check({ AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
    expect({ status, problems: lines(stdout, 'problem') }).toEqual({ status: 0, problems: [] });
    expect(lines(stdout, 'ok')).toContain('key aws-kms:alias/inbound: RSA, 2048 bits; unwraps');
  } finally {
    await kms.close();
  }
});

/** An endpoint whose clock is wrong by so many seconds. */
async function clockServer(seconds: number): Promise<Server> {
  const server = createServer((_, response) => {
    response.sendDate = false;
    response.setHeader('Date', new Date(Date.now() + seconds * 1000).toUTCString());
    response.end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return server;
}

test.each([
  [0, 'ok'],
  [3600, 'problem'],
  [-3600, 'problem'],
] as const)("a clock that is %i s off AWS's is: %s", async (seconds, verdict) => {
  const server = await clockServer(seconds);
  try {
    const { port } = server.address() as AddressInfo;
    const aws = { endpoint: `http://127.0.0.1:${port}` };
    expect(await checkClock({ keys: ['alias/inbound'], aws })).toMatchObject([{ verdict }]);
    expect(await checkClock({ keys: ['file:/key.pem'], aws })).toEqual([]);
  } finally {
    server.close();
  }
});

test('hooks that cannot run and webhooks that cannot sign are named', () => {
  const at = (name: string, text: string, mode = 0o600): string => {
    writeFileSync(join(host.folder, name), text);
    chmodSync(join(host.folder, name), mode);
    return join(host.folder, name);
  };
  const good = at('good-secret', 'a secret that is long enough\n');
  const settings = `hooks:
  - {name: fine, command: [/bin/true]}
  - {name: absent, command: [${host.folder}/absent]}
  - {name: text, command: [${at('text', 'hello')}]}
webhooks:
  - {name: signed, url: 'https://example.com/hook', secretFile: ${good}}
  - {name: short, url: 'https://example.com/hook', secretFile: ${at('short', 'short\n')}}
  - {name: trust, url: 'https://example.com/hook', secretFile: ${good}, authorityFile: ${good}}
`;
  host.configure({ settings });
  const { status, stdout } = sealdropd('check', '--config', host.configFile);
  expect(status).toBe(78);
  expect(lines(stdout, 'ok')).toEqual(
    expect.arrayContaining([
      'hook fine: /bin/true can be run',
      'webhook signed: requests to example.com can be signed',
    ]),
  );
  expect(lines(stdout, 'problem')).toEqual([
    `hook absent: ${host.folder}/absent: no such file or directory`,
    `hook text: ${host.folder}/text: permission denied`,
    `webhook short: ${host.folder}/short: its first line has fewer than 16 characters`,
    `webhook trust: ${good}: holds no PEM certificate`,
  ]);
});

test('as root, check says that it proves little', () => {
  const { stdout } = sealdropd('check', '--config', host.configFile);
  expect(lines(stdout, 'note')).toContain('user: this is root, who may do everything');
});

test('as another user, check finds what a landing does not allow', () => {
  giveToOther();
  expect(lines(checkAsOther().stdout, 'problem')).toEqual([]);
  writeFileSync(join(host.landing, 'upload.csv.enc'), 'x', { mode: 0o600 });
  mkdirSync(join(host.landing, 'folder'), { mode: 0o755 });
  chownSync(host.landing, 0, OTHER_USER);
  chmodSync(host.landing, 0o1770);
  chmodSync(host.delivery, 0o500);
  mkdirSync(host.spool, { mode: 0o755 });
  chownSync(host.spool, OTHER_USER, OTHER_USER);
  const { status, stdout } = checkAsOther();
  expect(status).toBe(78);
  expect(lines(stdout, 'problem')).toEqual([
    `spool ${host.spool}: others may look into it (mode 0755)`,
    `landing acme: directory ${host.landing}: is sticky (mode 1770), so files of the sender cannot be moved out of it`,
    `landing acme: directory ${host.landing}: upload.csv.enc cannot be read`,
    `landing acme: directory ${host.landing}: the folder folder cannot be read and written`,
    `landing acme: delivery ${host.delivery}: permission denied`,
  ]);
  expect(stdout).toContain(`         Take the sticky bit away: chmod -t ${host.landing}\n`);
  expect(lines(stdout, 'note')).toEqual([expect.stringContaining("/proc: other users' open files cannot be seen")]);
});

test('a key file that everyone may read is a problem', () => {
  chmodSync(host.privateKey, 0o644);
  const { status, stdout } = sealdropd('check', '--config', host.configFile);
  expect(status).toBe(78);
  expect(lines(stdout, 'problem')).toEqual([`key file:${host.privateKey}: everyone on this host may read it`]);
});

test('a landing behind a bind mount of the same file system is a problem: nothing can be renamed out of it', () => {
  const mounted = join(host.folder, 'mounted');
  mkdirSync(mounted);
  const script = `mount --bind "$1" "$2" && shift 2 && exec "$@"`;
  const program = [process.execPath, '--conditions=@sealdrop/source', MAIN, 'check', '--config', host.configFile];
  const words = ['--mount', 'sh', '-c', script, 'sh', mounted, host.landing, ...program];
  const { status, stdout } = spawnSync('unshare', words, { encoding: 'utf8' });
  expect(status).toBe(78);
  expect(lines(stdout, 'problem')).toEqual([
    `landing acme: directory ${host.landing}: is on the file system of the spool, but reached by another mount of it`,
  ]);
});
