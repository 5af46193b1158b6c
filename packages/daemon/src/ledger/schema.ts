import { SealdropError } from '@sealdrop/core';
import type { DatabaseSync } from 'node:sqlite';

/** `PRAGMA application_id` of a ledger: "SEAL" in ASCII. */
const APPLICATION_ID = 0x53_45_41_4c;

/**
 * Step N takes a ledger from version N to N + 1. What was released is never edited, only added to. Times are ms since the epoch.
 *
 * `wrapped_keys` stands by itself so that replays are known beyond the retention of receipts, and without the name of any plaintext.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE receipts (
    id TEXT PRIMARY KEY,
    landing TEXT NOT NULL,
    outcome TEXT NOT NULL,
    code TEXT,
    plaintext_name TEXT,
    payload_size INTEGER,
    plaintext_size INTEGER,
    received INTEGER,
    claimed INTEGER,
    finished INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    key_name TEXT,
    parameters TEXT,
    verification TEXT,
    wrapped_key_sha256 TEXT,
    repairs TEXT,
    delivery_path TEXT
  ) STRICT;
  CREATE INDEX receipts_by_time ON receipts (finished, id);
  CREATE INDEX receipts_by_landing ON receipts (landing, finished, id);
  CREATE INDEX receipts_by_outcome ON receipts (outcome, finished, id);
  CREATE INDEX receipts_by_landing_and_outcome ON receipts (landing, outcome, finished, id);

  CREATE TABLE wrapped_keys (
    sha256 TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    delivered INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX wrapped_keys_by_time ON wrapped_keys (delivered);
  `,
  // Each landing has a memory of its own: what one sender puts there must not stand in another's way. Where no receipt tells the landing, it stays ''.
  `
  ALTER TABLE wrapped_keys RENAME TO wrapped_keys_of_all;
  DROP INDEX wrapped_keys_by_time;
  CREATE TABLE wrapped_keys (
    sha256 TEXT NOT NULL,
    landing TEXT NOT NULL,
    id TEXT NOT NULL,
    delivered INTEGER NOT NULL,
    vouched INTEGER NOT NULL,
    PRIMARY KEY (sha256, landing)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX wrapped_keys_by_time ON wrapped_keys (delivered);
  CREATE INDEX wrapped_keys_by_envelope ON wrapped_keys (id);
  INSERT INTO wrapped_keys SELECT sha256, coalesce(landing, ''), id, delivered, 0 FROM wrapped_keys_of_all LEFT JOIN receipts USING (id);
  DROP TABLE wrapped_keys_of_all;
  `,
];

function numberOf(database: DatabaseSync, sql: string): number {
  return Number(Object.values(database.prepare(sql).get() ?? {})[0]);
}

/**
 * The version of the ledger in `database`, 0 for an empty database.
 * @throws SealdropError `bad-ledger` when it holds something else, or is newer than `known`
 */
export function checkVersion(database: DatabaseSync, file: string, known: number): number {
  const version = numberOf(database, 'PRAGMA user_version');
  const tables = numberOf(database, 'SELECT count(*) FROM sqlite_schema');
  if (tables > 0 && numberOf(database, 'PRAGMA application_id') !== APPLICATION_ID) {
    throw new SealdropError('bad-ledger', `${file}: is a database, but not a ledger of Sealdrop`, {
      hint: 'move it away, or configure another place for the ledger',
    });
  }
  if (version > known) {
    throw new SealdropError('bad-ledger', `${file}: has ledger version ${version}; this program knows up to ${known}`, {
      hint: 'use the newer version of Sealdrop that made it, or move the file away to begin a new ledger',
    });
  }
  return version;
}

/** Brings `database` up to date, each step whole or not at all. Another process may do the same at the same time. */
export function migrate(database: DatabaseSync, file: string, steps: readonly string[] = MIGRATIONS): void {
  while (checkVersion(database, file, steps.length) < steps.length) {
    database.exec('BEGIN IMMEDIATE');
    try {
      // Asked again under the lock: the other process may have been first.
      const version = checkVersion(database, file, steps.length);
      const step = steps[version];
      if (step !== undefined) {
        database.exec(step);
        database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version + 1}`);
      }
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }
}
