/** A real Chromium, and a page of it that reports what must not happen. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';

// As root there is no sandbox; nothing is looked up in a network that the machine may not have.
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
}

/** With its storage in a folder rather than in memory, as a person's browser has it. */
export function launchWithProfile(folder: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(folder, { executablePath: '/usr/bin/chromium', args: FLAGS });
}

interface ProcessInfo {
  readonly processInfo: readonly { readonly id: number }[];
}

/** Bytes: the most that each of the browser's processes has held in memory until now, in all (VmHWM of proc_pid_status(5)). */
export async function peakMemory(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = (await session.send('SystemInfo.getProcessInfo')) as ProcessInfo;
  await session.detach();
  const kibibytes = processInfo.map(
    ({ id }) => /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1],
  );
  return 1024 * kibibytes.reduce((sum, each) => sum + Number(each ?? 0), 0);
}

export interface WatchedPage {
  readonly page: Page;
  /** Errors, warnings (CSP violations are among them) and requests other than for the page itself. */
  readonly complaints: string[];
  readonly close: () => Promise<void>;
}

/** Opens the page and waits until it has begun to work, or has said why it cannot. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const opened = await loadPage(browser, url, options);
  // Chromium calls it loaded while it still checks its key.
  await opened.page.locator('#limit:not(:empty), #status:not(:empty)').first().waitFor({ state: 'attached' });
  return opened;
}

/** Opens the page, whether its script runs or not. */
export async function loadPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => complaints.push(`console: ${message.text()}`));
  page.on('request', (request) => {
    if (request.url() !== url && !request.url().startsWith('blob:')) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}

export interface PageServer {
  readonly url: string;
  /** Paths that were asked for. */
  readonly requests: string[];
  readonly close: () => void;
}

/** The page on a loopback port, as from a web server. */
export async function servePage(html: Buffer): Promise<PageServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    requests,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
