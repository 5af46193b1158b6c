/** What it costs when one sender's envelopes fail by the hundred. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KmsEmulator, startKmsEmulator } from '@sealdrop/kms-emulator';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ALLOWANCE } from '../../src/processing/allowance.ts';
import { sealdropd } from '../daemon-process.ts';
import { Host, type Report } from '../host.ts';
import { seal, upload } from '../sender.ts';

const PLAINTEXT = 'Every kind of file begins with something of its own.\n'.repeat(20);
const KEYS = 5;
/** Both hashes of the article, as the note says neither; AWS KMS knows no other, so that a diagnosis has nothing more to ask. */
const REQUESTS = 2 * KEYS;

let host: Host;
let kms: KmsEmulator;

beforeEach(async () => {
  host = new Host();
  kms = await startKmsEmulator();
});

afterEach(async () => {
  await host.close();
  await kms.close();
});

function notLookedInto(): readonly Report[] {
  const reports = host.inState('quarantine').map((id) => host.report(id));
  return reports.filter(({ diagnosis }) => diagnosis.verdict === 'none');
}

test('each takes a bounded number of requests, and beyond a number of them the report says how to look into it by hand', async () => {
  const keys = Array.from({ length: KEYS }, () => `aws-kms:${kms.createKey().keyId}`);
  host.configure({ keys });
  const triple = seal(host, { plaintext: PLAINTEXT, flags: ['-aes-256-cbc', '-md', 'sha256'] });
  const flood = ALLOWANCE + 20;
  for (let index = 0; index < flood; index += 1) {
    writeFileSync(triple.wrappedKey, randomBytes(256));
    upload(host, `bad-${index}`, triple);
  }
  const daemon = await host.start(kms.environment);
  await daemon.saying({ message: 'quarantined' }, flood);
  const closed = notLookedInto();
  // Not exactly: the allowance grows meanwhile.
  expect(closed.length).toBeGreaterThan(0);
  const asked = Object.groupBy(kms.requests, ({ operation }) => operation);
  expect(asked['GetPublicKey']).toHaveLength(KEYS);
  expect(asked['Decrypt']).toHaveLength(flood * REQUESTS);
  const [report] = closed;
  const payload = join(
    host.spool,
    'quarantine',
    report?.id ?? '',
    'members',
    report?.members.find(({ name }) => /^bad-\d+\.enc$/.test(name))?.name ?? '',
  );
  const keyWords = keys.map((key) => `--key ${key}`).join(' ');
  expect(report?.diagnosis.sentence).toMatch(/ failed in a short time\. By hand: sealdrop diagnose /);
  expect(report?.diagnosis.sentence.split(': ').at(-1)).toBe(`sealdrop diagnose ${payload} ${keyWords}`);
  expect(report?.diagnosis.senderMessage).not.toContain(host.folder);
});

test('one that an operator sends back is looked into all the same, and what is repaired does not count', async () => {
  host.configure({ landing: 'repair: certain' });
  const bad = seal(host, { plaintext: PLAINTEXT });
  const mistaken = seal(host, {
    plaintext: PLAINTEXT,
    flags: ['-aes-256-cbc', '-md', 'md5'],
    note: '-aes-256-cbc -md sha256\n',
  });
  for (let index = 0; index < ALLOWANCE; index += 1) upload(host, `mistaken-${index}`, mistaken);
  const daemon = await host.start();
  await daemon.saying({ message: 'delivered' }, ALLOWANCE);
  writeFileSync(bad.wrappedKey, randomBytes(256));
  const flood = ALLOWANCE + 20;
  for (let index = 0; index < flood; index += 1) upload(host, `bad-${index}`, bad);
  await daemon.saying({ message: 'quarantined' }, flood);
  const closed = notLookedInto();
  expect(closed.length).toBeGreaterThan(0);
  expect(flood - closed.length).toBeGreaterThanOrEqual(ALLOWANCE);
  const [{ id } = { id: '' }] = closed;
  sealdropd('quarantine', 'retry', id, '--config', host.configFile);
  await daemon.saying({ message: 'quarantined' }, flood + 1);
  expect(host.report(id).diagnosis.sentence).toContain('opens with none of the keys and OAEP hashes');
});
