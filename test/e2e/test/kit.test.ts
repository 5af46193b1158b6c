/** What a kit's parts make goes through a real sshd into the daemon, and comes out as plaintext at once. */
import { createPublicKey } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Download } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildKit, type KitOptions } from '../../../packages/cli/src/kit/build-kit.ts';
import { launchChromium, openPage } from '../../../packages/cli/test/kit/chromium.ts';
import { PortedScript } from '../../../packages/cli/test/kit/ported-script.ts';
import { run } from './run.ts';
import { UploadHost } from './upload-host.ts';

const PLAINTEXT = 'Datum;Betrag\n2026-11-24;12,00 €\n'.repeat(1000);

let host: UploadHost;
let kit: string;

beforeAll(async () => {
  host = await UploadHost.start();
  kit = mkdtempSync(join(host.folder, 'kit-'));
  const publicKey = createPublicKey(readFileSync(host.publicKey));
  writeKit(kit, { publicKey, sender: 'acme', upload: 'acme@sftp.example.org:inbox' });
});

function writeKit(folder: string, options: KitOptions): void {
  for (const { name, mode, bytes } of buildKit(options)) {
    writeFileSync(join(folder, name), bytes);
    chmodSync(join(folder, name), mode);
  }
}

afterAll(() => host.close());

/** A folder with the file to send. */
function folderWith(name: string): string {
  const folder = mkdtempSync(join(host.folder, 'sender-'));
  writeFileSync(join(folder, name), PLAINTEXT);
  return folder;
}

/** The plaintext that came of it, and what is left in the sender's sight. */
async function received(name: string): Promise<{ readonly plaintext: string; readonly left: readonly string[] }> {
  return { plaintext: await host.plaintext('acme', name), left: readdirSync(host.landing('acme')) };
}

const WHOLE = { plaintext: PLAINTEXT, left: [] };

test('encrypt.sh encrypts and uploads by itself', async () => {
  const folder = folderWith('sh.csv');
  const options = ['-o', folder, '--sftp-options', `-F ${host.sftp.clientConfig}`, '--upload', 'acme'];
  const sent = await run('sh', [join(kit, 'encrypt.sh'), ...options, '--', 'sh.csv'], { cwd: folder });
  expect(sent).toMatchObject({ status: 0, stderr: expect.stringContaining('sh.csv: sent to acme\n') });
  expect(await received('sh.csv')).toEqual(WHOLE);
});

test('what encrypt.html makes in Chromium is uploaded and delivered', async () => {
  const folder = folderWith('html – 日本.csv');
  const out = join(folder, 'out');
  mkdirSync(out);
  const browser = await launchChromium();
  try {
    const { page, complaints } = await openPage(browser, pathToFileURL(join(kit, 'encrypt.html')).href);
    const { promise, resolve } = Promise.withResolvers<readonly Download[]>();
    const downloads: Download[] = [];
    page.on('download', (download) => {
      if (downloads.push(download) === 4) resolve(downloads);
    });
    await page.getByLabel('Choose files or drop them').setInputFiles(join(folder, 'html – 日本.csv'));
    await page.getByRole('button', { name: 'Encrypt and download' }).click();
    for (const download of await promise) await download.saveAs(join(out, download.suggestedFilename()));
    expect(complaints).toEqual([]);
  } finally {
    await browser.close();
  }
  await host.upload('acme', [`put ${out}/*`]);
  expect(await received('html – 日本.csv')).toEqual(WHOLE);
});

test("what a port of encrypt.ps1's algorithm makes is uploaded and delivered", async () => {
  const out = mkdtempSync(join(host.folder, 'sender-'));
  const script = readFileSync(join(kit, 'encrypt.ps1'), 'utf8');
  new PortedScript(script).protectFile('ps1.csv', Buffer.from(PLAINTEXT), out);
  await host.upload('acme', [`put ${out}/*`]);
  expect(await received('ps1.csv')).toEqual(WHOLE);
});

test('what a kit for another sender makes is not taken here, and the report says the cure', async () => {
  const folder = folderWith('moved.csv');
  writeKit(folder, { publicKey: createPublicKey(readFileSync(host.publicKey)), sender: 'globex' });
  const sent = await run('sh', [join(folder, 'encrypt.sh'), 'moved.csv'], { cwd: folder });
  expect(sent).toMatchObject({ status: 0 });
  await host.upload('acme', [`put ${folder}/moved.csv.*`]);
  expect(await host.verdict('moved.csv.enc')).toBe('wrong-sender');
  const [id = ''] = readdirSync(join(host.spool, 'quarantine'));
  const report = JSON.parse(readFileSync(join(host.spool, 'quarantine', id, 'report.json'), 'utf8')) as unknown;
  expect(report).toMatchObject({
    message: 'the manifest names the sender "globex", not "acme"',
    hint: expect.stringContaining(
      'name them in the landing, like sender: "globex", and retry it, or give them a kit for "acme"',
    ),
  });
});

test('what a kit for any sender makes is taken from anybody', async () => {
  const folder = folderWith('anybody.csv');
  writeKit(folder, { publicKey: createPublicKey(readFileSync(host.publicKey)) });
  await run('sh', [join(folder, 'encrypt.sh'), 'anybody.csv'], { cwd: folder });
  await host.upload('acme', [`put ${folder}/anybody.csv.*`]);
  expect(await received('anybody.csv')).toEqual(WHOLE);
});
