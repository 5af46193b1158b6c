import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DaemonProcess, LogLine } from '../daemon-process.ts';
import { Host, type Report } from '../host.ts';
import { flatPath, type Member, MEMBERS, seal, upload } from '../sender.ts';

/** What another sender has: 44 bytes that nobody else may see, touch or have delivered. */
const SECRET = "another sender's secret, forty-four bytes ..";

let host: Host;
let daemon: DaemonProcess;
let secret: string;

beforeAll(async () => {
  host = new Host({ settings: 'incompleteAfter: 2s\nstrayAfter: 2s' });
  secret = join(host.folder, 'secret');
  writeFileSync(secret, SECRET);
  daemon = await host.start();
});

afterAll(() => host.close());

async function verdictOn(file: string): Promise<Report> {
  const has = ({ message, files }: LogLine): boolean =>
    message === 'claimed' && Array.isArray(files) && files.includes(file);
  const { envelope } = await daemon.saying(has);
  await daemon.saying({ message: 'quarantined', envelope });
  const outcomes = daemon.said((line) => line['envelope'] === envelope && line.message !== 'claimed');
  expect(outcomes.map(({ message }) => message)).toEqual(['quarantined']);
  return host.report(String(envelope));
}

/** Uploads an envelope with something else in the place of one member. */
function uploadWith(stem: string, member: Member, place: (path: string) => void): string {
  const files = seal(host, { plaintext: 'x' });
  place(flatPath(host, stem, member));
  upload(host, stem, { ...files, [member]: undefined });
  return basename(flatPath(host, stem, member));
}

function device(path: string): void {
  // The numbers of /dev/zero: whoever reads it to its end never ends.
  execFileSync('mknod', [path, 'c', '1', '5']);
}

async function socket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  server.unref();
}

const PLACES = {
  'a symbolic link to /etc/passwd': (path: string) => symlinkSync('/etc/passwd', path),
  "a symbolic link to another sender's file": (path: string) => symlinkSync(secret, path),
  'a dangling symbolic link': (path: string) => symlinkSync('nowhere', path),
  'a symbolic link to a directory': (path: string) => symlinkSync('/etc', path),
  'a symbolic link to itself': (path: string) => symlinkSync(basename(path), path),
  "a hard link to another sender's file": (path: string) => linkSync(secret, path),
  'a hard link to a file of its own': (path: string) => {
    writeFileSync(`${path}.twin`, 'mine');
    linkSync(`${path}.twin`, path);
  },
  'a named pipe': (path: string) => {
    execFileSync('mkfifo', [path]);
  },
  'a device': device,
  'a socket': socket,
  'a directory': (path: string) => mkdirSync(path),
  'a directory with something in it': (path: string) => {
    mkdirSync(path);
    writeFileSync(join(path, 'inside.enc'), 'x');
  },
} as const;

const CASES = Object.entries(PLACES).flatMap(([what, place]) =>
  MEMBERS.map((member): [string, Member, (path: string) => void | Promise<void>] => [what, member, place]),
);

test.each(CASES)('%s in the place of the %s is hostile-file', async (what, member, place) => {
  const stem = `${what.replaceAll(/[ '/]+/g, '-')}-${member}`;
  const triple = seal(host, { plaintext: 'x' });
  const path = flatPath(host, stem, member);
  await place(path);
  upload(host, stem, { ...triple, [member]: undefined });
  const report = await verdictOn(basename(path));
  expect(report.code).toBe('hostile-file');
  expect(report.members.find(({ name }) => name === basename(path))?.sha256).toBeNull();
  expect(readFileSync(secret, 'utf8')).toBe(SECRET);
});

function sparse(path: string, size: number, head = ''): void {
  writeFileSync(path, head);
  const handle = openSync(path, 'r+');
  ftruncateSync(handle, size);
  closeSync(handle);
}

const GIB = 2 ** 30;
const TIB = 2 ** 40;

test.each([
  ['note', GIB, 'bad-note|limit-exceeded'],
  ['wrappedKey', GIB, 'bad-wrapped-key|limit-exceeded'],
  ['payload', TIB, 'limit-exceeded'],
] as const)('a sparse %s of %d bytes is refused without being read', async (member, size, codes) => {
  const file = uploadWith(`sparse-${member}`, member, (path) => sparse(path, size));
  const report = await verdictOn(file);
  expect(codes.split('|')).toContain(report.code);
  expect(report.members.find(({ name }) => name === file)).toMatchObject({ size });
});

const NOTES: Readonly<Record<string, string | Uint8Array>> = {
  'more iterations than the landing takes': '-aes-256-cbc -pbkdf2 -iter 2000000000\n',
  'iterations beyond any number': `-aes-256-cbc -pbkdf2 -iter ${'9'.repeat(300)}\n`,
  'negative iterations': '-aes-256-cbc -pbkdf2 -iter -1\n',
  'the null cipher': 'openssl enc -none\n',
  'a cipher named like a property of objects': 'openssl enc -__proto__ -pbkdf2\n',
  'a field named like a property of objects': 'cipher: constructor\nkdf: __proto__\ndigest: toString\n',
  'a hundred thousand flags': `openssl enc ${'-aes-256-cbc '.repeat(100_000)}\n`,
  'sixty thousand nested parentheses': `${'('.repeat(60_000)}\n`,
  'terminal commands': '-aes-256-cbc \u001b]0;owned\u0007\u001b[2J -pbkdf2\n',
  'a forged log line': 'cipher: x"}\n{"time":"2026-01-01","level":"info","message":"delivered"}\n',
  'bytes that are not UTF-8': Buffer.from([0x2d, 0xff, 0xfe, 0x00, 0x80]),
  nothing: '',
};

