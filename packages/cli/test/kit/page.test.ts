/** encrypt.html in a real Chromium: what people do with it, and that what comes out opens. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Download, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchChromium, loadPage, openPage, servePage } from './chromium.ts';
import { Fixture, fingerprintAloud, namesIn, openBothWays, SENDER } from './kit-fixture.ts';

const MEBIBYTE = 1024 * 1024;
/** What seal.js encrypts at a time. */
const SLICE = 4 * MEBIBYTE;

let fixture: Fixture;
let browser: Browser;
let pageUrl: string;
beforeAll(async () => {
  fixture = new Fixture();
  pageUrl = pathToFileURL(fixture.path('kit', 'encrypt.html')).href;
  browser = await launchChromium();
});
afterAll(async () => {
  await browser.close();
  fixture.remove();
});

const chooser = (page: Page) => page.getByLabel('Choose files or drop them');
const status = (page: Page) => page.getByRole('status');
const downloadButton = (page: Page) => page.getByRole('button', { name: 'Encrypt and download' });
const folderButton = (page: Page) => page.getByRole('button', { name: 'Encrypt into a folder' });

function plaintextOf(size: number): Buffer {
  return Buffer.alloc(size, 'all sorts of bytes \0\r\n\xff', 'latin1');
}

function writePlaintext(name: string, contents: Uint8Array | string): string {
  mkdirSync(fixture.path('in'), { recursive: true });
  writeFileSync(fixture.path('in', name), contents);
  return fixture.path('in', name);
}

/** Saves the next downloads in a fresh folder, once `begin` has let them come. */
async function takeDownloads(page: Page, count: number, begin: () => Promise<unknown>): Promise<string> {
  const folder = fixture.freshFolder('downloads');
  const { promise, resolve } = Promise.withResolvers<readonly Download[]>();
  const downloads: Download[] = [];
  page.on('download', (download) => {
    downloads.push(download);
    if (downloads.length === count) resolve(downloads);
  });
  await begin();
  for (const download of await promise) await download.saveAs(join(folder, download.suggestedFilename()));
  return folder;
}

