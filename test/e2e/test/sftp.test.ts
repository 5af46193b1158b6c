import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { quoteForSftp } from '@sealdrop/sftp-host';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { sealWithManifest } from '../../../packages/daemon/test/sealed.ts';
import { seal, type Triple } from '../../../packages/daemon/test/sender.ts';
import { run } from './run.ts';
import { UploadHost } from './upload-host.ts';

const SEALDROP = join(import.meta.dirname, '../../../packages/cli/src/main.ts');

let host: UploadHost;

beforeAll(async () => {
  host = await UploadHost.start();
});

afterAll(() => host.close());

/** The batch that uploads an envelope under a stem. */
function puts(triple: Triple, stem: string): readonly string[] {
  return [
    `put ${triple.payload} ${quoteForSftp(`${stem}.enc`)}`,
    `put ${triple.wrappedKey} ${quoteForSftp(`${stem}.key.enc`)}`,
    `put ${triple.note} ${quoteForSftp(`${stem}.alg`)}`,
  ];
}

function lines(count: number): string {
  return Array.from({ length: count }, (_, index) => `${index} of ${count}\n`).join('');
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

test("an envelope made by openssl and put by sftp is delivered, and nothing of it stays in the sender's sight", async () => {
  await host.upload('acme', puts(seal(host, { plaintext: 'by openssl\n' }), 'openssl.csv'));
  expect(await host.plaintext('acme', 'openssl.csv')).toBe('by openssl\n');
  expect(readdirSync(host.landing('acme'))).toEqual([]);
});

test.each(['flat', 'folder'] as const)(
  'an envelope made by sealdrop encrypt --layout %s is delivered',
  async (layout) => {
    const directory = mkdtempSync(join(host.folder, 'sealdrop-'));
    const name = `sealdrop-${layout}.csv`;
    mkdirSync(join(directory, 'out'));
    writeFileSync(join(directory, name), `by sealdrop, ${layout}\n`);
    const words = ['encrypt', name, '--public-key', host.publicKey, '--output-dir', 'out', '--layout', layout];
    const sealed = await run(process.execPath, ['--conditions=@sealdrop/source', SEALDROP, ...words], {
      cwd: directory,
    });
    expect(sealed).toMatchObject({ status: 0 });
    await host.upload('globex', layout === 'flat' ? [`put ${directory}/out/*`] : [`put -r ${directory}/out/${name}`]);
    expect(await host.plaintext('globex', name)).toBe(`by sealdrop, ${layout}\n`);
  },
);

test('an upload slower than it must stand still is not taken before it is whole', async () => {
  const plaintext = lines(10_000);
  const triple = seal(host, { plaintext });
  const [payload = '', ...others] = puts(triple, 'slow.csv');
  await host.upload('acme', others);
  const { status } = await host.sftp.sftp('acme', [payload], { rateKiB: 64 });
  expect(status).toBe(0);
  expect(await host.plaintext('acme', 'slow.csv')).toBe(plaintext);
  expect(
    host.daemon.said(({ message, files }) => message === 'claimed' && String(files).includes('slow.csv')),
  ).toHaveLength(1);
});

/** Starts to upload, and kills the client when a part of the file has come. */
async function breakOff(command: string, landed: string): Promise<void> {
  const session = host.sftp.startSftp('acme', [command], { rateKiB: 64 });
  await vi.waitUntil(() => sizeOf(landed) > 0, { timeout: 30_000, interval: 5 });
  session.kill();
  expect((await session.result).status).toBeNull();
}

test('an upload whose client was killed is resumed with reput and delivered whole', async () => {
  const plaintext = lines(20_000);
  const sealed = await sealWithManifest(host, 'resumed.csv', plaintext);
  const landed = join(host.landing('acme'), 'resumed.csv.enc');
  await host.upload('acme', [`put ${sealed.manifest}`, `put ${sealed.wrappedKey}`, `put ${sealed.note}`]);
  await breakOff(`put ${sealed.payload}`, landed);
  const arrived = sizeOf(landed);
  expect(arrived).toBeLessThan(sizeOf(sealed.payload));
  // Another envelope goes its whole way, settling included: the broken one is not mistaken for a whole one.
  await host.upload('acme', puts(seal(host, { plaintext: 'x' }), 'meanwhile'));
  await host.plaintext('acme', 'meanwhile');
  await host.upload('acme', [`reput ${sealed.payload}`]);
  expect(await host.plaintext('acme', 'resumed.csv')).toBe(plaintext);
});

test('without a manifest, a payload whose client was killed waits for the members that are put after it', async () => {
  const plaintext = lines(20_000);
  const triple = seal(host, { plaintext });
  const [payload = '', ...others] = puts(triple, 'bare.csv');
  await breakOff(payload, join(host.landing('acme'), 'bare.csv.enc'));
  await host.upload('acme', [payload.replace(/^put/, 'reput'), ...others]);
  expect(await host.plaintext('acme', 'bare.csv')).toBe(plaintext);
});

test('members put under temporary names are taken once they are renamed', async () => {
  const triple = seal(host, { plaintext: 'renamed\n' });
  const commands = puts(triple, 'renamed.csv').map((command) => `${command}.filepart`);
  const renames = ['enc', 'key.enc', 'alg'].map(
    (ending) => `rename renamed.csv.${ending}.filepart renamed.csv.${ending}`,
  );
  await host.upload('acme', [...commands, ...renames]);
  expect(await host.plaintext('acme', 'renamed.csv')).toBe('renamed\n');
});

test('a folder put as a whole is taken with its folder', async () => {
  const directory = mkdtempSync(join(host.folder, 'batch-'));
  const triple = seal(host, { plaintext: 'in a folder\n' });
  renameSync(triple.payload, join(directory, 'data.csv.enc'));
  renameSync(triple.wrappedKey, join(directory, 'keypke.bin.enc'));
  renameSync(triple.note, join(directory, 'algorithm.txt'));
  await host.upload('acme', [`put -r ${directory} batch`]);
  expect(await host.plaintext('acme', 'data.csv')).toBe('in a folder\n');
  await vi.waitUntil(() => !readdirSync(host.landing('acme')).includes('batch'), { timeout: 10_000 });
});

test.each([
  ['to a file of the system', '/etc/passwd'],
  ["to another sender's file", '../../globex/upload/secret.csv.enc'],
  ['to a key of ours', '/../../../sealdrop/private.pem'],
  ['to a directory', '/'],
  ['to nothing', 'nowhere'],
])('a symbolic link %s that the client made is hostile-file', async (what, target) => {
  const stem = `link-${what.replaceAll(/[^a-z]/g, '-')}`;
  const [, ...others] = puts(seal(host, { plaintext: 'x' }), stem);
  await host.upload('acme', [`ln -s ${target} ${stem}.enc`, ...others]);
  expect(await host.verdict(`${stem}.enc`)).toBe('hostile-file');
});

test('a hard link that the client made is hostile-file', async () => {
  const triple = seal(host, { plaintext: 'x' });
  const [payload = '', ...others] = puts(triple, 'twin');
  await host.upload('acme', [payload.replace('twin.enc', 'origin.data'), 'ln origin.data twin.enc', ...others]);
  expect(await host.verdict('twin.enc')).toBe('hostile-file');
});

test('two senders who put the same names at the same time each get their own', async () => {
  const names = ['acme', 'globex'] as const;
  await Promise.all(
    names.map((name) => host.upload(name, puts(seal(host, { plaintext: `of ${name}\n` }), 'same.csv'))),
  );
  expect(await Promise.all(names.map((name) => host.plaintext(name, 'same.csv')))).toEqual([
    'of acme\n',
    'of globex\n',
  ]);
});

test('names that a client can make and a terminal should not see end in quarantine, and the log is clean', async () => {
  const directory = mkdtempSync(join(host.folder, 'names-'));
  const triple = seal(host, { plaintext: 'x' });
  const stem = 'two\nlines \u001b[2J\u202egpj';
  renameSync(triple.payload, join(directory, `${stem}.enc`));
  renameSync(triple.wrappedKey, join(directory, `${stem}.key.enc`));
  renameSync(triple.note, join(directory, `${stem}.alg`));
  await host.upload('acme', [`put ${directory}/*`]);
  expect(await host.verdict(`${stem}.enc`)).toBe('bad-name');
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  expect(host.daemon.raw.filter((line) => /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/.test(line))).toEqual([]);
});

test("a sender who floods its landing neither sees nor delays another's envelope", async () => {
  const directory = mkdtempSync(join(host.folder, 'flood-'));
  for (let index = 0; index < 400; index += 1) writeFileSync(join(directory, `junk-${index}.enc`), 'junk');
  const flood = host.sftp.startSftp('globex', [`put ${directory}/*`]);
  await vi.waitUntil(() => readdirSync(host.landing('globex')).length > 20, { timeout: 30_000, interval: 5 });
  await host.upload('acme', puts(seal(host, { plaintext: 'undelayed\n' }), 'undelayed.csv'));
  expect(await host.plaintext('acme', 'undelayed.csv')).toBe('undelayed\n');
  const sneaking = [
    '-get ../../acme/upload/undelayed.csv.enc',
    '-ls /../acme',
    '-put junk-0.enc ../../acme/upload/x.enc',
  ];
  const { stderr } = await host.sftp.sftp('globex', sneaking, { localDirectory: directory });
  expect(stderr.match(/not found|No such file/g)).toHaveLength(3);
  flood.kill();
  await flood.result;
  expect(readdirSync(host.landing('acme'))).not.toContain('x.enc');
});

test("no delivered file holds anything of another sender's or of the host", () => {
  const texts = host.delivered('acme').map((name) => readFileSync(join(host.delivery('acme'), name), 'utf8'));
  expect(texts.filter((text) => /root:|PRIVATE KEY|of globex/.test(text))).toEqual([]);
  expect(host.daemon.said((line) => line['code'] === 'internal' || line.level === 'error')).toEqual([]);
});

test('a daemon that is not root takes what a landing of its group lets it take, and says what it may not', async () => {
  const nobody = { uid: 65_534, gid: 65_534 };
  const other = await UploadHost.start(nobody);
  try {
    await other.upload('acme', puts(seal(other, { plaintext: 'for nobody\n' }), 'nobody.csv'));
    expect(await other.plaintext('acme', 'nobody.csv')).toBe('for nobody\n');
    const owner = execFileSync('stat', ['-c', '%u', join(other.delivery('acme'), 'nobody.csv')], { encoding: 'utf8' });
    expect(owner.trim()).toBe(String(nobody.uid));
    const triple = seal(other, { plaintext: 'x' });
    await other.upload('acme', ['mkdir closed', 'cd closed', ...puts(triple, 'inside')]);
    await other.daemon.saying({ message: 'nothing can be claimed from the folder (EACCES)', folder: 'closed' });
    await other.upload('acme', puts(seal(other, { plaintext: 'x' }), 'after.csv'));
    expect(await other.plaintext('acme', 'after.csv')).toBe('x');
  } finally {
    await other.close();
  }
});