test.each(Object.entries(NOTES))('a note that tells %s is quarantined with a code', async (what, text) => {
  const stem = `note-${what.replaceAll(/[^a-z]/g, '-')}`;
  upload(host, stem, seal(host, { plaintext: 'x' }));
  const file = uploadWith(`${stem}-bad`, 'note', (path) => writeFileSync(path, text));
  const { code, blame } = await verdictOn(file);
  expect(blame).toBe('sender');
  expect(code).toMatch(/^(bad-note|bad-parameters|limit-exceeded|unknown-cipher|unsupported-cipher)$/);
  await daemon.saying({ message: 'delivered', file: join(host.delivery, stem) });
});

const GOOD_MANIFEST = {
  sealdrop: 1,
  payload: { file: 'STEM.enc', size: 32 },
  key: { file: 'STEM.key.enc', oaep: 'sha256' },
  parameters: { cipher: 'aes-256-cbc', kdf: 'pbkdf2', digest: 'sha256', iterations: 10_000 },
  plaintext: { name: 'STEM' },
};

type ManifestChange = Readonly<Record<string, unknown>>;
const changed = (change: ManifestChange): string => JSON.stringify({ ...GOOD_MANIFEST, ...change });

const MANIFESTS: Readonly<Record<string, string>> = {
  'a plaintext outside the delivery directory': changed({ plaintext: { name: '../../escaped' } }),
  'a plaintext by an absolute path': changed({ plaintext: { name: '/tmp/sealdrop-escaped' } }),
  'a plaintext named ..': changed({ plaintext: { name: '..' } }),
  'a plaintext that looks like a part file of ours': changed({ plaintext: { name: '.sealdrop-1.part' } }),
  'a plaintext with a NUL in its name': changed({ plaintext: { name: 'a\0b' } }),
  'a plaintext with a line end in its name': changed({ plaintext: { name: 'a\nb' } }),
  'a plaintext whose name is turned about': changed({ plaintext: { name: 'gpj.\u202eexe' } }),
  'a plaintext with a name too long': changed({ plaintext: { name: 'x'.repeat(256) } }),
  'a plaintext with a name too long in UTF-8': changed({ plaintext: { name: '\u20ac'.repeat(100) } }),
  'a plaintext with half a surrogate pair in its name': changed({ plaintext: { name: 'a\ud800' } }),
  'a field twice': JSON.stringify(GOOD_MANIFEST).replace('{', '{"plaintext":{"name":"innocent"},'),
  __proto__: JSON.stringify(GOOD_MANIFEST).replace('{', '{"__proto__":{"polluted":true},'),
  constructor: JSON.stringify(GOOD_MANIFEST).replace('{', '{"constructor":{"prototype":{"polluted":true}},'),
  'arrays nested thirty thousand deep': '['.repeat(30_000) + ']'.repeat(30_000),
  'objects nested ten thousand deep': '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000),
  'sixteen thousand fields': JSON.stringify(Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`f${n}`, n]))),
  'more than a manifest may have': JSON.stringify({ padding: 'x'.repeat(70_000) }),
  'iterations for a year': changed({ parameters: { ...GOOD_MANIFEST.parameters, iterations: 2 ** 31 - 1 } }),
  'iterations that no number holds': changed({}).replace('10000', '1e400'),
  'a fraction of iterations': changed({ parameters: { ...GOOD_MANIFEST.parameters, iterations: 1.5 } }),
  'a flag for a cipher': changed({ parameters: { ...GOOD_MANIFEST.parameters, cipher: 'pass' } }),
  "another sender's payload": changed({ payload: { file: '../globex/secret.enc', size: 32 } }),
  'a payload by an absolute path': changed({ payload: { file: '/etc/passwd', size: 32 } }),
  "another sender's key": changed({ key: { file: '../globex/secret.key.enc', oaep: 'sha256' } }),
  'an unknown version': changed({ sealdrop: 2 }),
  null: 'null',
  'no JSON': 'sealdrop: 1\n',
};

test.each(Object.entries(MANIFESTS))('a manifest that tells %s is quarantined with a code', async (what, text) => {
  const stem = `manifest-${what.replaceAll(/[^a-z]/gi, '-')}`;
  const triple = seal(host, { plaintext: 'x' });
  writeFileSync(join(host.landing, `${stem}.manifest.json`), text.replaceAll('STEM', stem));
  // Last of all the one without which it is no envelope, by its manifest or by its note.
  for (const member of ['note', 'wrappedKey', 'payload'] as const)
    copyFileSync(triple[member], flatPath(host, stem, member));
  const { code, blame } = await verdictOn(`${stem}.manifest.json`);
  expect(blame).toBe('sender');
  expect(code).not.toBe('stray-file');
  expect(host.delivered().filter((name) => name.startsWith(stem))).toEqual([]);
});