describe('opened from disk', () => {
  const files: readonly (readonly [string, number])[] = [
    ['empty.txt', 0],
    ['report.csv', 15],
    ['a slice.bin', SLICE],
    ['a slice and a byte.bin', SLICE + 1],
    ['5 MiB.bin', 5 * MEBIBYTE],
    ['ümläut – 日本 🎈', 100],
    ['a "b" <c>: d|e?*.txt', 100],
    ['server.key', 100],
  ];
  test.each(files)('%s comes out as it was, with its MAC verified', async (name, size) => {
    const { page, complaints, close } = await openPage(browser, pageUrl);
    const plaintext = plaintextOf(size);
    await chooser(page).setInputFiles(writePlaintext(name, plaintext));
    const folder = await takeDownloads(page, 4, () => downloadButton(page).click());
    expect(await status(page).textContent()).toBe('Done: one file is encrypted.');
    const opened = await openBothWays(fixture, folder);
    expect(opened).toMatchObject({ name, sender: SENDER, size, verification: 'manifest-mac', oaep: 'sha256' });
    expect(opened.plaintext.equals(plaintext)).toBe(true);
    expect(opened.plaintextOfOpenssl.equals(plaintext)).toBe(true);
    expect(namesIn(folder)).toContain(opened.manifest.payload.file);
    expect(namesIn(folder)).toContain(opened.manifest.key.file);
    expect(complaints).toEqual([]);
    await close();
  });

  test('several files, chosen one after the other and dropped, are encrypted together', async () => {
    const { page, complaints, close } = await openPage(browser, pageUrl);
    await chooser(page).setInputFiles([writePlaintext('one', '1'), writePlaintext('two', '2')]);
    const dropped = await page.evaluateHandle(
      "(() => { const data = new DataTransfer(); data.items.add(new File(['3'], 'three')); return data; })()",
    );
    await page.dispatchEvent('body', 'drop', { dataTransfer: dropped });
    expect(await page.getByRole('list', { name: 'Chosen files' }).getByRole('listitem').allTextContents()).toEqual([
      'one1 bytes',
      'two1 bytes',
      'three1 bytes',
    ]);
    const folder = await takeDownloads(page, 12, () => downloadButton(page).click());
    for (const [name, text] of [
      ['one', '1'],
      ['two', '2'],
      ['three', '3'],
    ] as const) {
      const opened = await openBothWays(fixture, join(folder, name));
      expect([opened.name, opened.plaintext.toString(), opened.verification]).toEqual([name, text, 'manifest-mac']);
    }
    expect(await page.getByRole('list', { name: 'Encrypted files' }).getByRole('link').count()).toBe(12);
    expect(complaints).toEqual([]);
    await close();
  });

  test('a page for anybody names nobody in the manifest', async () => {
    fixture.writeKit({ sender: undefined });
    const { page, complaints, close } = await openPage(browser, pageUrl);
    fixture.writeKit();
    expect(await page.title()).toBe('Encrypt files');
    await chooser(page).setInputFiles(writePlaintext('report.csv', 'a,b\n'));
    const folder = await takeDownloads(page, 4, () => downloadButton(page).click());
    expect(await openBothWays(fixture, folder)).toMatchObject({ sender: null, verification: 'manifest-mac' });
    expect(complaints).toEqual([]);
    await close();
  });

  test('it is used with the keyboard alone', async () => {
    const { page, complaints, close } = await openPage(browser, pageUrl);
    const focused = () => page.evaluate('document.activeElement.id');
    await page.keyboard.press('Tab');
    const opening = page.waitForEvent('filechooser');
    // Keys overtake the order that keeps Chromium's own dialog from opening; an answer of the page comes after that order.
    expect(await focused()).toBe('choose');
    await page.keyboard.press('Space');
    await (await opening).setFiles(writePlaintext('report.csv', 'a,b\n'));
    const visited: unknown[] = [];
    for (let presses = 0; presses < 3; presses++) {
      await page.keyboard.press('Tab');
      visited.push(await focused());
    }
    expect(visited).toEqual(['clear', 'to-folder', 'to-downloads']);
    const folder = await takeDownloads(page, 4, () => page.keyboard.press('Enter'));
    expect(await focused()).toBe('send-heading');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('report.csv.enc');
    expect((await openBothWays(fixture, folder)).plaintext.toString()).toBe('a,b\n');
    expect(complaints).toEqual([]);
    await close();
  });

  test('it shows the fingerprint, whom it is for, and where to send', async () => {
    fixture.writeKit({ upload: 'acme@sftp.example.org:inbox' });
    const { page, close } = await openPage(browser, pageUrl);
    fixture.writeKit();
    expect(await page.locator('#fingerprint').innerText()).toMatch(
      new RegExp(fingerprintAloud(fixture).replaceAll(' ', String.raw`\s+`)),
    );
    expect(await page.getByText("Kit for O'Brien & Söhne").count()).toBe(1);
    await chooser(page).setInputFiles(writePlaintext('x', 'x'));
    await takeDownloads(page, 4, () => downloadButton(page).click());
    expect(await page.locator('#send-words').innerText()).toContain('to acme@sftp.example.org:inbox');
    await close();
  });

  test.each(['.hidden', 'a\u200eb'])('it refuses what the receiver would: %j', async (name) => {
    const { page, close } = await openPage(browser, pageUrl);
    await chooser(page).setInputFiles({ name, mimeType: '', buffer: Buffer.from('x') });
    await downloadButton(page).click();
    await page.getByText('rename the file').waitFor();
    expect(await page.getByRole('heading', { name: 'Send everything' }).isVisible()).toBe(false);
    await close();
  });

  test('it is readable on a narrow screen', async () => {
    const { page, close } = await openPage(browser, pageUrl, { viewport: { width: 320, height: 600 } });
    const name = `${'long'.repeat(30)}.csv`;
    await chooser(page).setInputFiles(writePlaintext(name, 'x'));
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
    await close();
  });
});

/** The picker's dialog belongs to the browser and cannot be answered; the folder that it gives is real, the origin's private one. */
const CHOOSE_PRIVATE_FOLDER = 'window.showDirectoryPicker = () => navigator.storage.getDirectory();';

const LIST_FOLDER = `(async () => {
  const names = [];
  for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
  return names.sort();
})()`;

async function copyPrivateFolder(page: Page): Promise<string> {
  const folder = fixture.freshFolder('saved');
  for (const name of await page.evaluate<string[]>(LIST_FOLDER)) {
    const base64 = await page.evaluate<string>(`(async () => {
      const directory = await navigator.storage.getDirectory();
      const file = await (await directory.getFileHandle(${JSON.stringify(name)})).getFile();
      return new Uint8Array(await file.arrayBuffer()).toBase64();
    })()`);
    writeFileSync(join(folder, name), Buffer.from(base64, 'base64'));
  }
  return folder;
}

