import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openLedger } from '../../src/ledger/ledger.ts';
import { openLedgerOrBeginAnew, setAsideLedger } from '../../src/ledger/set-aside.ts';
import { LedgerFolder, receipt } from './receipts.ts';

async function overwrite(file: string, offset: number, bytes: Buffer): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(bytes, 0, bytes.length, offset);
  await handle.close();
}

test('a ledger in order is opened, and nothing is set aside', async () => {
  using folder = new LedgerFolder();
  openLedger({ file: folder.file }).close();
  const { ledger, setAside } = await openLedgerOrBeginAnew({ file: folder.file });
  expect(setAside).toBeNull();
  ledger.close();
});

test('a file that is no database is set aside whole, and a new ledger begins', async () => {
  using folder = new LedgerFolder();
  const noise = 'this was never a database. '.repeat(500);
  writeFileSync(folder.file, noise);
  const { ledger, setAside } = await openLedgerOrBeginAnew({ file: folder.file });
  expect(setAside?.reason).toMatchObject({
    code: 'bad-ledger',
    blame: 'receiver',
    hint: expect.stringContaining('move it away'),
  });
  expect(setAside?.reason.message).toContain(folder.file);
  expect(readFileSync(setAside?.file ?? '', 'utf8')).toBe(noise);
  ledger.record([receipt({ id: 'e1' })]);
  expect(ledger.query().receipts).toHaveLength(1);
  ledger.close();
});

test("someone else's database is told apart from a ledger and not written to", async () => {
  using folder = new LedgerFolder();
  const other = new DatabaseSync(folder.file);
  other.exec('CREATE TABLE receipts (price REAL)');
  other.close();
  const before = readFileSync(folder.file);
  expect(() => openLedger({ file: folder.file })).toThrow(expect.objectContaining({ code: 'bad-ledger' }));
  expect(readFileSync(folder.file)).toEqual(before);
  expect(() => openLedger({ file: folder.file })).toThrow(/not a ledger of Sealdrop/);
});

test('a ledger of a newer version is refused, with both versions named, and can be set aside', async () => {
  using folder = new LedgerFolder();
  openLedger({ file: folder.file }).close();
  const newer = new DatabaseSync(folder.file);
  newer.exec('PRAGMA user_version = 77');
  newer.close();
  for (const access of ['read-write', 'read-only'] as const) {
    expect(() => openLedger({ file: folder.file, access })).toThrow(
      /has ledger version 77; this program knows up to 2/,
    );
  }
  const { ledger, setAside } = await openLedgerOrBeginAnew({ file: folder.file });
  expect(setAside?.reason.code).toBe('bad-ledger');
  ledger.close();
});

test('a ledger cut short is found damaged, set aside and begun anew', async () => {
  using folder = new LedgerFolder();
  const full = openLedger({ file: folder.file });
  full.record(Array.from({ length: 2000 }, (_, index) => receipt({ id: `e${index}` })));
  full.close();
  truncateSync(folder.file, 5000);
  const { ledger, setAside } = await openLedgerOrBeginAnew({ file: folder.file });
  expect(setAside?.reason.code).toBe('bad-ledger');
  expect(ledger.query().receipts).toEqual([]);
  ledger.close();
});

test('damage that shows only later is named bad-ledger, and the ledger can then be set aside with its -wal and -shm', async () => {
  using folder = new LedgerFolder();
  const full = openLedger({ file: folder.file });
  full.record(Array.from({ length: 3000 }, (_, index) => receipt({ id: `e${index}`, finished: index })));
  full.close();
  // Every page after the schema's: trees that the opening does not look at.
  await overwrite(folder.file, 4096, Buffer.alloc(400_000, 0xa5));
  const damaged = openLedger({ file: folder.file });
  expect(() => damaged.query()).toThrow(expect.objectContaining({ code: 'bad-ledger' }));
  expect(() => damaged.record([receipt({ id: 'new' })])).toThrow(expect.objectContaining({ code: 'bad-ledger' }));
  damaged.close();
  const aside = await setAsideLedger(folder.file);
  expect(readdirSync(folder.path).every((name) => name.startsWith('ledger.db.damaged-'))).toBe(true);
  expect(aside).toMatch(/ledger\.db\.damaged-\d{8}T\d{9}$/);
  const ledger = openLedger({ file: folder.file });
  ledger.record([receipt({ id: 'new' })]);
  expect(ledger.query().receipts).toHaveLength(1);
  ledger.close();
});

test('a reader goes on reading the ledger that was set aside under it', async () => {
  using folder = new LedgerFolder();
  const writer = openLedger({ file: folder.file });
  writer.record([receipt({ id: 'e1' })]);
  const reader = openLedger({ file: folder.file, access: 'read-only' });
  writer.close();
  await setAsideLedger(folder.file);
  expect(reader.query().receipts).toHaveLength(1);
  reader.close();
});
