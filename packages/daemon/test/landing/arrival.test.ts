import {
  closeSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DaemonProcess } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { sealWithManifest } from '../sealed.ts';
import { flatPath, type Member, MEMBERS, seal, upload, uploadFolder } from '../sender.ts';

let host: Host;
let daemon: DaemonProcess;

beforeAll(async () => {
  host = new Host();
  daemon = await host.start();
});

afterAll(() => host.close());

async function delivered(name: string): Promise<string> {
  await daemon.saying({ message: 'delivered', file: join(host.delivery, name) });
  return host.plaintext(name);
}

const ORDERS: readonly (readonly Member[])[] = [
  ['payload', 'wrappedKey', 'note'],
  ['payload', 'note', 'wrappedKey'],
  ['wrappedKey', 'payload', 'note'],
  ['wrappedKey', 'note', 'payload'],
  ['note', 'payload', 'wrappedKey'],
  ['note', 'wrappedKey', 'payload'],
];

test('an envelope copied side by side is delivered', async () => {
  upload(host, 'copied.csv', seal(host, { plaintext: 'copied\n' }));
  expect(await delivered('copied.csv')).toBe('copied\n');
});

test('an envelope in a folder of its own is delivered and the folder goes with it', async () => {
  uploadFolder(host, 'delivery-1', seal(host, { plaintext: 'in a folder\n' }));
  expect(await delivered('data.csv')).toBe('in a folder\n');
  expect(statSync(join(host.landing, 'delivery-1'), { throwIfNoEntry: false })).toBeUndefined();
});

test('an envelope in a nested folder is delivered', async () => {
  const triple = seal(host, { plaintext: 'nested\n' });
  mkdirSync(join(host.landing, '2026/11'), { recursive: true });
  copyFileSync(triple.wrappedKey, join(host.landing, '2026/11/nested.key.enc'));
  copyFileSync(triple.note, join(host.landing, '2026/11/nested.alg'));
  copyFileSync(triple.payload, join(host.landing, '2026/11/nested.enc'));
  expect(await delivered('nested')).toBe('nested\n');
});

test.each(ORDERS)('members that come as %s, %s, %s meet', async (...order) => {
  const stem = `order-${order.join('-')}`;
  const triple = seal(host, { plaintext: `${stem}\n` });
  const there: string[] = [];
  for (const member of order) {
    copyFileSync(triple[member], flatPath(host, stem, member));
    there.push(basename(flatPath(host, stem, member)));
    const isWaiting = (files: unknown) => Array.isArray(files) && there.every((name) => files.includes(name));
    if (there.length < order.length)
      await daemon.saying((line) => line.message === 'incomplete' && isWaiting(line['files']));
  }
  expect(await delivered(stem)).toBe(`${stem}\n`);
});

test('members renamed into place from temporary names are delivered', async () => {
  const triple = seal(host, { plaintext: 'renamed\n' });
  for (const member of MEMBERS) {
    const final = flatPath(host, 'renamed.csv', member);
    copyFileSync(triple[member], `${final}.filepart`);
    renameSync(`${final}.filepart`, final);
  }
  expect(await delivered('renamed.csv')).toBe('renamed\n');
});

test('a payload that a writer holds open is not touched, however long it stands still', async () => {
  const triple = seal(host, { plaintext: 'slow '.repeat(10_000) });
  const bytes = readFileSync(triple.payload);
  const path = flatPath(host, 'slow.csv', 'payload');
  const writer = openSync(path, 'w');
  writeSync(writer, bytes.subarray(0, 1000));
  copyFileSync(triple.wrappedKey, flatPath(host, 'slow.csv', 'wrappedKey'));
  copyFileSync(triple.note, flatPath(host, 'slow.csv', 'note'));
  const isBusy = (files: unknown) => Array.isArray(files) && files.includes(basename(path));
  await daemon.saying((line) => line.message === 'still being written' && isBusy(line['files']), 2);
  expect(statSync(path).size).toBe(1000);
  for (let offset = 1000; offset < bytes.length; offset += 10_000)
    writeSync(writer, bytes.subarray(offset, offset + 10_000));
  closeSync(writer);
  expect(await delivered('slow.csv')).toBe('slow '.repeat(10_000));
});

test('an envelope whose manifest comes last is delivered once, with the manifest', async () => {
  const sealed = await sealWithManifest(host, 'manifest-last', 'manifest-last\n');
  for (const part of ['payload', 'wrappedKey', 'manifest'] as const) {
    copyFileSync(sealed[part], join(host.landing, basename(sealed[part])));
  }
  expect(await delivered('manifest-last')).toBe('manifest-last\n');
});

