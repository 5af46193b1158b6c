import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import type { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { openLedger } from '../../src/ledger/ledger.ts';
import { LedgerFolder } from './receipts.ts';

const WRITER = join(import.meta.dirname, 'writing-process.ts');

class Writer {
  readonly said: string[] = [];
  readonly ended: Promise<unknown>;
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #lines;

  constructor(...words: readonly string[]) {
    this.#child = spawn(process.execPath, ['--conditions=@sealdrop/source', WRITER, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#lines.on('line', (line) => this.said.push(line));
    this.ended = Promise.all([once(this.#child, 'exit'), once(this.#lines, 'close')]);
  }

  async reached(count: number): Promise<void> {
    while (this.said.length < count) await once(this.#lines, 'line');
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  get status(): number | null {
    return this.#child.exitCode;
  }
}

test('a reader beside a writing process sees whole receipts, ever more of them, and never an error', async () => {
  using folder = new LedgerFolder();
  const writer = new Writer(folder.file, 'e');
  await writer.reached(1);
  const reader = openLedger({ file: folder.file, access: 'read-only' });
  let known = 0;
  for (let round = 1; round <= 40; round += 1) {
    await writer.reached(round * 5);
    const said = writer.said.length;
    const found = reader.totals()[0]?.envelopes ?? 0;
    expect(found).toBeGreaterThanOrEqual(Math.max(known, said));
    expect(reader.query({ limit: 1000 }).receipts.every(({ plaintextName }) => plaintextName === 'invoices.csv')).toBe(
      true,
    );
    known = found;
  }
  await writer.kill();
  reader.close();
});

test('kill -9 in the middle of writing loses no receipt that was recorded, and the ledger stays in order', async () => {
  using folder = new LedgerFolder();
  for (let round = 0; round < 8; round += 1) {
    const writer = new Writer(folder.file, `r${round}-`);
    await writer.reached(20 + round * 7);
    await writer.kill();
    const ledger = openLedger({ file: folder.file });
    expect(writer.said.filter((id) => ledger.seenWrappedKey(id) === null)).toEqual([]);
    const recorded = new Set(ledger.query({ limit: 1000 }).receipts.map(({ id }) => id));
    expect(writer.said.filter((id) => !recorded.has(id))).toEqual([]);
    ledger.close();
    const database = new DatabaseSync(folder.file);
    expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    database.close();
  }
});

test('a receipt can be read after kill -9 by a reader, before the daemon is back', async () => {
  using folder = new LedgerFolder();
  const writer = new Writer(folder.file, 'e');
  await writer.reached(10);
  await writer.kill();
  const reader = openLedger({ file: folder.file, access: 'read-only' });
  expect(reader.totals()[0]?.envelopes).toBeGreaterThanOrEqual(writer.said.length);
  reader.close();
});

test("processes that create and write the same ledger at once do not get in each other's way", async () => {
  using folder = new LedgerFolder();
  const writers = ['a', 'b', 'c'].map((prefix) => new Writer(folder.file, prefix, '60'));
  await Promise.all(writers.map((writer) => writer.ended));
  expect(writers.map(({ status }) => status)).toEqual([0, 0, 0]);
  const ledger = openLedger({ file: folder.file });
  expect(ledger.totals()[0]?.envelopes).toBe(180);
  ledger.close();
});
