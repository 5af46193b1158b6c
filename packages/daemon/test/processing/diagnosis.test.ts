/** Why an envelope did not open, in its report; and what is put right where the landing allows it. */
import { execSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startKmsEmulator } from '@sealdrop/kms-emulator';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DaemonProcess, sealdropd } from '../daemon-process.ts';
import { Host, type Report } from '../host.ts';
import { sealWithManifest } from '../sealed.ts';
import { flatPath, openssl, seal, type SealOptions, sealWithForeignKey, upload } from '../sender.ts';

const PLAINTEXT = 'Every kind of file begins with something of its own.\n'.repeat(50);
/** What the sender did, and what the note says instead. */
const OLD_OPENSSL = { flags: ['-aes-256-cbc', '-md', 'md5'], note: '-aes-256-cbc -pbkdf2\n' };

let host: Host;

beforeEach(() => {
  host = new Host();
});

afterEach(() => host.close());

function send(stem: string, options: Omit<SealOptions, 'plaintext'> = {}): void {
  upload(host, stem, seal(host, { plaintext: PLAINTEXT, ...options }));
}

async function reportOn(daemon: DaemonProcess, count = 1): Promise<Report> {
  const { envelope } = await daemon.saying({ message: 'quarantined' }, count);
  return host.report(String(envelope));
}

/** For the sender's eyes: nothing of ours, and nothing that opens anything. */
function expectFitForSender({ diagnosis }: Report): void {
  expect(diagnosis.senderMessage).toMatch(/^(We could not|The file)[\s\S]+\n$/);
  expect(diagnosis.senderMessage).not.toMatch(new RegExp(`${host.folder}|private\\.pem|${host.spool}`));
}

function historyOf(id: string): { readonly repairs: readonly string[] } {
  const { stdout } = sealdropd('history', '--json', '--config', host.configFile);
  const receipts = JSON.parse(stdout) as readonly { readonly id: string; readonly repairs: readonly string[] }[];
  const found = receipts.find((receipt) => receipt.id === id);
  if (found === undefined) throw new Error(`no receipt of ${id}`);
  return found;
}

test('the report says what the sender did, and its commands open the envelope where it lies now', async () => {
  send('old.csv', OLD_OPENSSL);
  const report = await reportOn(await host.start());
  expect(report).toMatchObject({
    version: 1,
    code: 'bad-decrypt',
    diagnosis: { outcome: 'opens-with-repair', verdict: 'certain', sentence: expect.stringContaining('-md md5') },
  });
  expect(report.diagnosis.falseAlarmLog2).toBeLessThan(-40);
  expectFitForSender(report);
  expect(report.diagnosis.senderMessage).toContain('old.csv.enc');
  execSync(report.diagnosis.commands?.openssl ?? 'false', { cwd: host.folder, stdio: 'pipe' });
  expect(readFileSync(join(host.folder, 'old.csv'), 'utf8')).toBe(PLAINTEXT);
});

test('quarantine show prints the diagnosis, the commands and the message', async () => {
  send('old.csv', OLD_OPENSSL);
  const { id, diagnosis } = await reportOn(await host.start());
  const { stdout } = sealdropd('quarantine', 'show', id, '--config', host.configFile);
  expect(stdout).toContain(`\ndiagnosis   ${diagnosis.sentence} (certain)\nodds        of a false alarm: at most 2^-`);
  expect(stdout).toContain(
    `\nsealdrop    sealdrop decrypt --payload ${host.spool}/quarantine/${id}/members/old.csv.enc `,
  );
  expect(stdout).toContain('\n\nTo the sender:\n\n  The file old.csv.enc, which you sent us, did not open');
});

test.each([
  ['a note that nobody understands', 'bad-note', (): void => send('x', { note: 'ask Bob\n' })],
  [
    'a payload that was cut',
    'truncated-payload',
    (): void => {
      const triple = seal(host, { plaintext: PLAINTEXT });
      truncateSync(triple.payload, 1001);
      upload(host, 'x', triple);
    },
  ],
  [
    'a key for somebody else',
    'unwrap-failed',
    (): void => {
      const other = join(host.folder, 'other.pem');
      openssl('genrsa', '-out', other, '2048');
      openssl('pkey', '-in', other, '-pubout', '-out', `${other}.pub`);
      send('x', { publicKey: `${other}.pub` });
    },
  ],
  ['another key file', 'bad-decrypt', (): void => sendWithForeignKey('x')],
  [
    'a name that cannot be used',
    'bad-name',
    (): void => upload(host, 'evil\u202ename', seal(host, { plaintext: PLAINTEXT })),
  ],
])('%s has a diagnosis and a message for the sender', async (_, code, sendIt) => {
  sendIt();
  const report = await reportOn(await host.start());
  expect(report).toMatchObject({ code, diagnosis: { sentence: expect.stringMatching(/\.$/) } });
  expectFitForSender(report);
});

