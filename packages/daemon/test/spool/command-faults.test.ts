/** Operators' commands that are killed at every step, beside a running daemon: what an operator relies on, whatever happens. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { FAULT_POINTS, type FaultPoint } from '../../src/spool/fault-points.ts';
import { type DaemonProcess, sealdropdInBackground, type Transcript } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { flatPath, MEMBERS, seal, type Triple, upload } from '../sender.ts';
import { contentsOf, QUICK_DISK } from './fault-host.ts';

const FLAGS = ['-aes-256-cbc', '-pbkdf2'];
const PLAINTEXT = 'amount\n';
const UNLESS_HUNG = { timeout: 120_000, interval: 20 };

const pointsOf = (pattern: RegExp): readonly FaultPoint[] => FAULT_POINTS.filter((point) => pattern.test(point));
const RETRY = pointsOf(/^(retry-order|keep-report|send-back)\./);
const RELEASE = pointsOf(/^(clear-copy|copy-out|discard|remove-discarded)\./);
const PURGE = pointsOf(/^(discard|remove-discarded)\./);

/** One host for all: each command and each point has an envelope of its own. */
let host: Host;
let daemon: DaemonProcess;
let triple: Triple;
/** Ids by stem. */
const ids = new Map<string, string>();

const stemsOf = (command: string, points: readonly FaultPoint[]): readonly string[] =>
  points.map((point) => `${command}-${point}`);
const STEMS = [...stemsOf('retry', RETRY), ...stemsOf('release', RELEASE), ...stemsOf('purge', PURGE)];

const idOf = (stem: string): string => ids.get(stem) ?? expect.fail(`${stem} is not in quarantine`);
const copies = (round: string): string => join(host.folder, round);

beforeAll(async () => {
  host = new Host({ parent: QUICK_DISK, settle: '20ms' });
  const told = `{name: told, command: [/bin/sh, -c, 'echo "$SEALDROP_ID" >> "${host.folder}/told"'], on: [quarantined]}`;
  host.configure({ settle: '20ms', settings: `scanInterval: 1s\nhooks: [${told}]` });
  for (const round of ['first', 'second']) mkdirSync(copies(round));
  triple = seal(host, { plaintext: PLAINTEXT, flags: FLAGS, note: 'ask Bob\n' });
  daemon = await host.start();
  for (const stem of STEMS) upload(host, stem, triple);
  await daemon.saying({ message: 'told' }, STEMS.length);
  for (const id of host.inState('quarantine')) {
    const { stem } = JSON.parse(readFileSync(join(host.spool, 'quarantine', id, 'claim.json'), 'utf8')) as {
      stem: string;
    };
    ids.set(stem, id);
  }
}, 300_000);

afterAll(() => host.close());

function sealdropd(words: readonly string[], fault = ''): Promise<Transcript> {
  const environment = { NODE_ENV: 'test', SEALDROP_FAULT: fault === '' ? '' : `${fault}:kill` };
  return sealdropdInBackground([...words, '--config', host.configFile], environment);
}

async function killedAt(point: FaultPoint, words: readonly string[]): Promise<void> {
  expect(await sealdropd(words, point)).toEqual({ status: null, stdout: '', stderr: '' });
}

async function listed(): Promise<readonly string[]> {
  const { stdout } = await sealdropd(['quarantine', 'list', '--json']);
  return (JSON.parse(stdout) as readonly { readonly id: string }[]).map(({ id }) => id);
}

const inQuarantine = (stem: string): boolean => existsSync(join(host.spool, 'quarantine', idOf(stem)));
const kept = (stem: string): string => join(host.spool, 'quarantine', idOf(stem), 'members');

function isWhole(directory: string, stem: string): boolean {
  return MEMBERS.every((member) => {
    const path = flatPath({ landing: directory }, stem, member);
    return existsSync(path) && readFileSync(path).equals(readFileSync(triple[member]));
  });
}

