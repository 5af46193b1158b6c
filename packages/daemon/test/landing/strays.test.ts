import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DaemonProcess, LogLine } from '../daemon-process.ts';
import { Host, type Report } from '../host.ts';
import { claimOf } from '../processing/claim-of.ts';
import { flatPath, seal, upload } from '../sender.ts';

let host: Host;

beforeEach(() => {
  host = new Host({ settings: 'strayAfter: 300ms' });
});

afterEach(() => host.close());

async function strayReport(daemon: DaemonProcess, count = 1): Promise<Report> {
  const { envelope } = await daemon.saying({ message: 'quarantined', code: 'stray-file' }, count);
  return host.report(String(envelope));
}

test('a stray is said at once and quarantined as stray-file after strayAfter, whole', async () => {
  const daemon = await host.start();
  writeFileSync(join(host.landing, 'readme'), 'please see attached\n');
  await daemon.saying({ message: 'a file that belongs to no envelope', file: 'readme' });
  const report = await strayReport(daemon);
  expect(report).toMatchObject({ code: 'stray-file', blame: 'sender', landing: 'acme' });
  expect(report.message).toBe('readme belongs to no envelope');
  expect(report.members).toMatchObject([{ name: 'readme', type: 'file', size: 20 }]);
  const kept = join(host.spool, 'quarantine', report.id, 'members/readme');
  expect(readFileSync(kept, 'utf8')).toBe('please see attached\n');
  expect(readdirSync(host.landing)).toEqual([]);
});

test('names that are not UTF-8 are said and quarantined, two that read alike included', async () => {
  const name = (byte: number): Buffer => Buffer.concat([Buffer.from(`${host.landing}/invoice-`), Buffer.of(byte)]);
  writeFileSync(name(0xff), 'latin\n');
  writeFileSync(name(0xfe), 'other\n');
  writeFileSync(join(host.landing, 'invoice-%FF'), 'percent\n');
  writeFileSync(join(host.landing, 'invoice-\ufffd'), 'replacement\n');
  const daemon = await host.start();
  await daemon.saying({ message: 'a file that belongs to no envelope', file: 'invoice-%FE' });
  const { id } = await strayReport(daemon);
  const members = host.members('quarantine', id);
  expect(members).toEqual(['invoice-%FE', 'invoice-%FF', 'invoice-%FF.1', 'invoice-\ufffd']);
  const read = (member: string): string => readFileSync(join(host.spool, 'quarantine', id, 'members', member), 'utf8');
  expect(members.map(read).sort()).toEqual(['latin\n', 'other\n', 'percent\n', 'replacement\n']);
  expect(readdirSync(host.landing, { encoding: 'buffer' })).toEqual([]);
});

test('an envelope is no stray, and one whose members come later than strayAfter is not torn apart', async () => {
  const daemon = await host.start();
  const triple = seal(host, { plaintext: 'late\n' });
  copyFileSync(triple.payload, flatPath(host, 'late', 'payload'));
  writeFileSync(join(host.landing, 'readme'), 'x');
  await strayReport(daemon);
  copyFileSync(triple.wrappedKey, flatPath(host, 'late', 'wrappedKey'));
  copyFileSync(triple.note, flatPath(host, 'late', 'note'));
  await daemon.saying({ message: 'delivered' });
  expect(host.plaintext('late')).toBe('late\n');
});

test('an upload that was given up under its temporary name is quarantined, without being said before', async () => {
  const daemon = await host.start();
  writeFileSync(join(host.landing, 'report.csv.enc.filepart'), 'half');
  expect((await strayReport(daemon)).members.map(({ name }) => name)).toEqual(['report.csv.enc.filepart']);
  expect(daemon.said({ message: 'a file that belongs to no envelope' })).toEqual([]);
});

