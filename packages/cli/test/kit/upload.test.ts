/** `encrypt.sh --upload` through a real sshd that serves nothing but SFTP, in a chroot. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSftpHost } from '@sealdrop/sftp-host';
import type { SftpHost } from '@sealdrop/sftp-host';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Fixture, namesIn, openBothWays } from './kit-fixture.ts';

let fixture: Fixture;
let host: SftpHost;
beforeAll(async () => {
  fixture = new Fixture();
  host = await startSftpHost({ senders: ['acme'] });
});
afterAll(async () => {
  await host.close();
  fixture.remove();
});

const landing = () => host.sender('acme').landing;

function upload(destination: string, ...files: readonly string[]) {
  const folder = fixture.freshFolder('out');
  const options = ['-o', folder, '--sftp-options', `-F ${host.clientConfig}`, '--upload', destination];
  const { status, stdout, stderr } = spawnSync('sh', [fixture.path('kit', 'encrypt.sh'), ...options, '--', ...files], {
    cwd: fixture.folder,
    encoding: 'utf8',
  });
  return { status, stdout, stderr, folder };
}

async function removeUploads(): Promise<void> {
  await host.sftp('acme', ['-rm *', '-rm .sealdrop*']);
  expect(readdirSync(landing())).toEqual([]);
}

test.each(['report.csv', 'two  words', 'a "quoted" \'name\'', '-P', '*?[x]{y}', '#hash', 'ümläut – 日本 🎈', '~'])(
  '%s arrives whole, under its own names alone',
  async (name) => {
    writeFileSync(fixture.path(name), name);
    const { status, stdout, stderr } = upload('acme', name);
    expect([status, stdout]).toEqual([0, '']);
    expect(stderr).toContain(`${name}: sent to acme\n`);
    expect(namesIn(landing())).toEqual([
      `${name}.alg`,
      `${name}.enc`,
      `${name}.keypke.bin.enc`,
      `${name}.manifest.json`,
    ]);
    const opened = await openBothWays(fixture, landing());
    expect(opened).toMatchObject({ name, verification: 'manifest-mac' });
    expect(opened.plaintext.toString()).toBe(name);
    await removeUploads();
  },
);

test('several files go one after the other, into a folder of the host too', async () => {
  await host.sftp('acme', ['mkdir "in box"']);
  for (const name of ['one', 'two']) writeFileSync(fixture.path(name), name);
  expect(upload('acme:in box', 'one', 'two')).toMatchObject({ status: 0 });
  expect(namesIn(join(landing(), 'in box'))).toHaveLength(8);
  expect(await openBothWays(fixture, join(landing(), 'in box', 'two'))).toMatchObject({ name: 'two' });
  await host.sftp('acme', [String.raw`rm in\ box/*`, 'rmdir "in box"']);
});

test('what waits there under the same name is never replaced', async () => {
  writeFileSync(fixture.path('report.csv'), 'first');
  expect(upload('acme', 'report.csv')).toMatchObject({ status: 0 });
  const before = readFileSync(join(landing(), 'report.csv.enc'));
  writeFileSync(fixture.path('report.csv'), 'second');
  const { status, stderr, folder } = upload('acme', 'report.csv');
  expect(status).toBe(69);
  expect(stderr).toContain(`encrypt.sh: report.csv: sending failed; the results are in ${folder}/\n`);
  expect(namesIn(folder)).toHaveLength(4);
  expect(readFileSync(join(landing(), 'report.csv.enc'))).toEqual(before);
  expect(readdirSync(landing()).filter((name) => !name.startsWith('.sealdrop'))).toHaveLength(4);
  await removeUploads();
});

test('a host that is out of reach is said to be, and the results stay', () => {
  writeFileSync(fixture.path('report.csv'), 'x');
  const { status, stderr, folder } = upload('acme@127.0.0.1:1', 'report.csv');
  expect(status).toBe(69);
  expect(stderr).toContain('sending failed');
  expect(namesIn(folder)).toHaveLength(4);
});

test('a destination is never taken for an option of sftp', () => {
  writeFileSync(fixture.path('report.csv'), 'x');
  const { status } = upload(`-oProxyCommand=touch ${fixture.path('owned')}`, 'report.csv');
  expect(status).toBe(69);
  expect(namesIn(fixture.folder)).not.toContain('owned');
});
