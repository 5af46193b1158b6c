import { SealdropError, toSealdropError } from '@sealdrop/core';
import { closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { syncFile } from '../spool/durable.ts';
import { errnoOf } from '../spool/errno.ts';
import type { Outcome, Receipt } from './receipt.ts';
import { checkVersion, migrate, MIGRATIONS } from './schema.ts';
import { toLedgerError } from './sqlite-errors.ts';
import * as statements from './statements.ts';
import type { ReceiptFilter, Row } from './statements.ts';

export interface LedgerOptions {
  /** The database; beside it SQLite keeps `-wal` and `-shm`. */
  readonly file: string;
  /** `read-only` for a program beside the daemon: it never waits for the daemon, nor the daemon for it. Default `read-write`. */
  readonly access?: 'read-write' | 'read-only' | undefined;
  /** `omit` keeps the names of plaintexts out of the file: of a delivery path only the directory is recorded. Default `keep`. */
  readonly plaintextNames?: 'keep' | 'omit' | undefined;
  /** Who sees to it that what was recorded survives a power cut: `record` itself, which blocks until then (default), or the caller, by `sync`. */
  readonly syncedBy?: 'record' | 'caller' | undefined;
}

export interface ReceiptQuery extends ReceiptFilter {
  /** Default 100, at most 1000. */
  readonly limit?: number | undefined;
  /** Where the page before ended. */
  readonly cursor?: string | undefined;
}

export interface ReceiptPage {
  /** Newest first. */
  readonly receipts: readonly Receipt[];
  /** For the next page; null when this is the last. */
  readonly cursor: string | null;
}

/** An envelope that is about to be delivered. */
export interface KeyUse {
  /** Hex, of the RSA ciphertext. */
  readonly sha256: string;
  readonly landing: string;
  readonly id: string;
  /** ms since the epoch. */
  readonly delivered: number;
  /** Whether it is proven that the key is this landing's sender's: the MAC in its manifest, which takes the key file to make, binds their name. */
  readonly vouched: boolean;
}

/** Another envelope with the same wrapped key. */
export type SeenKey = Omit<KeyUse, 'sha256'>;

export interface Total {
  readonly landing: string;
  readonly outcome: Outcome;
  readonly code: string | null;
  readonly envelopes: number;
  readonly plaintextBytes: number;
  /** The latest of their `finished` times. */
  readonly latest: number;
}

const DEFAULT_LIMIT = 100;
const HIGHEST_LIMIT = 1000;
/** Node's SQLite blocks the event loop while it waits for another process's write. */
const BUSY_TIMEOUT = 2000;
const PRIVATE_FILE = 0o600;
const PRUNED_AT_ONCE = 500;

/*
 * WAL: readers see the last commit and never hold up the writer. synchronous=FULL: a commit is synced before `record` returns, because whoever
 * records lets go of the envelope afterwards; with NORMAL a power cut could take the last receipts, and what is known of replays, with it, unless the
 * -wal file is synced after the commit, which is all that FULL does besides (sqlite.org/pragma.html#pragma_synchronous).
 * journal_size_limit: after a burst the -wal file shrinks again.
 */
const WRITER_SETTINGS = 'PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 16777216; PRAGMA trusted_schema = OFF';

const SYNCHRONOUS = { record: 'PRAGMA synchronous = FULL', caller: 'PRAGMA synchronous = NORMAL' } as const;

/**
 * The receipts of all envelopes, in one SQLite file. Calls are synchronous and short: each touches a bounded number of rows, except `totals`.
 * Every method throws SealdropError: `bad-ledger` when the file is damaged, `disk-full`, `io-error`, `not-permitted`.
 */
export class Ledger {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #plaintextNames: 'keep' | 'omit';
  readonly #identity: string | null;
  readonly #prepared = new Map<string, StatementSync>();

  /** Use `openLedger`. */
  constructor(file: string, database: DatabaseSync, plaintextNames: 'keep' | 'omit') {
    this.#file = file;
    this.#database = database;
    this.#plaintextNames = plaintextNames;
    this.#identity = identityOf(file);
  }

  /** Whether the file is still the one that was opened. To one that was deleted SQLite goes on writing, and nobody will ever read it. */
  get isInPlace(): boolean {
    return identityOf(this.#file) === this.#identity;
  }

  /**
   * Records all of them, or none; when it returns they survive a power cut, unless the caller is to `sync`. To record the same end of an envelope again changes nothing, so a
   * daemon that is not sure whether it did may do it again. Another end (quarantined, then released) replaces the one before.
   * The wrapped key of what was delivered is remembered, and what `takeKeys` noted for an envelope that was not delivered is forgotten.
   */
  record(receipts: readonly Receipt[]): void {
    this.#transaction(() => {
      for (const receipt of receipts) {
        this.#prepare(statements.RECORD).run(statements.formatRow(this.#withoutOmitted(receipt)));
        const { id, landing, outcome, finished: delivered, wrappedKeySha256: sha256 } = receipt;
        if (outcome !== 'delivered') this.#prepare(statements.FORGET_KEYS).run(id);
        else if (sha256 !== null) this.#rememberKey({ sha256, landing, id, delivered, vouched: false });
      }
    });
  }

  /** Resolves when all that is recorded survives a power cut; the event loop goes on meanwhile. */
  async sync(): Promise<void> {
    try {
      await syncFile(`${this.#file}-wal`);
    } catch (error) {
      // Closed meanwhile: that has synced everything (sqlite.org/walformat.html, "The WAL Checkpoint": at the last close).
      if (errnoOf(error) !== 'ENOENT') throw toSealdropError(error, this.#file);
    }
  }

  #withoutOmitted(receipt: Receipt): Receipt {
    if (this.#plaintextNames === 'keep') return receipt;
    const { deliveryPath } = receipt;
    return { ...receipt, plaintextName: null, deliveryPath: deliveryPath === null ? null : dirname(deliveryPath) };
  }

  /** @throws SealdropError `usage` for a cursor that is none */
  query({ limit = DEFAULT_LIMIT, cursor, ...filter }: ReceiptQuery = {}): ReceiptPage {
    const rows = Math.min(Math.max(Math.trunc(limit), 1), HIGHEST_LIMIT);
    const { sql, values } = statements.selectReceipts(filter, rows, cursor);
    return this.#attempt(() => {
      const found = this.#prepare(sql).all(...values) as Row[];
      const receipts = found.slice(0, rows).map(statements.parseRow);
      const last = receipts.at(-1);
      return { receipts, cursor: found.length > rows && last !== undefined ? statements.formatCursor(last) : null };
    });
  }

  /**
   * Notes that these envelopes are about to be delivered, each with a wrapped key that then is theirs: of any number in one landing that have the same
   * one, the first gets it, and keeps it however often it asks. When it returns, that survives a power cut, unless the caller is to `sync`.
   * @returns for each another envelope that has its key, first of all one in the same landing; null when it is its own alone
   */
  takeKeys(uses: readonly KeyUse[]): readonly (SeenKey | null)[] {
    return this.#transaction(() =>
      uses.map((use) => {
        this.#rememberKey(use);
        return this.#findKey(use);
      }),
    );
  }

  /** An envelope that was delivered with this wrapped key (hex, as in receipts), or is about to be; null when there is none. */
  seenWrappedKey(sha256: string): SeenKey | null {
    return this.#attempt(() => this.#findKey({ sha256, landing: '', id: '' }));
  }

  #rememberKey({ sha256, landing, id, delivered, vouched }: KeyUse): void {
    this.#prepare(statements.REMEMBER_KEY).run({ sha256, landing, id, delivered, vouched: vouched ? 1 : 0 });
  }

  #findKey({ sha256, landing, id }: Pick<KeyUse, 'sha256' | 'landing' | 'id'>): SeenKey | null {
    const row = this.#prepare(statements.FIND_KEY).get({ sha256, landing, id });
    return row === undefined ? null : { ...(row as unknown as SeenKey), vouched: row['vouched'] === 1 };
  }

  /** Counts by landing, outcome and code. Reads every receipt that fits: for a command beside the daemon, not within it. */
  totals(filter: ReceiptFilter = {}): readonly Total[] {
    const { sql, values } = statements.selectTotals(filter);
    return this.#attempt(() =>
      this.#prepare(sql)
        .all(...values)
        .map((row) => ({
          landing: row['landing'] as string,
          outcome: row['outcome'] as Outcome,
          code: row['code'] as string | null,
          envelopes: row['envelopes'] as number,
          plaintextBytes: row['plaintext_bytes'] as number,
          latest: row['latest'] as number,
        })),
    );
  }

  /**
   * Deletes receipts that finished, and what is known of wrapped keys that were delivered, before these times; some hundred at once.
   * @returns how many rows went; call it again until it is 0
   */
  prune({ receiptsBefore, keysBefore }: { readonly receiptsBefore?: number; readonly keysBefore?: number }): number {
    return this.#transaction(() => {
      const remove = (sql: string, before = 0): number =>
        Number(this.#prepare(sql).run(before, PRUNED_AT_ONCE).changes);
      return remove(statements.PRUNE_RECEIPTS, receiptsBefore) + remove(statements.PRUNE_KEYS, keysBefore);
    });
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }

  #attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw toLedgerError(error, this.#file);
    }
  }

  #transaction<T>(work: () => T): T {
    return this.#attempt(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        this.#database.exec('COMMIT');
        return result;
      } catch (error) {
        // After some errors SQLite has rolled back by itself.
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
  }
}

