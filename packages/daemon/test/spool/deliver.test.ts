import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deliver, partPath, settleDelivery, withSuffix } from '../../src/spool/deliver.ts';
import { beginAt } from '../../src/spool/nearness.ts';
import { Host, type HostOptions } from '../host.ts';
import { seal, upload } from '../sender.ts';

async function withHost(options: HostOptions, work: (host: Host) => Promise<void>): Promise<void> {
  const host = new Host(options);
  try {
    await work(host);
  } finally {
    await host.close();
  }
}

/** Delivers two envelopes of the same name, one after the other, over a file that was there before. */
async function deliverTwice(host: Host): Promise<readonly string[]> {
  writeFileSync(join(host.delivery, 'report.csv'), 'there before');
  const daemon = await host.start();
  const ends: string[] = [];
  for (const plaintext of ['first', 'second']) {
    upload(host, 'report.csv', seal(host, { plaintext }));
    const done = await daemon.saying((line) => ['delivered', 'quarantined'].includes(line.message), ends.length + 1);
    ends.push(String(done['file'] ?? done['code']));
  }
  return ends;
}

test('collision: suffix keeps every file and numbers the later ones', () =>
  withHost({}, async (host) => {
    await deliverTwice(host);
    expect(host.delivered()).toEqual(['report.csv', 'report.csv.1', 'report.csv.2']);
    expect(host.plaintext('report.csv')).toBe('there before');
    expect(host.plaintext('report.csv.1')).toBe('first');
    expect(host.plaintext('report.csv.2')).toBe('second');
  }));

test('collision: suffix goes on after the names in use, however many they are', () =>
  withHost({}, async (host) => {
    for (let count = 1; count <= 40; count += 1) writeFileSync(join(host.delivery, `report.csv.${count}`), 'before');
    await deliverTwice(host);
    expect(host.plaintext('report.csv.41')).toBe('first');
    expect(host.plaintext('report.csv.42')).toBe('second');
    expect(host.delivered()).toHaveLength(43);
  }));

test('collision: replace leaves the last one', () =>
  withHost({ landing: 'collision: replace' }, async (host) => {
    await deliverTwice(host);
    expect(host.delivered()).toEqual(['report.csv']);
    expect(host.plaintext('report.csv')).toBe('second');
  }));

test('collision: quarantine leaves the first one and sets the others aside', () =>
  withHost({ landing: 'collision: quarantine' }, async (host) => {
    expect(await deliverTwice(host)).toEqual(['collision', 'collision']);
    expect(host.delivered()).toEqual(['report.csv']);
    expect(host.plaintext('report.csv')).toBe('there before');
    expect(host.inState('quarantine')).toHaveLength(2);
  }));

test('a delivered file is private unless the landing says otherwise, and the envelope is deleted', () =>
  withHost({}, async (host) => {
    const daemon = await host.start();
    upload(host, 'private', seal(host, { plaintext: 'x' }));
    await daemon.saying({ message: 'delivered' });
    expect(await daemon.stop()).toBe(0);
    expect(statSync(join(host.delivery, 'private')).mode & 0o777).toBe(0o600);
    expect([...host.inState('delivered'), ...host.inState('archive')]).toEqual([]);
  }));

test('mode and archive: keep are obeyed', () =>
  withHost({ landing: "mode: '0640'", settings: 'archive: keep' }, async (host) => {
    const daemon = await host.start();
    upload(host, 'shared', seal(host, { plaintext: 'x' }));
    const { envelope } = await daemon.saying({ message: 'delivered' });
    expect(await daemon.stop()).toBe(0);
    expect(statSync(join(host.delivery, 'shared')).mode & 0o777).toBe(0o640);
    expect(host.members('archive', String(envelope))).toEqual(['shared.alg', 'shared.enc', 'shared.key.enc']);
  }));

test('a delivery directory that is missing is waited for, and the envelope is not blamed', () =>
  withHost({}, async (host) => {
    renameSync(host.delivery, `${host.delivery}-unmounted`);
    const daemon = await host.start();
    upload(host, 'patient', seal(host, { plaintext: 'patience' }));
    const { level, code } = await daemon.saying({ message: 'not yet' });
    expect({ level, code }).toEqual({ level: 'error', code: 'not-found' });
    expect(host.inState('claimed')).toHaveLength(1);
    renameSync(`${host.delivery}-unmounted`, host.delivery);
    await daemon.saying({ message: 'delivered' });
    expect(host.plaintext('patient')).toBe('patience');
    expect(host.inState('quarantine')).toEqual([]);
  }));

test('a numbered name never grows beyond what a file system takes, and keeps its number', () => {
  expect(withSuffix('report.csv', 12)).toBe('report.csv.12');
  expect(withSuffix('n'.repeat(255), 12)).toBe(`${'n'.repeat(252)}.12`);
  expect(withSuffix('é'.repeat(127), 7)).toBe(`${'é'.repeat(126)}.7`);
});

/** So many turns of the event loop's microtasks a delivery takes at most, up to its last sync. */
const MOST_TURNS = 60;

test.each([
  ['the part is removed', ({ part }: { readonly part: string }) => unlinkSync(part)],
  [
    'the delivery directory is exchanged',
    ({ directory }: { readonly directory: string }) => {
      renameSync(directory, `${directory}.before`);
      mkdirSync(directory);
    },
  ],
])('when %s meanwhile, nothing is taken for delivered that is not there', async (_, act) => {
  const root = mkdtempSync(join(tmpdir(), 'sealdropd-deliver-'));
  await beginAt(root);
  for (let turns = 0; turns < MOST_TURNS; turns += 1) {
    const envelope = join(root, `envelope-${turns}`);
    const directory = join(root, `delivery-${turns}`);
    for (const path of [envelope, directory]) mkdirSync(path);
    const part = partPath(directory, 'X');
    writeFileSync(part, 'plaintext', { mode: 0o600 });
    const how = { envelope, part, directory, name: 'report.csv', collision: 'suffix', mode: 0o600 } as const;
    const delivering = Promise.allSettled([deliver(how)]);
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    if (existsSync(part)) act({ part, directory });
    await delivering;
    const isThere = [directory, `${directory}.before`].some((path) => existsSync(join(path, 'report.csv')));
    const settled = await settleDelivery(envelope, part).catch(() => null);
    expect({ turns, lost: settled !== null && !isThere }).toEqual({ turns, lost: false });
  }
  rmSync(root, { recursive: true });
});
