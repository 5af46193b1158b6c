/** The daemon killed at steps that lie beside an envelope's usual way; operators' commands have `command-faults.test.ts`. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { FAULT_POINTS, type FaultPoint } from '../../src/spool/fault-points.ts';
import { flatPath } from '../sender.ts';
import { type Sealed, sealAll, StruckHost } from './fault-host.ts';

const PATIENCE = 600_000;
const pointsOf = (pattern: RegExp): readonly FaultPoint[] => FAULT_POINTS.filter((point) => pattern.test(point));

let sealed: Sealed;
let struck: StruckHost;

beforeAll(() => {
  sealed = sealAll();
});

afterAll(() => sealed.host.close());

beforeEach(() => {
  struck = new StruckHost(sealed, {});
  onTestFinished(() => struck.close());
});

/** A webhook whose receiver will have nothing, and a hook that takes everything; each writes down what it was told. */
async function listen() {
  const rejected: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      rejected.push((JSON.parse(body) as { readonly id: string }).id);
      response.writeHead(400).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void server.close());
  const { host } = struck;
  const [secretFile, told] = [join(host.folder, 'secret'), join(host.folder, 'told')];
  writeFileSync(secretFile, 'a throwaway secret for tests\n');
  const hook = { name: 'taking', command: ['/bin/sh', '-c', `echo "$SEALDROP_ID" >> ${told}`] };
  const webhook = { name: 'refusing', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, secretFile };
  host.configure({
    settle: '20ms',
    settings: `hooks: [${JSON.stringify(hook)}]\nwebhooks: [${JSON.stringify(webhook)}]`,
  });
  return { rejected, taken: () => readFileSync(told, 'utf8').trimEnd().split('\n') };
}

const outbox = (...path: readonly string[]): string => join(struck.host.spool, 'outbox', ...path);
const jsonIn = (directory: string): readonly string[] =>
  readdirSync(directory).filter((name) => name.endsWith('.json') || name.endsWith('.tmp'));

test(
  'killed at each step of the outbox, hooks and webhooks hear of every envelope at least once',
  async () => {
    const { rejected, taken } = await listen();
    for (const point of pointsOf(/^outbox-/)) {
      struck.land();
      await struck.struckBy(`${point}:kill`);
    }
    await struck.settles('', () => [...jsonIn(outbox('taking')), ...jsonIn(outbox('refusing'))].length === 0);
    struck.expectAllWell();
    struck.expectOneReceiptEach();
    const events = struck.receipts().map(({ id, outcome }) => `${String(id)}-${String(outcome)}`);
    expect(new Set(taken())).toEqual(new Set(events));
    expect(new Set(rejected)).toEqual(new Set(events));
    expect(jsonIn(outbox('taking', 'failed'))).toEqual([]);
    expect(jsonIn(outbox('refusing', 'failed')).toSorted()).toEqual(events.map((id) => `${id}.json`).toSorted());
  },
  PATIENCE,
);

test(
  'killed while strays are set aside, each of them is in quarantine once',
  async () => {
    const { host } = struck;
    host.configure({ settle: '20ms', settings: 'strayAfter: 50ms' });
    for (const round of [1, 2]) {
      for (const name of ['one', 'two', 'three']) writeFileSync(join(host.landing, `${name}-${round}`), name);
      await struck.struckBy(`take-stray.rename:kill:${round}`);
    }
    await struck.settles();
    const kept = host.inState('quarantine').flatMap((id) => host.members('quarantine', id));
    expect(kept.toSorted()).toEqual(['one-1', 'one-2', 'three-1', 'three-2', 'two-1', 'two-2']);
    const codes = host.inState('quarantine').map((id) => host.report(id).code);
    expect(new Set(codes)).toEqual(new Set(['stray-file']));
  },
  PATIENCE,
);

test(
  'killed while a directory in the place of a payload is put back, it is whole in quarantine with the rest',
  async () => {
    const { host } = struck;
    const triple = [...sealed.triples.values()][0] ?? assert.fail('nothing is sealed');
    for (const point of pointsOf(/^undo-directory\./)) {
      const payload = flatPath(host, point, 'payload');
      mkdirSync(payload);
      writeFileSync(join(payload, 'inside'), point);
      for (const member of ['wrappedKey', 'note'] as const) copyFileSync(triple[member], flatPath(host, point, member));
      await struck.struckBy(`take-member.rename:EIO:2,${point}:kill`);
    }
    await struck.settles();
    const found = host.inState('quarantine').map((id) => {
      const { code } = host.report(id);
      const payload = host.members('quarantine', id).find((name) => !/key|alg/.test(name)) ?? '';
      const inside = join(host.spool, 'quarantine', id, 'members', payload, 'inside');
      return { code, members: host.members('quarantine', id).length, inside: readFileSync(inside, 'utf8') };
    });
    const wanted = pointsOf(/^undo-directory\./).map((inside) => ({ code: 'hostile-file', members: 3, inside }));
    // Ids of one second are in no order.
    expect(found).toHaveLength(wanted.length);
    expect(found).toEqual(expect.arrayContaining(wanted));
  },
  PATIENCE,
);

test(
  'killed while a damaged ledger is set aside, every damaged one is kept and every receipt is written',
  async () => {
    const ledger = join(struck.host.spool, 'ledger.db');
    const damaged = (): readonly string[] =>
      readdirSync(struck.host.spool)
        .filter((name) => name.startsWith(`${basename(ledger)}.damaged`) && !/-(wal|shm)$/.test(name))
        .map((name) => readFileSync(join(struck.host.spool, name), 'utf8'));
    mkdirSync(struck.host.spool, { mode: 0o700 });
    for (const point of pointsOf(/^ledger-aside\./)) {
      struck.land();
      // The -wal of a ledger that was killed is not that of this one.
      for (const suffix of ['-wal', '-shm']) rmSync(`${ledger}${suffix}`, { force: true });
      writeFileSync(ledger, `no ledger: ${point}`);
      await struck.struckBy(`${point}:kill`);
    }
    await struck.settles();
    struck.expectAllWell();
    struck.expectOneReceiptEach();
    const kept = pointsOf(/^ledger-aside\.sync/).map((point) => `no ledger: ${point}`);
    expect(new Set(damaged())).toEqual(new Set(kept));
  },
  PATIENCE,
);
