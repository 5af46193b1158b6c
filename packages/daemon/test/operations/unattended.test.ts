import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openLedger } from '../../src/ledger/ledger.ts';
import type { Receipt } from '../../src/ledger/receipt.ts';
import { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';

let host: Host;

beforeEach(() => {
  host = new Host();
});

afterEach(() => host.close());

const FOREVER = { timeout: 30_000, interval: 50 };

function receipts(): readonly Receipt[] {
  const ledger = openLedger({ file: join(host.spool, 'ledger.db'), access: 'read-only' });
  try {
    return ledger.query().receipts;
  } finally {
    ledger.close();
  }
}

function sendBad(stem: string): void {
  upload(host, stem, seal(host, { plaintext: 'x', note: 'rot13\n' }));
}

test('the ledger has a receipt for what was delivered and for what was quarantined, with the key that a replay would repeat', async () => {
  const daemon = await host.start();
  upload(host, 'good', seal(host, { plaintext: 'good\n' }));
  sendBad('bad');
  await daemon.saying({ message: 'delivered' });
  await daemon.saying({ message: 'quarantined' });
  await daemon.stop();
  const byOutcome = Object.fromEntries(receipts().map((receipt) => [receipt.outcome, receipt]));
  expect(byOutcome['delivered']).toMatchObject({
    landing: 'acme',
    plaintextName: 'good',
    plaintextSize: 5,
    deliveryPath: join(host.delivery, 'good'),
    wrappedKeySha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(byOutcome['quarantined']).toMatchObject({ landing: 'acme', code: expect.any(String), deliveryPath: null });
});

test('a damaged ledger is set aside with one error, and envelopes are delivered', async () => {
  mkdirSync(host.spool, { mode: 0o700 });
  writeFileSync(join(host.spool, 'ledger.db'), 'this is no database, but long enough to look like one '.repeat(100));
  const daemon = await host.start();
  upload(host, 'good', seal(host, { plaintext: 'good\n' }));
  await daemon.saying({ message: 'damaged ledger set aside, a new one begun' });
  await daemon.stop();
  expect(daemon.said({ level: 'error' })).toHaveLength(1);
  expect(host.delivered()).toEqual(['good']);
  expect(receipts()).toHaveLength(1);
});

test('a command and a webhook hear of a delivery once', async () => {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      bodies.push(body);
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await vi.waitUntil(() => server.listening, FOREVER);
  const [secret, heard, program] = ['secret', 'heard', 'tell'].map((name) => join(host.folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(secret, 'sixteen characters and more\n');
  writeFileSync(program, `#!/bin/sh\ncat >> ${heard}\n`);
  chmodSync(program, 0o700);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  host.configure({
    settings: `hooks: [{name: tell, command: [${program}]}]\nwebhooks: [{name: web, url: '${url}', secretFile: ${secret}}]`,
  });
  const daemon = await host.start();
  upload(host, 'good', seal(host, { plaintext: 'good\n' }));
  await daemon.saying({ message: 'told' }, 2);
  await daemon.stop();
  server.close();
  const lines = readFileSync(heard, 'utf8').trim().split('\n');
  for (const told of [lines, bodies]) {
    expect(told.map((line) => JSON.parse(line))).toMatchObject([
      { event: 'delivered', landing: 'acme', plaintextSize: 5 },
    ]);
  }
});

test('who was told of a delivery is not told again when what follows fails', async () => {
  const told = join(host.folder, 'told');
  host.configure({ settings: `hooks: [{name: tell, command: [/bin/sh, -c, 'echo "$SEALDROP_ID" >> ${told}']}]` });
  const daemon = await host.start({ NODE_ENV: 'test', SEALDROP_FAULT: 'leave-delivered.rename:EIO' });
  upload(host, 'good', seal(host, { plaintext: 'good\n' }));
  await daemon.saying({ message: 'told' });
  await daemon.saying({ message: 'not recorded yet' });
  await expect.poll(() => host.inState('delivered')).toEqual([]);
  await daemon.stop();
  expect(readFileSync(told, 'utf8').trim().split('\n')).toHaveLength(1);
});

test('/metrics, /healthz and /readyz answer; a landing that is not there makes it not ready', async () => {
  host.configure({ settings: 'status: {port: 0}' });
  const daemon = await host.start();
  const address = String((await daemon.saying({ message: 'status page' }))['address']);
  upload(host, 'good', seal(host, { plaintext: 'good\n' }));
  await daemon.saying({ message: 'delivered' });
  const counted = 'sealdrop_envelopes_total{landing="acme",outcome="delivered",code="none"} 1';
  await expect.poll(async () => (await fetch(`${address}/metrics`)).text()).toContain(counted);
  expect((await fetch(`${address}/healthz`)).status).toBe(200);
  expect((await fetch(`${address}/readyz`)).status).toBe(200);
  rmSync(host.landing, { recursive: true });
  await expect.poll(async () => (await fetch(`${address}/readyz`)).status).toBe(503);
  expect((await fetch(`${address}/healthz`)).status).toBe(200);
});

test('below minimumFreeSpace nothing is claimed; with it lowered claiming goes on', async () => {
  host.configure({ settings: 'minimumFreeSpace: 4000000GiB' });
  const daemon = await host.start();
  expect(daemon.said({ message: 'too little free space; nothing new is claimed' }).length).toBeGreaterThan(0);
  upload(host, 'good', seal(host, { plaintext: 'good\n' }));
  host.configure({});
  expect(daemon.said({ message: 'claimed' })).toEqual([]);
  daemon.signal('SIGHUP');
  await daemon.saying({ message: 'delivered' });
});

test('archive and quarantine are emptied of what is older than keepFor', async () => {
  const settings = 'scanInterval: 300ms\narchive: {keepFor: 1h}\nquarantine: {keepFor: 1h}';
  host.configure({ settings });
  const daemon = await host.start();
  upload(host, 'good', seal(host, { plaintext: 'good\n' }));
  sendBad('bad');
  await vi.waitUntil(() => host.inState('archive').length === 1, FOREVER);
  const told = (id: string): boolean => existsSync(join(host.spool, 'quarantine', id, 'told.json'));
  await vi.waitUntil(() => host.inState('quarantine').some(told), FOREVER);
  const longAgo = new Date(Date.now() - 7_200_000);
  for (const state of ['archive', 'quarantine'] as const) {
    for (const id of readdirSync(join(host.spool, state))) utimesSync(join(host.spool, state, id), longAgo, longAgo);
  }
  await daemon.saying({ message: 'purged' });
  await vi.waitUntil(() => host.inState('archive').length + host.inState('quarantine').length === 0, FOREVER);
  await daemon.stop();
  expect(
    receipts()
      .map(({ outcome }) => outcome)
      .sort(),
  ).toEqual(['delivered', 'discarded']);
});

test('what a crash kept from being recorded is recorded and told at the next start, and the ledger counts it once however often', async () => {
  const [heard, program] = [join(host.folder, 'heard'), join(host.folder, 'tell')];
  writeFileSync(program, `#!/bin/sh\ncat >> ${heard}\n`);
  chmodSync(program, 0o700);
  host.configure({ settings: 'archive: keep' });
  const first = await host.start();
  upload(host, 'good', seal(host, { plaintext: 'good\n' }));
  await vi.waitUntil(() => existsSync(join(host.spool, 'archive')) && host.inState('archive').length === 1, FOREVER);
  await first.stop();
  const [id = ''] = host.inState('archive');
  for (const name of readdirSync(host.spool).filter((entry) => entry.startsWith('ledger.db'))) {
    rmSync(join(host.spool, name));
  }
  host.configure({ settings: `archive: keep\nhooks: [{name: tell, command: [${program}]}]` });
  for (const round of [1, 2]) {
    renameSync(join(host.spool, 'archive', id), join(host.spool, 'delivered', id));
    const next = await host.start();
    await next.saying({ message: 'told', event: `${id}-delivered` });
    await next.stop();
    expect(receipts()).toMatchObject([{ id, outcome: 'delivered', plaintextName: 'good' }]);
    expect(readFileSync(heard, 'utf8').trim().split('\n')).toHaveLength(round);
    expect(host.inState('archive')).toEqual([id]);
  }
  expect(host.delivered()).toEqual(['good']);
});