/** Where members lie is a matter of names in the landing; whatever else a note points to is not looked at. */
const POINTERS: Readonly<Record<string, string>> = {
  'a note with a file of ours as passphrase': '-aes-256-cbc -pbkdf2 -pass file:/etc/passwd\n',
  'a note with files of ours as input and output': '-aes-256-cbc -pbkdf2 -in /etc/passwd -out OUTSIDE\n',
};

test.each(Object.entries(POINTERS))('%s leads nowhere', async (what, note) => {
  const stem = `pointer-${what.replaceAll(/[^a-z]/g, '-')}`;
  const outside = join(host.folder, 'escaped-output');
  upload(host, stem, seal(host, { plaintext: 'x', note: note.replaceAll('OUTSIDE', outside) }));
  await daemon.saying({ message: 'delivered', file: join(host.delivery, stem) });
  expect(host.plaintext(stem)).toBe('x');
  expect(existsSync(outside)).toBe(false);
});

test('the manifest that those differ from is a good one', async () => {
  const triple = seal(host, { plaintext: 'x' });
  upload(host, 'good', triple);
  const manifest = JSON.stringify(GOOD_MANIFEST).replaceAll('STEM', 'good');
  writeFileSync(join(host.landing, 'good.manifest.json'), manifest);
  await daemon.saying({ message: 'delivered', file: join(host.delivery, 'good') });
  expect(host.plaintext('good')).toBe('x');
});

const LONGEST_STEM = 255 - '.key.enc'.length;

test.each([
  ['a leading dash', '-rf', 'delivered'],
  ['spaces, quotes and a shell command', `'"; touch x; $(id) \`id\` #`, 'delivered'],
  ['percent signs and backslashes', '%s%n\\..\\x', 'bad-name'],
  ['as many bytes as there may be', 'n'.repeat(LONGEST_STEM), 'delivered'],
  ['as many bytes as there may be, in UTF-8', `${'\u20ac'.repeat(82)}n`, 'delivered'],
  ['two dots', '..', 'stray-file'],
  ['a line end', 'two\nlines', 'bad-name'],
  ['a carriage return', 'over\rwritten', 'bad-name'],
  ['terminal commands', '\u001b]0;owned\u0007\u001b[2J', 'bad-name'],
  ['a C1 control', 'x\u009b31my', 'bad-name'],
  ['a right-to-left mark', 'gpj.\u202eexe', 'bad-name'],
  ['a line separator', 'two\u2028lines', 'bad-name'],
  ['the name of a property of objects', '__proto__', 'delivered'],
  ['the name of a constructor', 'constructor', 'delivered'],
  ['a forged log line', '"}\n{"level":"info"', 'bad-name'],
] as const)('an envelope whose name has %s ends as it should', async (_, stem, outcome) => {
  upload(host, stem, seal(host, { plaintext: 'x' }));
  expect(await outcomeOf(stem, outcome)).toBe(outcome);
});

async function outcomeOf(stem: string, expected: string): Promise<string> {
  if (expected === 'stray-file')
    return String((await daemon.saying({ message: 'quarantined', code: expected }))['code']);
  if (expected !== 'delivered') return (await verdictOn(`${stem}.enc`)).code;
  return (await daemon.saying({ message: 'delivered', file: join(host.delivery, stem) })).message;
}

test('a folder envelope may be named like anything, too', async () => {
  for (const folder of ['-rf', '__proto__', 'two\nlines', '\u202efolder', 'x'.repeat(255)]) {
    const directory = join(host.landing, folder);
    mkdirSync(directory);
    const triple = seal(host, { plaintext: `${folder}\n` });
    for (const member of MEMBERS) copyFileSync(triple[member], flatPath({ landing: directory }, 'in-folder', member));
    const { envelope } = await daemon.saying((line) => line.message === 'claimed' && line['folder'] === folder);
    expect(await daemon.saying({ message: 'delivered', envelope })).toMatchObject({ landing: 'acme' });
  }
});

test('nothing escaped, the log is clean JSON of one line each, and the daemon is still at work', async () => {
  upload(host, 'last', seal(host, { plaintext: 'still here\n' }));
  await daemon.saying({ message: 'delivered', file: join(host.delivery, 'last') });
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  const raw = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
  expect(daemon.raw.filter((line) => raw.test(line))).toEqual([]);
  expect(daemon.said((line) => line['code'] === 'internal')).toEqual([]);
  expect(daemon.said({ level: 'error' })).toEqual([]);
  const delivered = host.collectable().map((name) => readFileSync(join(host.delivery, name), 'utf8'));
  expect(delivered.filter((text) => text.includes('secret') || text.includes('root:'))).toEqual([]);
  expect(readdirSync(host.folder).filter((name) => name.includes('escaped'))).toEqual([]);
  expect(host.inState('claimed')).toEqual([]);
});
