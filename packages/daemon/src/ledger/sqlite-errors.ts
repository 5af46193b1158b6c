import { SealdropError, toSealdropError, type ErrorCode } from '@sealdrop/core';

interface SqliteError extends Error {
  readonly code: 'ERR_SQLITE_ERROR';
  /** An extended result code: its low byte is the primary one (https://sqlite.org/rescode.html). */
  readonly errcode: number;
  readonly errstr: string;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly fact: string;
  readonly hint?: string;
}

const DAMAGED: Meaning = {
  code: 'bad-ledger',
  fact: 'the ledger is damaged',
  hint: 'move it away, with its -wal and -shm files, to begin a new ledger; `sqlite3 FILE .recover` can often save the rows of the old one',
};
const BUSY: Meaning = { code: 'io-error', fact: 'another process holds the ledger locked' };
const REFUSED: Meaning = { code: 'not-permitted', fact: 'the ledger cannot be opened or written' };

const MEANINGS: ReadonlyMap<number, Meaning> = new Map([
  [1, DAMAGED], // SQLITE_ERROR: our statements are fixed, so what it misses is a table or column
  [3, REFUSED], // SQLITE_PERM
  [5, BUSY],
  [6, BUSY], // SQLITE_LOCKED
  [8, REFUSED], // SQLITE_READONLY
  [10, { code: 'io-error', fact: 'reading or writing the ledger failed' }],
  [11, DAMAGED], // SQLITE_CORRUPT
  [13, { code: 'disk-full', fact: 'no space left for the ledger' }],
  [14, REFUSED], // SQLITE_CANTOPEN
  [26, DAMAGED], // SQLITE_NOTADB
]);

function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
}

/** Any failure of a ledger in Sealdrop's words. */
export function toLedgerError(error: unknown, file: string): SealdropError {
  if (!isSqliteError(error)) return toSealdropError(error, file);
  const meaning = MEANINGS.get(error.errcode % 256);
  if (meaning === undefined) return new SealdropError('internal', `${file}: ${error.errstr}`, { cause: error });
  const { code, fact, hint } = meaning;
  const details = { sqliteCode: error.errcode };
  return new SealdropError(code, `${file}: ${fact}: ${error.message}`, { hint, details, cause: error });
}