test('a manifest makes the envelope complete the moment that sizes match', async () => {
  const quick = new Host({ settle: '1h' });
  try {
    const running = await quick.start();
    const sealed = await sealWithManifest(quick, 'at-once', 'at-once\n');
    copyFileSync(sealed.manifest, join(quick.landing, basename(sealed.manifest)));
    copyFileSync(sealed.wrappedKey, join(quick.landing, basename(sealed.wrappedKey)));
    copyFileSync(sealed.payload, join(quick.landing, basename(sealed.payload)));
    // An hour before the members count as settled.
    await running.saying({ message: 'delivered' });
    expect(quick.plaintext('at-once')).toBe('at-once\n');
  } finally {
    await quick.close();
  }
});

test('a member in the midst of an sftp rename, which is a link and an unlink, is waited for', async () => {
  const quick = new Host({ settle: '1h' });
  try {
    const sealed = await sealWithManifest(quick, 'renamed', 'renamed\n');
    for (const member of Object.values(sealed)) copyFileSync(member, join(quick.landing, basename(member)));
    const temporary = join(quick.landing, `${basename(sealed.payload)}.part`);
    linkSync(join(quick.landing, basename(sealed.payload)), temporary);
    const running = await quick.start();
    expect(running.said({ message: 'claimed' })).toEqual([]);
    unlinkSync(temporary);
    await running.saying({ message: 'delivered' });
    expect(quick.plaintext('renamed')).toBe('renamed\n');
    expect(quick.inState('quarantine')).toEqual([]);
  } finally {
    await quick.close();
  }
});

test('an envelope that was there before the daemon started is delivered', async () => {
  const late = new Host();
  try {
    upload(late, 'waiting.csv', seal(late, { plaintext: 'waited\n' }));
    const running = await late.start();
    await running.saying({ message: 'delivered' });
    expect(late.plaintext('waiting.csv')).toBe('waited\n');
  } finally {
    await late.close();
  }
});

test('a landing that does not exist yet is waited for, and said so', async () => {
  const later = new Host();
  try {
    renameSync(later.landing, `${later.landing}-unmounted`);
    const running = await later.start();
    expect(running.said({ message: 'waiting for the landing to appear', level: 'warn' })).toHaveLength(1);
    renameSync(`${later.landing}-unmounted`, later.landing);
    await running.saying({ message: 'landing is back' });
    upload(later, 'mounted.csv', seal(later, { plaintext: 'mounted\n' }));
    await running.saying({ message: 'delivered' });
    expect(later.plaintext('mounted.csv')).toBe('mounted\n');
  } finally {
    await later.close();
  }
});

test('a landing with default parameters takes envelopes without a note', async () => {
  const noteless = new Host({ landing: 'parameters: -aes-128-ctr -pbkdf2 -iter 5000' });
  try {
    const running = await noteless.start();
    const triple = seal(noteless, { plaintext: 'no note\n', flags: ['-aes-128-ctr', '-pbkdf2', '-iter', '5000'] });
    copyFileSync(triple.wrappedKey, flatPath(noteless, 'bare', 'wrappedKey'));
    copyFileSync(triple.payload, flatPath(noteless, 'bare', 'payload'));
    await running.saying({ message: 'delivered' });
    expect(noteless.plaintext('bare')).toBe('no note\n');
  } finally {
    await noteless.close();
  }
});

test('a file that belongs to no envelope is reported once and left alone', async () => {
  const stray = join(host.landing, 'readme');
  copyFileSync(host.publicKey, stray);
  await daemon.saying({ message: 'a file that belongs to no envelope', file: 'readme' });
  linkSync(stray, join(host.landing, 'second'));
  await daemon.saying({ message: 'a file that belongs to no envelope', file: 'second' });
  expect(daemon.said({ message: 'a file that belongs to no envelope', file: 'readme' })).toHaveLength(1);
  expect(statSync(stray).isFile()).toBe(true);
});

test('each envelope was delivered exactly once, nothing was quarantined and nothing is left behind', () => {
  const files = daemon.said({ message: 'delivered' }).map((line) => basename(String(line['file'])));
  expect(files).toHaveLength(new Set(files).size);
  expect(host.delivered()).toEqual(files.toSorted((a, b) => (a < b ? -1 : 1)));
  expect(daemon.said({ message: 'cannot use the landing' })).toEqual([]);
  expect(host.inState('quarantine')).toEqual([]);
  expect(host.inState('claimed')).toEqual([]);
});
