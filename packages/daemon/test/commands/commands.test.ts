import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLedger } from '../../src/ledger/ledger.ts';
import { sealdropd } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { receipt } from '../ledger/receipts.ts';

const ID = '20260101T000000-0123456789';
let host: Host;

beforeEach(() => {
  host = new Host();
  const envelope = join(host.spool, 'quarantine', ID);
  mkdirSync(join(envelope, 'members'), { recursive: true });
  mkdirSync(join(host.spool, 'removing'));
  writeFileSync(join(envelope, 'members', 'a.enc'), 'as uploaded');
  const report = { version: 1, id: ID, landing: 'acme', code: 'bad-note', blame: 'sender', message: 'it says nothing' };
  writeFileSync(join(envelope, 'report.json'), JSON.stringify(report));
});

afterEach(() => host.close());

const run = (...words: readonly string[]) => sealdropd(...words, '--config', host.configFile);

test('status tells, without a daemon, what is in quarantine and that none runs', () => {
  const { status, stdout } = run('status', '--json');
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    daemon: 'stopped',
    landings: [{ name: 'acme' }, { name: null, quarantined: { envelopes: 1 } }],
  });
});

test('list and show give the code and the message', () => {
  expect(run('quarantine', 'list').stdout).toBe(`${ID}  acme  bad-note  it says nothing\n`);
  expect(JSON.parse(run('quarantine', 'show', ID, '--json').stdout)).toMatchObject({ id: ID, code: 'bad-note' });
});

test('release copies the members, never over anything, then removes them', () => {
  const out = join(host.folder, 'out');
  mkdirSync(join(out, ID), { recursive: true });
  expect(run('quarantine', 'release', ID, '--to', out).status).not.toBe(0);
  expect(host.inState('quarantine')).toEqual([ID]);
  const other = join(host.folder, 'other');
  mkdirSync(other);
  expect(run('quarantine', 'release', ID, '--to', other)).toMatchObject({ status: 0, stderr: '' });
  expect(readFileSync(join(other, ID, 'a.enc'), 'utf8')).toBe('as uploaded');
  expect(host.inState('quarantine')).toEqual([]);
});

test('purge removes what is older than it is told, and nothing else', () => {
  expect(run('quarantine', 'purge', '--older-than', '99999d')).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(run('quarantine', 'purge', '--older-than', '1d').stdout).toBe(`purged ${ID}\n`);
  expect(host.inState('quarantine')).toEqual([]);
  expect(readdirSync(join(host.spool, 'removing'))).toEqual([]);
});

test('an id that is a path is refused, and one that is not there is 66', () => {
  expect(run('quarantine', 'purge', '../../incoming').status).toBe(64);
  expect(existsSync(host.landing)).toBe(true);
  expect(run('quarantine', 'show', '20260101T000000-ffffffffff').status).toBe(66);
});

test('history without a ledger says so and is empty; with one it shows its receipts', () => {
  expect(run('history').stdout).toContain('no ledger yet');
  expect(run('history', '--json')).toEqual({ status: 0, stdout: '[]\n', stderr: '' });
  const ledger = openLedger({ file: join(host.spool, 'ledger.db') });
  ledger.record([receipt({ id: ID, landing: 'acme' })]);
  ledger.close();
  expect(JSON.parse(run('history', '--json', '--sender', 'acme').stdout)).toMatchObject([{ id: ID }]);
  expect(run('history', '--json', '--sender', 'other').stdout).toBe('[]\n');
});

test('history is narrowed by sender, time and outcome, for people and for programs', () => {
  mkdirSync(join(host.folder, 'state'));
  host.configure({ settings: `state: ${host.folder}/state` });
  const hour = 3_600_000;
  const ledger = openLedger({ file: join(host.folder, 'state', 'ledger.db') });
  ledger.record([
    receipt({ id: 'old', finished: Date.now() - 48 * hour }),
    receipt({ id: 'new', finished: Date.now() - hour }),
    receipt({ id: 'bad', finished: Date.now() - hour / 2, outcome: 'quarantined', code: 'bad-note' }),
    receipt({ id: 'other', finished: Date.now() - hour / 4, landing: 'globex' }),
  ]);
  ledger.close();
  const ids = (...words: readonly string[]): readonly string[] =>
    (JSON.parse(run('history', '--json', ...words).stdout) as readonly { id: string }[]).map(({ id }) => id);
  expect(ids()).toEqual(['other', 'bad', 'new', 'old']);
  expect(ids('--sender', 'acme', '--since', '24h')).toEqual(['bad', 'new']);
  expect(ids('--status', 'quarantined')).toEqual(['bad']);
  expect(ids('--until', new Date(Date.now() - 24 * hour).toISOString())).toEqual(['old']);
  expect(ids('--limit', '1')).toEqual(['other']);
  expect(run('history', '--status', 'quarantined').stdout).toMatch(/^\S+  bad  acme  quarantined  bad-note.*\n$/);
  expect(run('history', '--since', 'yesterday').status).toBe(64);
});
