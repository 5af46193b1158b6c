import { SealdropError } from '@sealdrop/core';
import type { SQLInputValue } from 'node:sqlite';
import type { Outcome, Receipt } from './receipt.ts';

/** Which receipts; what is left out does not matter. */
export interface ReceiptFilter {
  readonly landing?: string | undefined;
  readonly outcome?: Outcome | undefined;
  /** Finished at this time or later: ms since the epoch. */
  readonly since?: number | undefined;
  /** Finished before this time. */
  readonly until?: number | undefined;
}

export type Row = Readonly<Record<string, SQLInputValue>>;

// Facts about the envelope that a second record of it may lack, or may know for the first time.
const FACTS = [
  'plaintext_name',
  'payload_size',
  'plaintext_size',
  'received',
  'claimed',
  'key_name',
  'parameters',
  'verification',
  'wrapped_key_sha256',
  'repairs',
  'delivery_path',
] as const;
const COLUMNS = ['id', 'landing', 'outcome', 'code', 'finished', 'attempts', ...FACTS] as const;

// The same end told twice (a crash lay between) changes nothing, it only fills gaps; another end replaces the one before.
const TOLD_TWICE = 'receipts.outcome = excluded.outcome AND receipts.code IS excluded.code';

const merged = FACTS.map(
  (name) => `${name} = CASE WHEN ${TOLD_TWICE} THEN coalesce(receipts.${name}, excluded.${name})
    ELSE coalesce(excluded.${name}, receipts.${name}) END`,
);

export const RECORD = `INSERT INTO receipts (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map((name) => `:${name}`).join(', ')})
  ON CONFLICT (id) DO UPDATE SET
    ${merged.join(',\n    ')},
    finished = CASE WHEN ${TOLD_TWICE} THEN receipts.finished ELSE excluded.finished END,
    attempts = max(receipts.attempts, excluded.attempts),
    outcome = excluded.outcome,
    code = excluded.code`;

export const REMEMBER_KEY = `INSERT INTO wrapped_keys (sha256, landing, id, delivered, vouched)
  VALUES (:sha256, :landing, :id, :delivered, :vouched) ON CONFLICT DO NOTHING`;
export const FORGET_KEYS = 'DELETE FROM wrapped_keys WHERE id = ?';
/** First that of the same landing, then one that its sender vouched for, then the oldest. */
export const FIND_KEY = `SELECT landing, id, delivered, vouched FROM wrapped_keys WHERE sha256 = :sha256 AND id <> :id
  ORDER BY landing = :landing DESC, vouched DESC, delivered, landing LIMIT 1`;

export const PRUNE_RECEIPTS =
  'DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE finished < ? ORDER BY finished LIMIT ?)';
export const PRUNE_KEYS =
  'DELETE FROM wrapped_keys WHERE (sha256, landing) IN (SELECT sha256, landing FROM wrapped_keys WHERE delivered < ? ORDER BY delivered LIMIT ?)';

/** A condition and the values of its parameters. */
function condition(
  filter: ReceiptFilter,
  cursor?: string,
): { readonly where: string; readonly values: SQLInputValue[] } {
  const parts: (readonly [sql: string, ...values: (SQLInputValue | undefined)[]])[] = [
    ['landing = ?', filter.landing],
    ['outcome = ?', filter.outcome],
    ['finished >= ?', filter.since],
    ['finished < ?', filter.until],
    ['(finished, id) < (?, ?)', ...(cursor === undefined ? [undefined] : parseCursor(cursor))],
  ];
  const given = parts.filter(([, value]) => value !== undefined);
  return {
    where: given.length === 0 ? '' : `WHERE ${given.map(([sql]) => sql).join(' AND ')}`,
    values: given.flatMap(([, ...values]) => values.filter((value) => value !== undefined)),
  };
}

/** Newest first, one more than `limit` so that it shows whether more follow. */
export function selectReceipts(filter: ReceiptFilter, limit: number, cursor?: string) {
  const { where, values } = condition(filter, cursor);
  const sql = `SELECT ${COLUMNS.join(', ')} FROM receipts ${where} ORDER BY finished DESC, id DESC LIMIT ?`;
  return { sql, values: [...values, limit + 1] };
}

export function selectTotals(filter: ReceiptFilter) {
  const { where, values } = condition(filter);
  const sql = `SELECT landing, outcome, code, count(*) AS envelopes, total(plaintext_size) AS plaintext_bytes, max(finished) AS latest
    FROM receipts ${where} GROUP BY landing, outcome, code ORDER BY landing, outcome, code`;
  return { sql, values };
}

export function formatCursor({ finished, id }: Pick<Receipt, 'finished' | 'id'>): string {
  return `${finished}:${id}`;
}

/** @throws SealdropError `usage` when it does not come from `formatCursor` */
function parseCursor(cursor: string): readonly [finished: number, id: string] {
  const [, finished, id] = /^([0-9]{1,15}):(.+)$/.exec(cursor) ?? [];
  if (finished === undefined || id === undefined) {
    throw new SealdropError('usage', `${JSON.stringify(cursor)}: is not a cursor of the ledger`, {
      hint: 'give the cursor that the page before ended with, as it is',
    });
  }
  return [Number(finished), id];
}

export function formatRow(receipt: Receipt): Row {
  return {
    id: receipt.id,
    landing: receipt.landing,
    outcome: receipt.outcome,
    code: receipt.code,
    plaintext_name: receipt.plaintextName,
    payload_size: receipt.payloadSize,
    plaintext_size: receipt.plaintextSize,
    received: receipt.received,
    claimed: receipt.claimed,
    finished: receipt.finished,
    attempts: receipt.attempts,
    key_name: receipt.keyName,
    parameters: receipt.parameters,
    verification: receipt.verification,
    wrapped_key_sha256: receipt.wrappedKeySha256,
    repairs: receipt.repairs.length === 0 ? null : JSON.stringify(receipt.repairs),
    delivery_path: receipt.deliveryPath,
  };
}

/** The tables are STRICT, so a column holds what its type says. */
export function parseRow(row: Row): Receipt {
  const text = (name: string): string | null => row[name] as string | null;
  const number = (name: string): number | null => row[name] as number | null;
  const repairs = text('repairs');
  return {
    id: text('id') ?? '',
    landing: text('landing') ?? '',
    outcome: text('outcome') as Outcome,
    code: text('code'),
    plaintextName: text('plaintext_name'),
    payloadSize: number('payload_size'),
    plaintextSize: number('plaintext_size'),
    received: number('received'),
    claimed: number('claimed'),
    finished: number('finished') ?? 0,
    attempts: number('attempts') ?? 0,
    keyName: text('key_name'),
    parameters: text('parameters'),
    verification: text('verification'),
    wrappedKeySha256: text('wrapped_key_sha256'),
    repairs: repairs === null ? [] : (JSON.parse(repairs) as string[]),
    deliveryPath: text('delivery_path'),
  };
}