test('a folder under a temporary name is an upload in progress: nothing in it is claimed before it has its final name', async () => {
  host.configure({ settings: 'strayAfter: off', settle: '0s' });
  const daemon = await host.start();
  mkdirSync(join(host.landing, 'batch.part'));
  upload({ landing: join(host.landing, 'batch.part') }, 'inside', seal(host, { plaintext: 'whole folder\n' }));
  upload(host, 'outside', seal(host, { plaintext: 'x' }));
  await daemon.saying({ message: 'delivered', file: join(host.delivery, 'outside') });
  expect(host.delivered()).toEqual(['outside']);
  renameSync(join(host.landing, 'batch.part'), join(host.landing, 'batch'));
  await daemon.saying({ message: 'delivered', file: join(host.delivery, 'inside') });
});

test('folders too deep to be looked into are said and quarantined as they are', async () => {
  const deepest = join(host.landing, 'a/b/c/d/e/f/g/h');
  mkdirSync(join(deepest, 'i'), { recursive: true });
  writeFileSync(join(deepest, 'i/buried.enc'), 'x');
  const daemon = await host.start();
  await daemon.saying({ message: 'a file that belongs to no envelope', file: 'a/b/c/d/e/f/g/h/i' });
  const { id, members } = await strayReport(daemon);
  expect(members).toMatchObject([{ name: 'i', type: 'directory', sha256: null }]);
  expect(readdirSync(join(host.spool, 'quarantine', id, 'members/i'))).toEqual(['buried.enc']);
});

test('a symbolic link is quarantined as the link that it is', async () => {
  symlinkSync('/etc/passwd', join(host.landing, 'way-out'));
  const daemon = await host.start();
  expect((await strayReport(daemon)).members).toMatchObject([{ name: 'way-out', type: 'symbolic-link', sha256: null }]);
});

test('of hundreds of strays the log names ten and counts the others, and they rest in one heap', async () => {
  for (let index = 0; index < 300; index += 1) writeFileSync(join(host.landing, `junk-${index}`), '');
  const daemon = await host.start();
  const { id } = await strayReport(daemon);
  expect(host.members('quarantine', id)).toHaveLength(300);
  const named = (line: LogLine): boolean => line.message === 'a file that belongs to no envelope';
  expect(daemon.said(named)).toHaveLength(10);
  expect(daemon.said({ message: 'more files that belong to no envelope', count: 290 })).toHaveLength(1);
});

test('strayAfter: off leaves strays where they are', async () => {
  host.configure({ settings: 'strayAfter: off\nincompleteAfter: 300ms' });
  writeFileSync(join(host.landing, 'readme'), 'x');
  writeFileSync(join(host.landing, 'half.enc'), 'x');
  const daemon = await host.start();
  await daemon.saying({ message: 'quarantined', code: 'incomplete-envelope' });
  expect(readdirSync(host.landing)).toEqual(['readme']);
});

test.each([
  ['before it moved anything', [], 'claim undone'],
  ['midway', ['junk-1'], 'claim finished'],
] as const)('a claim of strays that a crash ended %s loses none of them', async (_, moved, outcome) => {
  const id = '20261124T100000-0123456789';
  const claiming = join(host.spool, 'claiming', id);
  mkdirSync(join(claiming, 'members'), { recursive: true });
  const record = {
    ...claimOf(id, 'acme'),
    kind: 'strays',
    root: host.landing,
    delivery: host.delivery,
    stem: '',
    names: { payload: [], 'wrapped-key': [], note: [], manifest: [], signature: [] },
  };
  writeFileSync(join(claiming, 'claim.json'), JSON.stringify(record));
  for (const name of ['junk-1', 'junk-2']) {
    const isMoved = (moved as readonly string[]).includes(name);
    writeFileSync(isMoved ? join(claiming, 'members', name) : join(host.landing, name), name);
  }
  const daemon = await host.start();
  await daemon.saying({ message: outcome, envelope: id });
  await strayReport(daemon, moved.length + 1);
  const kept = host.inState('quarantine').flatMap((heap) => host.members('quarantine', heap));
  expect(kept.toSorted()).toEqual(['junk-1', 'junk-2']);
  expect(host.inState('claiming')).toEqual([]);
});
