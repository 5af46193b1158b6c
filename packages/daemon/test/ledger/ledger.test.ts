import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { type KeyUse, openLedger, type SeenKey } from '../../src/ledger/ledger.ts';
import { migrate, MIGRATIONS } from '../../src/ledger/schema.ts';
import { LedgerFolder, receipt } from './receipts.ts';

const SHA = 'ab'.repeat(32);

function keyUse(use: Partial<KeyUse>): KeyUse {
  return { sha256: SHA, landing: 'acme', id: 'e1', delivered: 1000, vouched: false, ...use };
}

function holderOf({ landing, id, delivered, vouched }: KeyUse): SeenKey {
  return { landing, id, delivered, vouched };
}

test('a receipt comes back as it was recorded, also after the ledger was closed', () => {
  using folder = new LedgerFolder();
  const full = receipt({ id: 'e1', repairs: ['removed a CR from the passphrase'], payloadSize: 2 ** 50 });
  const sparse = receipt({
    id: 'e0',
    outcome: 'quarantined',
    code: 'bad-decrypt',
    plaintextName: null,
    payloadSize: null,
    plaintextSize: null,
    received: null,
    claimed: null,
    keyName: null,
    parameters: null,
    verification: null,
    deliveryPath: null,
  });
  const ledger = openLedger({ file: folder.file });
  ledger.record([sparse, full]);
  ledger.close();
  const again = openLedger({ file: folder.file });
  expect(again.query()).toEqual({ receipts: [full, sparse], cursor: null });
  again.close();
});

test('what the caller is to sync can be read at once, and synced before and after the ledger is closed', async () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file, syncedBy: 'caller' });
  ledger.record([receipt({ id: 'e1' })]);
  expect(ledger.query().receipts.map(({ id }) => id)).toEqual(['e1']);
  await ledger.sync();
  ledger.close();
  expect(existsSync(`${folder.file}-wal`)).toBe(false);
  await ledger.sync();
});

test('only its owner can read the file', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  ledger.record([receipt({ id: 'e1' })]);
  for (const suffix of ['', '-wal', '-shm']) expect(statSync(`${folder.file}${suffix}`).mode & 0o777).toBe(0o600);
  ledger.close();
});

test('to record the same end again fills gaps and changes nothing else', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  const first = receipt({ id: 'e1', plaintextSize: null });
  ledger.record([first]);
  ledger.record([
    receipt({ id: 'e1', finished: first.finished + 60_000, plaintextSize: 7, keyName: null, deliveryPath: '/other' }),
  ]);
  expect(ledger.query().receipts).toEqual([{ ...first, plaintextSize: 7 }]);
  ledger.close();
});

test('a later end replaces the one before and keeps what only that one knew', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  const quarantined = receipt({ id: 'e1', outcome: 'quarantined', code: 'wrong-key', deliveryPath: null, attempts: 3 });
  ledger.record([quarantined]);
  const released = receipt({
    id: 'e1',
    outcome: 'released',
    code: null,
    payloadSize: null,
    finished: 1_700_000_009_000,
  });
  ledger.record([released]);
  expect(ledger.query().receipts).toEqual([{ ...released, payloadSize: quarantined.payloadSize, attempts: 3 }]);
  ledger.close();
});

test('many receipts are recorded all together or not at all', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  const impossible = receipt({ id: 'e2', attempts: 1.5 });
  expect(() => ledger.record([receipt({ id: 'e1' }), impossible])).toThrow(/ledger\.db/);
  expect(ledger.query().receipts).toEqual([]);
  ledger.record([receipt({ id: 'e1' })]);
  expect(ledger.query().receipts).toHaveLength(1);
  ledger.close();
});

test('a query filters by landing, outcome and time, newest first', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  ledger.record([
    receipt({ id: 'a', finished: 1000 }),
    receipt({ id: 'b', finished: 2000, landing: 'globex' }),
    receipt({ id: 'c', finished: 3000, outcome: 'quarantined', code: 'bad-decrypt' }),
    receipt({ id: 'd', finished: 4000 }),
  ]);
  const ids = (query: Parameters<typeof ledger.query>[0]) => ledger.query(query).receipts.map(({ id }) => id);
  expect(ids({})).toEqual(['d', 'c', 'b', 'a']);
  expect(ids({ landing: 'acme' })).toEqual(['d', 'c', 'a']);
  expect(ids({ outcome: 'quarantined' })).toEqual(['c']);
  expect(ids({ since: 2000, until: 4000 })).toEqual(['c', 'b']);
  expect(ids({ landing: 'acme', outcome: 'delivered', since: 1000, until: 4000 })).toEqual(['a']);
  expect(ids({ landing: `acme' OR '1'='1` })).toEqual([]);
  ledger.close();
});