describe('into a folder', () => {
  async function openWithFolder() {
    const server = await servePage(readFileSync(fixture.path('kit', 'encrypt.html')));
    const opened = await openPage(browser, server.url);
    await opened.page.evaluate(CHOOSE_PRIVATE_FOLDER);
    const close = async () => {
      await opened.close();
      server.close();
    };
    return { ...opened, server, close };
  }

  test.each([0, SLICE, 2 * SLICE + 17])('%i bytes are written as they are made', async (size) => {
    const { page, complaints, close } = await openWithFolder();
    const plaintext = plaintextOf(size);
    await chooser(page).setInputFiles(writePlaintext('data.bin', plaintext));
    await folderButton(page).click();
    await page.getByText('Done: one file is encrypted.').waitFor();
    const folder = await copyPrivateFolder(page);
    expect(namesIn(folder)).toHaveLength(4);
    const opened = await openBothWays(fixture, folder);
    expect(opened).toMatchObject({ name: 'data.bin', size, verification: 'manifest-mac' });
    expect(opened.plaintext.equals(plaintext)).toBe(true);
    expect(opened.plaintextOfOpenssl.equals(plaintext)).toBe(true);
    expect(complaints).toEqual([]);
    await close();
  });

  test('what is there already is not replaced, and what was made before stays', async () => {
    const { page, close } = await openWithFolder();
    await chooser(page).setInputFiles(writePlaintext('one', '1'));
    await folderButton(page).click();
    await page.getByText('Done: one file is encrypted.').waitFor();
    await page.getByRole('button', { name: 'Start again' }).click();
    await chooser(page).setInputFiles([writePlaintext('zero', '0'), writePlaintext('one', 'other')]);
    await folderButton(page).click();
    await page.getByText('one: one.enc is in that folder already: choose another one').waitFor();
    expect(await status(page).textContent()).toContain('Before it, one file is encrypted.');
    const folder = await copyPrivateFolder(page);
    expect((await openBothWays(fixture, join(folder, 'one'))).plaintext.toString()).toBe('1');
    expect((await openBothWays(fixture, join(folder, 'zero'))).plaintext.toString()).toBe('0');
    await close();
  });

  test('stopped midway it leaves nothing', async () => {
    const { page, close } = await openWithFolder();
    const large = writePlaintext('large.bin', Buffer.alloc(256 * MEBIBYTE));
    await chooser(page).setInputFiles(large);
    await folderButton(page).click();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('large.bin: stopped; nothing of it was kept.').waitFor();
    expect(await page.evaluate(LIST_FOLDER)).toEqual([]);
    writePlaintext('large.bin', '');
    await close();
  });

  test('nothing but the page was asked of the server, and the page could not ask for more', async () => {
    const { page, server, close } = await openWithFolder();
    const outcome = await page.evaluate("fetch('/elsewhere').then(() => 'fetched', (error) => error.name)");
    expect(outcome).toBe('TypeError');
    expect(server.requests).toEqual(['/']);
    await close();
  });
});

describe('changed by someone', () => {
  async function openChanged(change: (html: string) => string) {
    const html = readFileSync(fixture.path('kit', 'encrypt.html'), 'utf8');
    const changed = change(html);
    expect(changed).not.toBe(html);
    const path = fixture.path('kit', 'changed.html');
    writeFileSync(path, changed);
    return loadPage(browser, pathToFileURL(path).href);
  }

  test('a page whose script is another does not run', async () => {
    const { page, complaints, close } = await openChanged((html) =>
      html.replace('const ITERATIONS = 10_000', 'const ITERATIONS = 1'),
    );
    await expect.poll(() => complaints.join()).toContain('Content Security Policy');
    expect(await downloadButton(page).isDisabled()).toBe(true);
    await close();
  });

  test('a page whose key is not the one of its fingerprint refuses to work', async () => {
    const other = new Fixture();
    const key = /"publicKey":"[^"]+"/;
    const otherKey = key.exec(readFileSync(other.path('kit', 'encrypt.html'), 'utf8'))?.[0] ?? '';
    other.remove();
    const { page, close } = await openChanged((html) => html.replace(key, otherKey));
    await page.getByText('This page is damaged: ask for the kit once more.').waitFor();
    await chooser(page).setInputFiles(writePlaintext('x', 'x'));
    expect(await downloadButton(page).isDisabled()).toBe(true);
    await close();
  });
});

test('without a folder to write into, it says its limit and keeps to it', async () => {
  const html = readFileSync(fixture.path('kit', 'encrypt.html'), 'utf8').replace(
    /"downloadLimit":\d+/,
    '"downloadLimit":1024',
  );
  writeFileSync(fixture.path('kit', 'limited.html'), html);
  const context = await browser.newContext();
  await context.addInitScript('delete window.showDirectoryPicker');
  const page = await context.newPage();
  await page.goto(pathToFileURL(fixture.path('kit', 'limited.html')).href);
  await expect.poll(() => page.locator('#limit').innerText()).toContain('1 KiB at a time');
  expect(await folderButton(page).isVisible()).toBe(false);
  await chooser(page).setInputFiles(writePlaintext('data.bin', Buffer.alloc(1025)));
  expect(await downloadButton(page).isDisabled()).toBe(true);
  expect(await page.locator('#limit').innerText()).toContain('That is too much for this browser');
  await context.close();
});