/**
 * Opens the ledger, makes it when it is not there (mode 0600; its directory must exist), and brings an older one up to date.
 * @throws SealdropError `bad-ledger` when it is damaged, newer, or something else (see `setAsideLedger`); `not-found`, `not-permitted`,
 * `disk-full`, `io-error`
 */
export function openLedger(options: LedgerOptions): Ledger {
  const { file, access = 'read-write', plaintextNames = 'keep', syncedBy = 'record' } = options;
  checkFile(file, access);
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(file, { readOnly: access === 'read-only', timeout: BUSY_TIMEOUT });
    if (access === 'read-only') checkReadable(database, file);
    else prepareForWriting(database, file, syncedBy);
    return new Ledger(file, database, plaintextNames);
  } catch (error) {
    database?.close();
    throw toLedgerError(error, file);
  }
}

/** Null when there is none, or we may not look. */
function identityOf(file: string): string | null {
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}

/** SQLite itself says no more than "unable to open", and would make the file readable for all. */
function checkFile(file: string, access: 'read-write' | 'read-only'): void {
  try {
    if (access === 'read-only') statSync(file);
    else closeSync(openSync(file, 'a', PRIVATE_FILE));
  } catch (error) {
    throw toSealdropError(error, file);
  }
}

function prepareForWriting(database: DatabaseSync, file: string, syncedBy: keyof typeof SYNCHRONOUS): void {
  checkVersion(database, file, MIGRATIONS.length);
  database.exec(WRITER_SETTINGS);
  database.exec(SYNCHRONOUS[syncedBy]);
  migrate(database, file);
}

function checkReadable(database: DatabaseSync, file: string): void {
  const version = checkVersion(database, file, MIGRATIONS.length);
  if (version === MIGRATIONS.length) return;
  if (version === 0) throw new SealdropError('not-found', `${file}: holds no receipts yet`);
  throw new SealdropError('bad-ledger', `${file}: has ledger version ${version}, which this program no longer reads`, {
    hint: 'start this version of the daemon once: it brings the ledger up to date',
  });
}
