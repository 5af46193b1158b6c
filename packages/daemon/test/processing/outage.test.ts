import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KmsEmulator, startKmsEmulator } from '@sealdrop/kms-emulator';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DaemonProcess, sealdropdInBackground } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';

/** ms; the longer version takes as long as a KMS may before it counts as out of reach. */
const SLOW = process.env['SEALDROP_TEST_OUTAGES'] === 'full' ? 20_000 : 2000;
/** What KMS keeps, through all outages. */
const KMS_KEY = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'pem', type: 'pkcs8' });

/** The second landing, whose sender has the public half of a key in a file. */
let local: { readonly landing: string; readonly delivery: string };
let kms: KmsEmulator;
let host: Host;
/** Of the KMS key; `host.publicKey` belongs to the file. */
let kmsPublicKey: string;

beforeEach(async () => {
  kms = await startKms();
  host = new Host();
  local = { landing: join(host.folder, 'local-in'), delivery: join(host.folder, 'local-out') };
  mkdirSync(local.landing);
  mkdirSync(local.delivery);
  kmsPublicKey = join(host.folder, 'kms-public.pem');
  writeFileSync(kmsPublicKey, createPublicKey(KMS_KEY).export({ format: 'pem', type: 'spki' }));
  configure('status: {port: 0}');
});

afterEach(async () => {
  await host.close();
  await kms.close();
});

async function startKms(port = 0): Promise<KmsEmulator> {
  const emulator = await startKmsEmulator({ port });
  emulator.createKey({ alias: 'inbound', privateKey: String(KMS_KEY) });
  return emulator;
}

/** Two landings; the KMS key stands first. */
function configure(settings: string): void {
  host.configure({ keys: ['aws-kms:alias/inbound', `file:${host.privateKey}`], settings });
  const second = `  - {name: local, directory: ${local.landing}, delivery: ${local.delivery}, settle: 150ms}\n`;
  writeFileSync(host.configFile, readFileSync(host.configFile, 'utf8').replace('log:', `${second}log:`));
}

function sendForKms(name: string): void {
  upload(host, name, seal(host, { plaintext: `${name}\n`, publicKey: kmsPublicKey }));
}

function sendForFile(name: string): void {
  upload(local, name, seal(host, { plaintext: `${name}\n` }));
}

async function expectDelivered(daemon: DaemonProcess, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await daemon.saying({ message: 'delivered', landing: 'acme', file: join(host.delivery, name) });
    expect(host.plaintext(name)).toBe(`${name}\n`);
  }
  expect(host.inState('quarantine')).toEqual([]);
}

interface Readiness {
  readonly ready: boolean;
  readonly conditions: readonly { readonly name: string; readonly [field: string]: unknown }[];
}

async function conditionOfKey(daemon: DaemonProcess): Promise<{ status: number; condition: object | undefined }> {
  const { address } = await daemon.saying({ message: 'status page' });
  const response = await fetch(`${String(address)}/readyz`);
  const { conditions } = (await response.json()) as Readiness;
  return { status: response.status, condition: conditions.find(({ name }) => name === 'key:aws-kms:alias/inbound') };
}

async function statusOf(...words: readonly string[]): Promise<string> {
  return (await sealdropdInBackground(['status', '--config', host.configFile, ...words], {})).stdout;
}

test('a KMS that refuses every connection holds up its own envelopes only, and they are delivered once it is back', async () => {
  const daemon = await host.start(kms.environment);
  const port = Number(new URL(kms.endpoint).port);
  await kms.close();
  sendForKms('by-kms');
  await daemon.saying({ message: 'claimed', landing: 'acme' });
  sendForFile('by-file');
  await daemon.saying({ message: 'delivered', landing: 'local' });
  const line = await daemon.saying({ message: 'not yet', landing: 'acme' });
  expect(line).toMatchObject({ level: 'warn', code: 'kms-unreachable', hint: expect.any(String) });
  expect(await conditionOfKey(daemon)).toMatchObject({
    status: 200,
    condition: { state: 'waiting', code: 'kms-unreachable', hint: expect.any(String) },
  });
  kms = await startKms(port);
  await expectDelivered(daemon, 'by-kms');
  expect(daemon.said({ message: 'not yet', landing: 'local' })).toEqual([]);
  expect(await conditionOfKey(daemon)).toMatchObject({ status: 200, condition: { state: 'ok' } });
});