test('pages follow each other by cursor without a gap, also where times are equal and rows are added meanwhile', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  const ids = Array.from({ length: 25 }, (_, index) => `e${String(index).padStart(2, '0')}`);
  ledger.record(ids.map((id, index) => receipt({ id, finished: 1000 + Math.floor(index / 10) })));
  const seen: string[] = [];
  let cursor: string | null | undefined;
  do {
    const page = ledger.query({ limit: 4, cursor: cursor ?? undefined });
    seen.push(...page.receipts.map(({ id }) => id));
    ({ cursor } = page);
    ledger.record([receipt({ id: `late-${seen.length}`, finished: 9000 })]);
  } while (cursor !== null);
  expect(seen).toEqual(ids.toReversed());
  ledger.close();
});

test('a page has at most 1000 receipts, whatever is asked for', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  ledger.record(Array.from({ length: 1200 }, (_, index) => receipt({ id: `e${index}` })));
  expect(ledger.query({ limit: 1e9 }).receipts).toHaveLength(1000);
  expect(ledger.query({ limit: -1 }).receipts).toHaveLength(1);
  ledger.close();
});

test('a cursor that the ledger did not give is a wrong argument', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  expect(() => ledger.query({ cursor: '1 OR 1' })).toThrow(expect.objectContaining({ code: 'usage' }));
  ledger.close();
});

test('a wrapped key is known by the first envelope delivered with it, and not by failed ones', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  expect(ledger.seenWrappedKey(SHA)).toBeNull();
  ledger.record([receipt({ id: 'failed', outcome: 'quarantined', code: 'truncated-payload', wrappedKeySha256: SHA })]);
  expect(ledger.seenWrappedKey(SHA)).toBeNull();
  ledger.record([receipt({ id: 'first', wrappedKeySha256: SHA, finished: 5000 })]);
  ledger.record([receipt({ id: 'second', wrappedKeySha256: SHA, finished: 6000 })]);
  expect(ledger.seenWrappedKey(SHA)).toMatchObject({ id: 'first', delivered: 5000 });
  ledger.close();
});

test('retention removes old receipts and still knows their wrapped keys', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  ledger.record(Array.from({ length: 1100 }, (_, index) => receipt({ id: `old-${index}`, finished: index })));
  ledger.record([
    receipt({ id: 'old-key', finished: 10, wrappedKeySha256: SHA }),
    receipt({ id: 'new', finished: 5000 }),
  ]);
  const rounds: number[] = [];
  do rounds.push(ledger.prune({ receiptsBefore: 5000 }));
  while (rounds.at(-1) !== 0);
  expect(rounds).toEqual([500, 500, 101, 0]);
  expect(ledger.query().receipts.map(({ id }) => id)).toEqual(['new']);
  expect(ledger.seenWrappedKey(SHA)).toMatchObject({ id: 'old-key', delivered: 10 });
  expect(ledger.prune({ keysBefore: 11 })).toBe(1);
  expect(ledger.seenWrappedKey(SHA)).toBeNull();
  ledger.close();
});

test('totals count envelopes and bytes by landing, outcome and code', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  ledger.record([
    receipt({ id: 'a', plaintextSize: 10, finished: 1000 }),
    receipt({ id: 'b', plaintextSize: 20, finished: 3000 }),
    receipt({
      id: 'c',
      landing: 'globex',
      outcome: 'quarantined',
      code: 'wrong-key',
      plaintextSize: null,
      finished: 2000,
    }),
  ]);
  const acme = { landing: 'acme', outcome: 'delivered', code: null, envelopes: 2, plaintextBytes: 30, latest: 3000 };
  const globex = {
    landing: 'globex',
    outcome: 'quarantined',
    code: 'wrong-key',
    envelopes: 1,
    plaintextBytes: 0,
    latest: 2000,
  };
  expect(ledger.totals()).toEqual([acme, globex]);
  expect(ledger.totals({ landing: 'globex' })).toEqual([globex]);
  expect(ledger.totals({ until: 3000, landing: 'acme' })).toEqual([
    { ...acme, envelopes: 1, plaintextBytes: 10, latest: 1000 },
  ]);
  ledger.close();
});

test('where plaintext names are to be omitted, no byte of them reaches the files', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file, plaintextNames: 'omit' });
  ledger.record([
    receipt({ id: 'e1', plaintextName: 'secret-merger.docx', deliveryPath: '/srv/plain/secret-merger.docx' }),
  ]);
  expect(ledger.query().receipts).toMatchObject([{ plaintextName: null, deliveryPath: '/srv/plain' }]);
  const bytes = ['', '-wal'].map((suffix) => readFileSync(`${folder.file}${suffix}`, 'latin1')).join('');
  expect(bytes).toContain('/srv/plain');
  expect(bytes).not.toContain('secret-merger');
  ledger.close();
});

test('a reader needs a ledger that is there and holds receipts', () => {
  using folder = new LedgerFolder();
  const read = () => openLedger({ file: folder.file, access: 'read-only' });
  expect(read).toThrow(expect.objectContaining({ code: 'not-found', message: expect.stringContaining(folder.file) }));
  writeFileSync(folder.file, '');
  expect(read).toThrow(expect.objectContaining({ code: 'not-found' }));
});