function sendWithForeignKey(stem: string): void {
  upload(host, stem, sealWithForeignKey(host, PLAINTEXT));
}

test('while one is looked into, others are delivered; and SIGTERM does not wait for it', async () => {
  const kms = await startKmsEmulator();
  try {
    const key = kms.createKey({ alias: 'inbound' });
    host.configure({ keys: ['aws-kms:alias/inbound'], settings: 'concurrency: 1\naws: {timeout: 20s}' });
    writeFileSync(host.publicKey, key.publicKey.export({ format: 'pem', type: 'spki' }));
    const daemon = await host.start(kms.environment);
    // The diagnosis asks again with the key; the second time nobody answers.
    kms.inject({ operation: 'Decrypt', delay: 1, times: 1 });
    kms.inject({ operation: 'Decrypt', connection: 'hang', times: 1 });
    send('bad.csv', { ...OLD_OPENSSL });
    await expect.poll(() => kms.requests.filter(({ operation }) => operation === 'Decrypt').length).toBe(2);
    send('good.csv');
    await daemon.saying({ message: 'delivered', file: join(host.delivery, 'good.csv') });
    expect(host.inState('quarantine')).toEqual([]);
    expect(await daemon.stop()).toBe(0);
    expect(host.inState('claimed')).toHaveLength(1);
    const report = await reportOn(await host.start(kms.environment));
    expect(report.diagnosis.verdict).toBe('certain');
  } finally {
    await kms.close();
  }
});

test('with repair: certain it is delivered, and log, receipt and events say what was put right', async () => {
  const events = join(host.folder, 'events');
  host.configure({
    landing: 'repair: certain',
    settings: `hooks: [{name: note, on: [delivered], command: [/bin/sh, -c, 'cat >> ${events}']}]`,
  });
  send('old.csv', OLD_OPENSSL);
  const daemon = await host.start();
  const { envelope, repairs } = await daemon.saying({ message: 'delivered' });
  expect(host.plaintext('old.csv')).toBe(PLAINTEXT);
  expect(repairs).toEqual([expect.stringContaining('-md md5')]);
  await expect.poll(() => historyOf(String(envelope)).repairs).toEqual(repairs);
  await daemon.saying({ message: 'told' });
  expect(JSON.parse(readFileSync(events, 'utf8'))).toMatchObject({ event: 'delivered', repairs });
});

test.each([
  [
    'a payload that was changed',
    (manifest: string): string => manifest.replace(/"value": "./, '"value": "g'),
    'bad-manifest',
  ],
  [
    'a MAC that does not fit',
    (manifest: string): string =>
      manifest.replace(/"value": "(.)/, (_found, digit) => `"value": "${digit === '0' ? 1 : 0}`),
    'payload-changed',
  ],
])('with repair: certain %s is quarantined all the same', async (_, change, code) => {
  host.configure({ landing: 'repair: certain' });
  const sealed = await sealWithManifest(host, 'mac.csv', PLAINTEXT);
  writeFileSync(sealed.manifest, change(readFileSync(sealed.manifest, 'utf8')));
  upload(host, 'mac.csv', sealed);
  writeFileSync(join(host.landing, 'mac.csv.manifest.json'), readFileSync(sealed.manifest));
  expect(await reportOn(await host.start())).toMatchObject({ code });
  expect(host.delivered()).toEqual([]);
});

test('plaintext like noise is implausible-plaintext, unless the landing allows noise', async () => {
  const noise = randomBytes(100_015);
  const triple = seal(host, { plaintext: noise });
  upload(host, 'noise', triple);
  const daemon = await host.start();
  const report = await reportOn(daemon);
  expect(report).toMatchObject({ code: 'implausible-plaintext', diagnosis: { verdict: 'ambiguous' } });
  expectFitForSender(report);
  expect(host.delivered()).toEqual([]);
  await daemon.stop();
  host.configure({ landing: 'noise: allow' });
  const allowing = await host.start();
  upload(host, 'again', triple);
  await allowing.saying({ message: 'delivered' });
  expect(readFileSync(join(host.delivery, 'again')).equals(noise)).toBe(true);
  expect(flatPath(host, 'again', 'payload')).toContain('again.enc');
});