test('a landing that fills every place with envelopes that wait for a silent KMS leaves room for another', async () => {
  configure('status: {port: 0}\nconcurrency: 2\naws: {timeout: 10m}\nshutdownTimeout: 0s');
  const daemon = await host.start(kms.environment);
  kms.inject({ operation: 'Decrypt', connection: 'hang' });
  for (const name of ['one', 'two', 'three']) sendForKms(name);
  await expect.poll(() => kms.requests.length).toBe(2);
  sendForFile('by-file');
  await daemon.saying({ message: 'delivered', landing: 'local' });
  expect(daemon.said({ message: 'not yet' })).toEqual([]);
  expect(kms.requests).toHaveLength(2);
  kms.clearFaults();
  expect(await daemon.stop()).toBe(0);
  expect(daemon.said({ message: 'stopped in the midst of work that hangs' })).toEqual([]);
  await expectDelivered(await host.start(kms.environment), 'one', 'two', 'three');
});

test('a slow KMS is waited for', async () => {
  const daemon = await host.start(kms.environment);
  kms.inject({ operation: 'Decrypt', delay: SLOW, times: 1 });
  sendForKms('patient');
  await expectDelivered(daemon, 'patient');
  expect(daemon.said({ message: 'not yet' })).toEqual([]);
});

test('access that is revoked is told once with its cure, by log, /readyz and status; restored, all goes on', async () => {
  const daemon = await host.start(kms.environment);
  kms.inject({ operation: 'Decrypt', error: { type: 'AccessDeniedException' } });
  for (const name of ['one', 'two']) sendForKms(name);
  await daemon.saying({ message: 'claimed' }, 2);
  const line = await daemon.saying({ message: 'not yet' });
  expect(line).toMatchObject({ level: 'error', code: 'access-denied', landing: 'acme' });
  expect(line['hint']).toContain('kms:Decrypt');
  expect(await conditionOfKey(daemon)).toMatchObject({
    status: 503,
    condition: { state: 'failed', code: 'access-denied', hint: line['hint'] },
  });
  expect(JSON.parse(await statusOf('--json'))).toMatchObject({
    landings: [
      { name: 'acme', waiting: { envelopes: 2 }, lastFailure: { code: 'access-denied', time: expect.any(String) } },
      { name: 'local', waiting: { envelopes: 0 }, lastFailure: null },
    ],
  });
  expect(await statusOf()).toMatch(/^landing {2}acme: waiting 2 .*, held up at .* by access-denied \(AWS KMS denies/m);
  await daemon.saying({ message: 'not yet' }, 2);
  kms.clearFaults();
  await expectDelivered(daemon, 'one', 'two');
  expect(daemon.said({ level: 'error' })).toHaveLength(1);
  expect(await conditionOfKey(daemon)).toMatchObject({ status: 200, condition: { state: 'ok' } });
  expect(JSON.parse(await statusOf('--json'))).toMatchObject({
    landings: [{ lastFailure: null }, { lastFailure: null }],
  });
});

test('a wrong region is named as what it may be, and a reload with the right one goes on without a wait', async () => {
  configure('status: {port: 0}\naws: {region: eu-north-1}');
  const daemon = await host.start(kms.environment);
  sendForKms('patient');
  const line = await daemon.saying({ message: 'not yet' });
  expect(line['level']).toBe('error');
  expect(line['hint']).toContain('region');
  configure('status: {port: 0}');
  daemon.signal('SIGHUP');
  await expectDelivered(daemon, 'patient');
});
