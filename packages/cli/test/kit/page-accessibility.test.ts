/** encrypt.html by the rules of axe-core (WCAG 2.2 A and AA, and its best practices), in each state in which a person meets it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium, openPage } from './chromium.ts';
import { Fixture } from './kit-fixture.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let fixture: Fixture;
let browser: Browser;
beforeAll(async () => {
  fixture = new Fixture();
  browser = await launchChromium();
});
afterAll(async () => {
  await browser.close();
  fixture.remove();
});

/** Rules that are broken, with the elements that break them. */
async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  return page.evaluate<readonly string[]>(
    `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html)))`,
  );
}

const choose = (page: Page, ...names: readonly string[]) => {
  for (const name of names) writeFileSync(fixture.path(name), 'a,b\n');
  return page.getByLabel('Choose files or drop them').setInputFiles(names.map((name) => fixture.path(name)));
};

const encrypt = (page: Page) => page.getByRole('button', { name: 'Encrypt and download' }).click();

const STATES: readonly (readonly [string, (page: Page) => Promise<unknown>])[] = [
  ['as it opens', async () => {}],
  ['with files chosen', (page) => choose(page, 'one.csv', 'two.csv')],
  [
    'with its results',
    async (page) => {
      await choose(page, 'one.csv');
      await encrypt(page);
      await page.getByText('Done: one file is encrypted.').waitFor();
    },
  ],
  [
    'with a failure',
    async (page) => {
      await choose(page, '.hidden');
      await encrypt(page);
      await page.getByText('.hidden: a name that begins with a dot').waitFor();
    },
  ],
];

const LOOKS: readonly (readonly [string, BrowserContextOptions])[] = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['narrow', { viewport: { width: 320, height: 640 } }],
];

test.each(LOOKS.flatMap(([look, options]) => STATES.map(([state, bring]) => ({ look, options, state, bring }))))(
  '$look, $state',
  async ({ options, bring }) => {
    const { page, close } = await openPage(browser, pathToFileURL(fixture.path('kit', 'encrypt.html')).href, options);
    await bring(page);
    expect(await violations(page)).toEqual([]);
    await close();
  },
);

test('axe would see a button without a name', async () => {
  const { page, close } = await openPage(browser, pathToFileURL(fixture.path('kit', 'encrypt.html')).href);
  await page.evaluate("document.getElementById('to-downloads').textContent = ''");
  expect((await violations(page)).join()).toContain('button-name');
  await close();
});
