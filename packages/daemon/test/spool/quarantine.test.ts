import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { copyFileSync, linkSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DaemonProcess } from '../daemon-process.ts';
import { Host, type Report } from '../host.ts';
import { flatPath, openssl, seal, type Triple, upload, uploadFolder } from '../sender.ts';

let host: Host;
let daemon: DaemonProcess;

beforeAll(async () => {
  host = new Host({ settings: 'incompleteAfter: 1h' });
  daemon = await host.start();
});

afterAll(() => host.close());

/** Waits for the verdict on the envelope that a file of this name belongs to. */
async function verdictOn(file: string): Promise<Report> {
  const has = (files: unknown): boolean => Array.isArray(files) && files.includes(file);
  const { envelope } = await daemon.saying((line) => line.message === 'claimed' && has(line['files']));
  await daemon.saying({ message: 'quarantined', envelope });
  return host.report(String(envelope));
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function expectWhole(report: Report, stem: string, triple: Triple): void {
  const kept = new Map(report.members.map((member) => [member.name, member.sha256]));
  expect(kept.get(`${stem}.enc`)).toBe(sha256(triple.payload));
  expect(kept.get(`${stem}.key.enc`)).toBe(sha256(triple.wrappedKey));
  expect(kept.get(`${stem}.alg`)).toBe(sha256(triple.note));
  for (const { name, sha256: expected } of report.members) {
    expect(sha256(join(host.spool, 'quarantine', report.id, 'members', name))).toBe(expected);
  }
}

test('a key wrapped for someone else is unwrap-failed, and the members are kept whole', async () => {
  const other = join(host.folder, 'other.pem');
  openssl('genrsa', '-out', other, '2048');
  openssl('pkey', '-in', other, '-pubout', '-out', `${other}.pub`);
  const triple = seal(host, { plaintext: 'for someone else', publicKey: `${other}.pub` });
  upload(host, 'wrong-key.csv', triple);
  const report = await verdictOn('wrong-key.csv.enc');
  expect(report).toMatchObject({ version: 1, landing: 'acme', code: 'unwrap-failed', blame: 'sender', attempts: 1 });
  expect(report.parameters).toContain('-aes-256-cbc');
  expect(report.timeline.map(({ event }) => event)).toEqual(['claimed', 'quarantined']);
  expectWhole(report, 'wrong-key.csv', triple);
});

test('a truncated payload is truncated-payload', async () => {
  const triple = seal(host, { plaintext: 'x'.repeat(1000) });
  truncateSync(triple.payload, 1001);
  upload(host, 'cut.csv', triple);
  const report = await verdictOn('cut.csv.enc');
  expect(report.code).toBe('truncated-payload');
  expectWhole(report, 'cut.csv', triple);
});

test('a payload under other parameters than the note says is bad-decrypt', async () => {
  const triple = seal(host, {
    plaintext: 'x'.repeat(1000),
    flags: ['-aes-256-cbc', '-pbkdf2', '-iter', '777'],
    note: '-aes-256-cbc -pbkdf2\n',
  });
  upload(host, 'other-iter.csv', triple);
  expect((await verdictOn('other-iter.csv.enc')).code).toBe('bad-decrypt');
});

test('a note that nobody understands is bad-note', async () => {
  upload(host, 'prose.csv', seal(host, { plaintext: 'x', note: 'We used our usual method, ask Bob.\n' }));
  const report = await verdictOn('prose.csv.enc');
  expect(report.code).toBe('bad-note');
  expect(report.parameters).toBeNull();
});

test('payload and wrapped key exchanged are swapped-members', async () => {
  const triple = seal(host, { plaintext: 'x'.repeat(1000) });
  upload(host, 'swapped.csv', { ...triple, payload: triple.wrappedKey, wrappedKey: triple.payload });
  expect((await verdictOn('swapped.csv.enc')).code).toBe('swapped-members');
});

test('two notes for one payload are ambiguous-envelope', async () => {
  const triple = seal(host, { plaintext: 'x' });
  copyFileSync(triple.note, join(host.landing, 'twice.csv.algorithm'));
  upload(host, 'twice.csv', triple);
  const report = await verdictOn('twice.csv.enc');
  expect(report.code).toBe('ambiguous-envelope');
  expect(report.members).toHaveLength(4);
});

test('a folder envelope that fails is quarantined with its own names', async () => {
  const triple = seal(host, { plaintext: 'x', note: 'rot13\n' });
  uploadFolder(host, 'bad-folder', triple);
  const report = await verdictOn('algorithm.txt');
  expect(report.members.map(({ name }) => name)).toEqual(['algorithm.txt', 'data.csv.enc', 'keypke.bin.enc']);
});

const SECRET = 'a secret of another sender, at least 32 bytes long';

test.each([
  ['a symbolic link', 'symbolic-link', (path: string, target: string) => symlinkSync(target, path)],
  ['a dangling symbolic link', 'symbolic-link', (path: string) => symlinkSync('/nonexistent/file', path)],
  ['a hard link', 'file', (path: string, target: string) => linkSync(target, path)],
  ['a named pipe', 'fifo', (path: string) => execFileSync('mkfifo', [path])],
  ['a directory', 'directory', (path: string) => mkdirSync(path)],
] as const)('%s in the place of a payload is hostile-file and is not followed', async (what, type, place) => {
  const stem = what.replaceAll(' ', '-');
  const secret = join(host.folder, `secret-${stem}`);
  writeFileSync(secret, SECRET);
  const triple = seal(host, { plaintext: 'x' });
  place(flatPath(host, stem, 'payload'), secret);
  upload(host, stem, { ...triple, payload: undefined });
  const report = await verdictOn(`${stem}.enc`);
  expect(report.code).toBe('hostile-file');
  expect(report.members.find(({ name }) => name === `${stem}.enc`)).toMatchObject({ type, sha256: null });
  expect(readFileSync(secret, 'utf8')).toBe(SECRET);
});

test.each(['wrappedKey', 'note'] as const)('a symbolic link in the place of a %s is hostile-file', async (member) => {
  const triple = seal(host, { plaintext: 'x' });
  const stem = `link-${member}`;
  const path = flatPath(host, stem, member);
  symlinkSync(triple[member], path);
  upload(host, stem, { ...triple, [member]: undefined });
  expect((await verdictOn(basename(path))).code).toBe('hostile-file');
});

test('a folder that is a symbolic link is not looked into', async () => {
  const outside = join(host.folder, 'outside');
  mkdirSync(outside);
  const triple = seal(host, { plaintext: 'x' });
  copyFileSync(triple.payload, join(outside, 'data.enc'));
  copyFileSync(triple.wrappedKey, join(outside, 'key.bin.enc'));
  copyFileSync(triple.note, join(outside, 'algorithm.txt'));
  symlinkSync(outside, join(host.landing, 'way-out'));
  await daemon.saying({ message: 'a file that belongs to no envelope', file: 'way-out' });
  upload(host, 'after-the-link', seal(host, { plaintext: 'still at work\n' }));
  await daemon.saying({ message: 'delivered', file: join(host.delivery, 'after-the-link') });
  expect(readFileSync(join(outside, 'data.enc'))).toEqual(readFileSync(triple.payload));
});

test('an envelope that lacks a member for longer than incompleteAfter is incomplete-envelope and says which', async () => {
  const impatient = new Host({ settings: 'incompleteAfter: 300ms' });
  try {
    const running = await impatient.start();
    const triple = seal(impatient, { plaintext: 'x' });
    copyFileSync(triple.payload, flatPath(impatient, 'half.csv', 'payload'));
    copyFileSync(triple.note, flatPath(impatient, 'half.csv', 'note'));
    const { envelope } = await running.saying({ message: 'quarantined', code: 'incomplete-envelope' });
    const report = impatient.report(String(envelope));
    expect(report.message).toContain('wrapped key');
    expect(report.members.map(({ name }) => name)).toEqual(['half.csv.alg', 'half.csv.enc']);
  } finally {
    await impatient.close();
  }
});

test('a file name with control characters and direction marks is bad-name, and the log shows none of them', async () => {
  const stem = 'red\u001b[31m\u0085\u202ename';
  upload(host, stem, seal(host, { plaintext: 'x' }));
  expect((await verdictOn(`${stem}.enc`)).code).toBe('bad-name');
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  expect(daemon.raw.filter((line) => /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/.test(line))).toEqual([]);
});

test('nothing but the good envelope was delivered, and no part file is left', () => {
  expect(host.delivered()).toEqual(['after-the-link']);
  expect(host.inState('claimed')).toEqual([]);
});
