import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DaemonProcess, sealdropd } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { flatPath, seal, upload } from '../sender.ts';

/** What the sender did, and what the note says instead. */
const TRUE_FLAGS = ['-aes-256-cbc', '-pbkdf2', '-iter', '777'];
const WRONG_NOTE = '-aes-256-cbc -pbkdf2\n';
const WRONG_FLAGS = '-aes-128-cbc -pbkdf2';
const OTHER_USER = 65_534;

let host: Host;

beforeEach(() => {
  host = new Host();
});

afterEach(() => host.close());

const quarantine = (...words: readonly string[]) => sealdropd('quarantine', ...words, '--config', host.configFile);

/** An envelope in quarantine, as the daemon put it there. */
async function quarantined(daemon: DaemonProcess, stem = 'report.csv'): Promise<string> {
  const options = { flags: TRUE_FLAGS, note: WRONG_NOTE, foreignTo: WRONG_FLAGS };
  upload(host, stem, seal(host, { plaintext: 'amount\n', ...options }));
  const { envelope } = await daemon.saying(
    { message: 'quarantined' },
    daemon.said({ message: 'quarantined' }).length + 1,
  );
  return String(envelope);
}

function history(): readonly { readonly id: string; readonly outcome: string; readonly attempts: number }[] {
  return JSON.parse(sealdropd('history', '--json', '--config', host.configFile).stdout);
}

test('retry beside a running daemon delivers what the right parameters open, and keeps the earlier report', async () => {
  const daemon = await host.start();
  const id = await quarantined(daemon);
  const { status, stdout, stderr } = quarantine('retry', id, '--parameters', TRUE_FLAGS.join(' '));
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `sent back ${id}\n`, stderr: '' });
  await daemon.saying({ message: 'delivered', envelope: id });
  expect(host.plaintext('report.csv')).toBe('amount\n');
  await daemon.stop();
  expect(host.inState('quarantine')).toEqual([]);
  expect(host.inState('claimed')).toEqual([]);
  expect(history()).toMatchObject([{ id, outcome: 'delivered' }]);
  expect(daemon.said({ message: 'delivered' })).toHaveLength(1);
});

test('without a daemon, retry leaves the envelope for the next one', async () => {
  const first = await host.start();
  const id = await quarantined(first);
  await first.stop();
  expect(quarantine('retry', id, '--parameters', TRUE_FLAGS.join(' ')).status).toBe(0);
  expect(host.inState('claimed')).toEqual([id]);
  const next = await host.start();
  await next.saying({ message: 'delivered', envelope: id });
  expect(host.delivered()).toEqual(['report.csv']);
});

test('a retry that fails again is quarantined again, with the parameters that were tried, and both reports', async () => {
  const daemon = await host.start();
  const id = await quarantined(daemon);
  expect(quarantine('retry', id, '--parameters', WRONG_FLAGS, '--oaep', 'sha256').status).toBe(0);
  await daemon.saying({ message: 'quarantined', envelope: id }, 2);
  expect(host.report(id)).toMatchObject({
    id,
    code: 'bad-decrypt',
    parameters: expect.stringContaining('aes-128-cbc'),
  });
  expect(readdirSync(join(host.spool, 'quarantine', id))).toEqual(
    expect.arrayContaining(['report.json', 'report-1.json']),
  );
  expect(quarantine('retry', id, '--parameters', TRUE_FLAGS.join(' ')).status).toBe(0);
  await daemon.saying({ message: 'delivered', envelope: id });
});

test('flags that openssl would refuse are the mistake of whoever typed them: status 64, and the envelope stays', async () => {
  const daemon = await host.start();
  const id = await quarantined(daemon);
  const { status, stderr } = quarantine('retry', id, '--parameters', '-aes-256-cbc -pbkdf3');
  expect(status).toBe(64);
  expect(stderr).toContain('--parameters: openssl enc has no flag "-pbkdf3"');
  expect(host.inState('quarantine')).toEqual([id]);
});

