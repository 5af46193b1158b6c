import { type SealdropError, toSealdropError } from '@sealdrop/core';
import { moveDurably } from '../spool/durable.ts';
import { unlessErrno } from '../spool/errno.ts';
import { openLedger, type Ledger, type LedgerOptions } from './ledger.ts';

/** A damaged ledger is kept under this name: FILE.damaged-20261124T104500123. */
function asideName(file: string, now: Date): string {
  return `${file}.damaged-${now.toISOString().replace(/[-:.Z]/g, '')}`;
}

/**
 * Renames the ledger, with its `-wal` and `-shm`, out of the way; close it first. Programs that read it go on reading the old one.
 * @returns where it is now
 */
export async function setAsideLedger(file: string): Promise<string> {
  const aside = asideName(file, new Date());
  // The database goes first: SQLite throws away the -wal of a database that is not there, so a crash in between does no harm.
  for (const suffix of ['', '-wal', '-shm']) {
    await unlessErrno(['ENOENT'], () => moveDurably(`${file}${suffix}`, `${aside}${suffix}`, 'ledger-aside'));
  }
  return aside;
}

export interface OpenedLedger {
  readonly ledger: Ledger;
  /** What was wrong with the ledger that was found, and where it lies now; null when it was in order. */
  readonly setAside: { readonly file: string; readonly reason: SealdropError } | null;
}

/**
 * Like `openLedger`, but a ledger that cannot be used is set aside and a new one begun: receipts must never stop the daemon.
 * What was known of replays is in the old one, so the operator must hear of it.
 * @throws SealdropError `not-permitted`, `disk-full`, `io-error`, `not-found`: a new one would fare no better
 */
export async function openLedgerOrBeginAnew(options: LedgerOptions): Promise<OpenedLedger> {
  try {
    return { ledger: openLedger(options), setAside: null };
  } catch (thrown) {
    const reason = toSealdropError(thrown, options.file);
    if (reason.code !== 'bad-ledger') throw reason;
    const file = await setAsideLedger(options.file);
    return { ledger: openLedger(options), setAside: { file, reason } };
  }
}