describe.concurrent('killed while it runs', () => {
  test.each(RETRY)('a retry at %s: the envelope is in quarantine, whole, or delivered', async (point) => {
    const stem = `retry-${point}`;
    await killedAt(point, ['quarantine', 'retry', idOf(stem), '--parameters', FLAGS.join(' ')]);
    if (!inQuarantine(stem)) await daemon.saying({ message: 'delivered', envelope: idOf(stem) });
    expect(inQuarantine(stem) ? isWhole(kept(stem), stem) : host.plaintext(stem) === PLAINTEXT).toBe(true);
  });

  test.each(RELEASE)('a release at %s: the envelope is in quarantine, whole, or in its new place', async (point) => {
    const stem = `release-${point}`;
    await killedAt(point, ['quarantine', 'release', idOf(stem), '--to', copies('first')]);
    expect(isWhole(inQuarantine(stem) ? kept(stem) : join(copies('first'), idOf(stem)), stem)).toBe(true);
  });

  test.each(PURGE)('a purge at %s: the envelope is in quarantine, whole, or not there at all', async (point) => {
    const stem = `purge-${point}`;
    await killedAt(point, ['quarantine', 'purge', idOf(stem)]);
    const isListed = (await listed()).includes(idOf(stem));
    expect({ isListed, isWhole: isWhole(kept(stem), stem) }).toEqual({ isListed, isWhole: isListed });
  });
});

describe('given again after the daemon was killed too', () => {
  beforeAll(async () => {
    await daemon.kill();
    daemon = await host.start();
  }, 300_000);

  const remaining = async (command: string): Promise<readonly string[]> => {
    const left = await listed();
    return STEMS.filter((stem) => stem.startsWith(command))
      .map(idOf)
      .filter((id) => left.includes(id));
  };

  test('a retry delivers every one of them once', async () => {
    const left = await remaining('retry');
    expect((await sealdropd(['quarantine', 'retry', ...left, '--parameters', FLAGS.join(' ')])).status).toBe(0);
    const wanted = Object.fromEntries(stemsOf('retry', RETRY).map((stem) => [stem, PLAINTEXT]));
    await vi.waitFor(() => expect(contentsOf(host.delivery)).toEqual(wanted), UNLESS_HUNG);
  });

  test('a release hands every one of them out', async () => {
    const left = await remaining('release');
    expect((await sealdropd(['quarantine', 'release', ...left, '--to', copies('second')])).status).toBe(0);
    const isHandedOut = (stem: string): boolean =>
      ['first', 'second'].some((round) => isWhole(join(copies(round), idOf(stem)), stem));
    expect(stemsOf('release', RELEASE).filter((stem) => !isHandedOut(stem))).toEqual([]);
    const halves = readdirSync(copies('second')).filter((name) => name.startsWith('.'));
    expect(halves).toEqual([]);
  });

  test('a purge removes every one of them', async () => {
    const left = await remaining('purge');
    expect((await sealdropd(['quarantine', 'purge', ...left])).status).toBe(0);
    expect(await listed()).toEqual([]);
  });

  test('nothing is left half removed, and the history tells the end of each', async () => {
    const states = ['claiming', 'claimed', 'delivered', 'quarantine', 'removing'];
    const left = (): readonly string[] => states.flatMap((state) => readdirSync(join(host.spool, state)));
    await vi.waitFor(() => expect(left()).toEqual([]), UNLESS_HUNG);
    const { stdout } = await sealdropd(['history', '--json', '--limit', '1000']);
    const receipts = JSON.parse(stdout) as readonly { readonly id: string; readonly outcome: string }[];
    const outcomes = { retry: 'delivered', release: 'released', purge: 'discarded' };
    const wanted = Object.entries(outcomes).flatMap(([command, outcome]) =>
      STEMS.filter((stem) => stem.startsWith(`${command}-`)).map((stem) => [idOf(stem), outcome] as const),
    );
    expect(Object.fromEntries(receipts.map(({ id, outcome }) => [id, outcome]))).toEqual(Object.fromEntries(wanted));
  });

  test('hooks heard of each quarantine once', async () => {
    expect(await daemon.stop()).toBe(0);
    const told = readFileSync(join(host.folder, 'told'), 'utf8').trimEnd().split('\n');
    expect(told.toSorted()).toEqual(STEMS.map((stem) => `${idOf(stem)}-quarantined`).toSorted());
  });
});
