/** encrypt.html holds no more of a large file in memory than of a small one, where it can save as it goes. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchWithProfile, peakMemory, servePage } from './chromium.ts';
import { Fixture } from './kit-fixture.ts';

const MEBIBYTE = 1024 * 1024;
/** Enough for all that grows at first to have grown. */
const SMALL = 64 * MEBIBYTE;
/** Half of the difference is twice what the renderer holds that Chromium keeps in reserve, and may start in between. */
const LARGE = Number(process.env['SEALDROP_TEST_LARGE_PAGE'] ?? '448') * MEBIBYTE;
const TIMEOUT = 600_000;

let fixture: Fixture;
beforeAll(() => {
  fixture = new Fixture();
});
afterAll(() => fixture.remove());

const FOLDER = 'navigator.storage.getDirectory()';
const SIZES = `(async () => {
  const sizes = {};
  for await (const [name, handle] of (await ${FOLDER}).entries()) sizes[name] = (await handle.getFile()).size;
  return sizes;
})()`;

function sparseFile(name: string, size: number): string {
  writeFileSync(fixture.path(name), '');
  truncateSync(fixture.path(name), size);
  return fixture.path(name);
}

test('memory is flat in the size of the file', { timeout: TIMEOUT }, async () => {
  const server = await servePage(readFileSync(fixture.path('kit', 'encrypt.html')));
  const context = await launchWithProfile(fixture.path('profile'));
  try {
    const browser = context.browser();
    if (browser === null) throw new Error('no browser to ask');
    // There is nobody to choose a folder of the disk.
    await context.addInitScript(`window.showDirectoryPicker = () => ${FOLDER};`);
    const page = await context.newPage();
    await page.goto(server.url);
    const encrypt = async (path: string): Promise<number> => {
      await page.getByLabel('Choose files or drop them').setInputFiles(path);
      await page.getByRole('button', { name: 'Encrypt into a folder' }).click();
      await page.getByText('Done: one file is encrypted.').waitFor({ timeout: TIMEOUT });
      await page.getByRole('button', { name: 'Start again' }).click();
      return peakMemory(browser);
    };
    const before = await encrypt(sparseFile('small', SMALL));
    const after = await encrypt(sparseFile('large', LARGE));
    const header = 16;
    const padding = 16;
    expect(await page.evaluate(SIZES)).toMatchObject({ 'large.enc': header + LARGE + padding });
    expect(after - before).toBeLessThan((LARGE - SMALL) / 2);
  } finally {
    await context.close();
    server.close();
  }
});