test('a reader cannot write', () => {
  using folder = new LedgerFolder();
  openLedger({ file: folder.file }).close();
  const reader = openLedger({ file: folder.file, access: 'read-only' });
  expect(reader.query().receipts).toEqual([]);
  expect(() => reader.record([receipt({ id: 'e1' })])).toThrow(expect.objectContaining({ code: 'not-permitted' }));
  reader.close();
});

test('a ledger in a directory that is not there is named in the error', () => {
  using folder = new LedgerFolder();
  const file = join(folder.path, 'nowhere', 'ledger.db');
  expect(() => openLedger({ file })).toThrow(
    expect.objectContaining({ code: 'not-found', message: `${file}: no such file or directory` }),
  );
});

test('a ledger that another process holds locked is an error that passes', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  const other = new DatabaseSync(folder.file);
  other.exec('BEGIN IMMEDIATE');
  expect(() => ledger.record([receipt({ id: 'e1' })])).toThrow(expect.objectContaining({ blame: 'passing' }));
  other.exec('COMMIT');
  other.close();
  ledger.record([receipt({ id: 'e1' })]);
  expect(ledger.query().receipts).toHaveLength(1);
  ledger.close();
});

test('an older ledger is brought up to date step by step, and a step that fails leaves it as it was', () => {
  using folder = new LedgerFolder();
  const first = 'CREATE TABLE one (a INTEGER) STRICT';
  const second = 'CREATE TABLE two (b INTEGER) STRICT';
  const database = new DatabaseSync(folder.file);
  const tables = () =>
    database
      .prepare('SELECT name FROM sqlite_schema ORDER BY name')
      .all()
      .map(({ name }) => name);
  migrate(database, folder.file, [first]);
  expect(() => migrate(database, folder.file, [first, `${second}; CREATE TABLE broken (`])).toThrow(
    /syntax|incomplete/,
  );
  expect(tables()).toEqual(['one']);
  migrate(database, folder.file, [first, second]);
  migrate(database, folder.file, [first, second]);
  expect(tables()).toEqual(['one', 'two']);
  expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: 2 });
  database.close();
});

test('of several envelopes with one wrapped key the first gets it, and keeps it however often it asks', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  const first = keyUse({ id: 'e1' });
  expect(ledger.takeKeys([first, keyUse({ id: 'e2' }), first])).toEqual([null, holderOf(first), null]);
  ledger.close();
  const again = openLedger({ file: folder.file });
  expect(again.takeKeys([keyUse({ id: 'e3' }), first])).toEqual([holderOf(first), null]);
  again.close();
});

test('in each landing a wrapped key has a first envelope, which hears of those elsewhere, vouched ones before others', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  const copied = keyUse({ id: 'e1', landing: 'globex' });
  const vouched = keyUse({ id: 'e2', delivered: 2000, vouched: true });
  expect(ledger.takeKeys([copied, vouched])).toEqual([null, holderOf(copied)]);
  expect(ledger.takeKeys([keyUse({ id: 'e3', landing: 'initech' })])).toEqual([holderOf(vouched)]);
  expect(ledger.takeKeys([keyUse({ id: 'e4', landing: 'globex' })])).toEqual([holderOf(copied)]);
  ledger.close();
});

test('a ledger of the first version keeps its receipts and wrapped keys, each in the landing of its receipt', () => {
  using folder = new LedgerFolder();
  const old = new DatabaseSync(folder.file);
  migrate(old, folder.file, MIGRATIONS.slice(0, 1));
  old.exec(
    "INSERT INTO receipts (id, landing, outcome, finished, attempts) VALUES ('e1', 'acme', 'delivered', 1000, 1)",
  );
  old.exec(`INSERT INTO wrapped_keys VALUES ('${SHA}', 'e1', 1000), ('${'cd'.repeat(32)}', 'pruned', 500)`);
  old.close();
  const ledger = openLedger({ file: folder.file });
  expect(ledger.query().receipts).toMatchObject([{ id: 'e1', landing: 'acme' }]);
  expect(ledger.takeKeys([keyUse({ id: 'e2' })])).toEqual([holderOf(keyUse({ id: 'e1' }))]);
  expect(ledger.seenWrappedKey('cd'.repeat(32))).toEqual({ landing: '', id: 'pruned', delivered: 500, vouched: false });
  ledger.close();
});

test('a wrapped key whose envelope ends otherwise than delivered is free again, and a refused one frees no other', () => {
  using folder = new LedgerFolder();
  const ledger = openLedger({ file: folder.file });
  ledger.takeKeys([keyUse({ id: 'e1' })]);
  const quarantined = { outcome: 'quarantined', deliveryPath: null } as const;
  ledger.record([receipt({ ...quarantined, id: 'e2', code: 'replayed', wrappedKeySha256: null })]);
  expect(ledger.seenWrappedKey(SHA)).toEqual(holderOf(keyUse({ id: 'e1' })));
  ledger.record([receipt({ ...quarantined, id: 'e1', code: 'collision', wrappedKeySha256: null })]);
  expect(ledger.seenWrappedKey(SHA)).toBeNull();
  ledger.close();
});