test('of several envelopes the good ones are done, the failure is named, and decides the exit status', async () => {
  const daemon = await host.start();
  const id = await quarantined(daemon);
  const { status, stdout, stderr } = quarantine('purge', '20260101T000000-ffffffffff', id, '--json');
  expect(status).toBe(66);
  expect(JSON.parse(stdout)).toMatchObject({
    version: 1,
    results: [
      { id: '20260101T000000-ffffffffff', result: 'failed', code: 'not-found' },
      { id, result: 'purged' },
    ],
  });
  expect(stderr).toContain('20260101T000000-ffffffffff: no such envelope in quarantine');
  expect(host.inState('quarantine')).toEqual([]);
});

test('release into the spool or a landing is refused, by whatever path', async () => {
  const daemon = await host.start();
  const id = await quarantined(daemon);
  const link = join(host.folder, 'link');
  symlinkSync(host.landing, link);
  for (const to of [join(host.spool, 'claimed'), host.landing, link]) {
    expect(quarantine('release', id, '--to', to)).toMatchObject({ status: 64, stdout: '' });
  }
  expect(host.inState('quarantine')).toEqual([id]);
  expect(readdirSync(host.landing)).toEqual([]);
});

test('release hands out the files with their report, and leaves a receipt', async () => {
  const daemon = await host.start();
  const id = await quarantined(daemon);
  const out = join(host.folder, 'out');
  mkdirSync(out);
  expect(quarantine('release', id, '--to', out)).toMatchObject({ status: 0, stderr: '' });
  expect(history()).toMatchObject([{ id, outcome: 'released' }]);
  expect(readdirSync(join(out, id)).sort()).toEqual([
    'report.csv.alg',
    'report.csv.enc',
    'report.csv.key.enc',
    'sealdrop-report.json',
  ]);
});

test('purge leaves a receipt', async () => {
  const daemon = await host.start();
  const id = await quarantined(daemon);
  expect(quarantine('purge', id)).toEqual({ status: 0, stdout: `purged ${id}\n`, stderr: '' });
  expect(history()).toMatchObject([{ id, outcome: 'discarded' }]);
});

test('a symbolic link among the members is not handed out, and the envelope stays', async () => {
  const daemon = await host.start();
  const triple = seal(host, { plaintext: 'x' });
  symlinkSync('/etc/passwd', flatPath(host, 'link', 'payload'));
  upload(host, 'link', { ...triple, payload: undefined });
  const { envelope } = await daemon.saying({ message: 'quarantined' });
  const id = String(envelope);
  const out = join(host.folder, 'out');
  mkdirSync(out);
  const { stderr } = quarantine('release', id, '--to', out);
  expect(stderr).toContain('link.enc: is not an ordinary file with one name; it is not handed out');
  expect(readdirSync(out)).toEqual([]);
  expect(host.inState('quarantine')).toEqual([id]);
});

test("as root, retry leaves nothing in the spool that is not its owner's", async () => {
  const daemon = await host.start();
  const id = await quarantined(daemon);
  await daemon.stop();
  execFileSync('chown', ['-R', `${OTHER_USER}:${OTHER_USER}`, host.folder]);
  expect(quarantine('retry', id)).toMatchObject({ status: 0, stderr: '' });
  const order = join(host.spool, 'claimed', id, 'retry.json');
  expect(existsSync(order) && statSync(order).uid).toBe(OTHER_USER);
  expect(JSON.parse(readFileSync(order, 'utf8'))).toMatchObject({ version: 1, count: 1, parameters: null });
});

test('an envelope of a landing that is no longer configured is not sent back', async () => {
  const daemon = await host.start();
  const id = await quarantined(daemon);
  await daemon.stop();
  const config = readFileSync(host.configFile, 'utf8').replace('name: acme', 'name: other');
  execFileSync('tee', [host.configFile], { input: config, stdio: ['pipe', 'ignore', 'ignore'] });
  const { status, stderr } = quarantine('retry', id);
  expect(status).toBe(78);
  expect(stderr).toContain(`${id}: no landing is named acme any more`);
  expect(host.inState('quarantine')).toEqual([id]);
});
