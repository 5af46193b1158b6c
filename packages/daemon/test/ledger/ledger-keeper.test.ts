import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LedgerKeeper } from '../../src/ledger/ledger-keeper.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { LedgerFolder, receipt } from './receipts.ts';

function keeperOf(folder: LedgerFolder): { readonly keeper: LedgerKeeper; readonly said: string[] } {
  const said: string[] = [];
  const keeper = new LedgerKeeper(
    { file: folder.file },
    {
      onCondition: (error) => error !== null && said.push(error.code),
      onSetAside: () => said.push('set aside'),
      onGone: () => said.push('gone'),
    },
  );
  return { keeper, said };
}

function idsIn(file: string): readonly string[] {
  const ledger = openLedger({ file, access: 'read-only' });
  const ids = ledger.query().receipts.map(({ id }) => id);
  ledger.close();
  return ids;
}

test('a ledger that is deleted while it is in use is begun anew, and said to be gone once', async () => {
  using folder = new LedgerFolder();
  const { keeper, said } = keeperOf(folder);
  await keeper.record(receipt({ id: 'e1' }));
  for (const name of readdirSync(folder.path)) rmSync(join(folder.path, name));
  for (const id of ['e2', 'e3']) await keeper.record(receipt({ id }));
  expect(said).toEqual(['gone']);
  expect(idsIn(folder.file).toSorted()).toEqual(['e2', 'e3']);
  keeper.close();
});

test('a ledger that takes the place of the one in use is used from then on', async () => {
  using folder = new LedgerFolder();
  const backup = `${folder.file}.backup`;
  const restored = openLedger({ file: backup });
  restored.record([receipt({ id: 'before' })]);
  restored.close();
  const { keeper, said } = keeperOf(folder);
  await keeper.record(receipt({ id: 'e1' }));
  for (const suffix of ['-wal', '-shm']) rmSync(folder.file + suffix);
  renameSync(backup, folder.file);
  await keeper.record(receipt({ id: 'e2' }));
  expect(said).toEqual(['gone']);
  expect(idsIn(folder.file).toSorted()).toEqual(['before', 'e2']);
  keeper.close();
});

test('what nobody waits for is written with what somebody waits for, and by itself in time', async () => {
  using folder = new LedgerFolder();
  const { keeper } = keeperOf(folder);
  await keeper.record(receipt({ id: 'e1' }));
  const later = keeper.recordInTime(receipt({ id: 'e2' }));
  await keeper.record(receipt({ id: 'e3' }));
  expect(idsIn(folder.file).toSorted()).toEqual(['e1', 'e2', 'e3']);
  await later;
  await keeper.recordInTime(receipt({ id: 'e4' }));
  expect(idsIn(folder.file)).toContain('e4');
  keeper.close();
});

test('when the ledger cannot be written, each hears of it, be it written in time or at once', async () => {
  using folder = new LedgerFolder();
  const { keeper } = keeperOf(folder);
  await keeper.record(receipt({ id: 'e1' }));
  keeper.configure({ file: join(folder.path, 'missing', 'ledger.db') });
  const later = keeper.recordInTime(receipt({ id: 'e2' }));
  await expect(keeper.record(receipt({ id: 'e3' }))).rejects.toMatchObject({ code: 'not-found' });
  await expect(later).rejects.toMatchObject({ code: 'not-found' });
});
