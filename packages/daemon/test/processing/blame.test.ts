import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EmulatedKey, type KmsEmulator, startKmsEmulator } from '@sealdrop/kms-emulator';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DaemonProcess } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';

let kms: KmsEmulator;
let key: EmulatedKey;
let host: Host;
let daemon: DaemonProcess;

beforeEach(async () => {
  kms = await startKmsEmulator();
  key = kms.createKey({ alias: 'inbound' });
  host = new Host({ keys: ['aws-kms:alias/inbound'] });
  writeFileSync(host.publicKey, key.publicKey.export({ format: 'pem', type: 'spki' }));
  daemon = await host.start(kms.environment);
});

afterEach(async () => {
  await host.close();
  await kms.close();
});

async function delivered(name: string): Promise<string> {
  await daemon.saying({ message: 'delivered', file: join(host.delivery, name) });
  return host.plaintext(name);
}

function send(name: string): void {
  upload(host, name, seal(host, { plaintext: `${name}\n` }));
}

test('an envelope for a KMS key is delivered', async () => {
  send('by-kms');
  expect(await delivered('by-kms')).toBe('by-kms\n');
  expect(host.inState('quarantine')).toEqual([]);
});

test('while the key is disabled envelopes wait, and the log complains once; then they are delivered by themselves', async () => {
  kms.setKeyState(key.keyId, 'Disabled');
  send('one');
  send('two');
  const { level, hint } = await daemon.saying({ message: 'not yet', code: 'key-disabled' });
  expect(level).toBe('error');
  expect(hint).toEqual(expect.any(String));
  await daemon.saying({ message: 'not yet', code: 'key-disabled' }, 2);
  kms.setKeyState(key.keyId, 'Enabled');
  expect(await delivered('one')).toBe('one\n');
  expect(await delivered('two')).toBe('two\n');
  expect(host.inState('quarantine')).toEqual([]);
  await daemon.saying({ message: 'resumed', landing: 'acme' });
  expect(daemon.said({ message: 'not yet', level: 'error' })).toHaveLength(1);
});

test('while KMS throttles envelopes wait, and are delivered afterwards', async () => {
  kms.inject({ operation: 'Decrypt', error: { type: 'ThrottlingException' } });
  send('throttled');
  const { level } = await daemon.saying({ message: 'not yet', code: 'kms-throttled' });
  expect(level).toBe('warn');
  expect(host.inState('claimed')).toHaveLength(1);
  kms.clearFaults();
  expect(await delivered('throttled')).toBe('throttled\n');
  expect(host.inState('quarantine')).toEqual([]);
});

test('while access is denied envelopes wait, and are delivered afterwards', async () => {
  kms.inject({ operation: 'Decrypt', error: { type: 'AccessDeniedException' } });
  send('denied');
  await daemon.saying({ message: 'not yet', code: 'access-denied' });
  kms.clearFaults();
  expect(await delivered('denied')).toBe('denied\n');
  expect(host.inState('quarantine')).toEqual([]);
});

test.each([
  ['credentials that have expired', 'ExpiredTokenException', 'expired-credentials'],
  ['a failure within KMS', 'KMSInternalException', 'kms-unavailable'],
] as const)('with %s envelopes wait, and are delivered afterwards', async (_, type, code) => {
  kms.inject({ operation: 'Decrypt', error: { type } });
  send('patient');
  await daemon.saying({ message: 'not yet', code });
  kms.clearFaults();
  expect(await delivered('patient')).toBe('patient\n');
  expect(host.inState('quarantine')).toEqual([]);
});

test('while KMS cuts every connection envelopes wait, and are delivered once it answers', async () => {
  kms.inject({ connection: 'reset' });
  send('cut');
  const { level } = await daemon.saying({ message: 'not yet' });
  expect(level).toBe('warn');
  kms.clearFaults();
  expect(await delivered('cut')).toBe('cut\n');
  expect(host.inState('quarantine')).toEqual([]);
});

test('a KMS that never answers is given up after the time limit, and asked again', async () => {
  await daemon.stop();
  host.configure({ keys: ['aws-kms:alias/inbound'], settings: 'aws: {timeout: 1s}' });
  daemon = await host.start(kms.environment);
  kms.inject({ operation: 'Decrypt', connection: 'hang' });
  send('silent');
  await daemon.saying({ message: 'not yet' });
  kms.clearFaults();
  expect(await delivered('silent')).toBe('silent\n');
  expect(host.inState('quarantine')).toEqual([]);
});
