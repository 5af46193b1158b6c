import { existsSync } from 'node:fs';
import { SealdropError } from '@sealdrop/core';
import { DURATION_PATTERN, parseDuration } from '../config/duration.ts';
import { openLedger, type ReceiptQuery } from '../ledger/ledger.ts';
import type { Receipt } from '../ledger/receipt.ts';
import { printable } from '../operations/printable.ts';

/** Receipts, newest first; null when there is no ledger yet. Only reads, so a running daemon is not held up. */
export function readHistory(file: string, query: ReceiptQuery): readonly Receipt[] | null {
  if (!existsSync(file)) return null;
  const ledger = openLedger({ file, access: 'read-only' });
  try {
    return ledger.query(query).receipts;
  } finally {
    ledger.close();
  }
}

/** A date or time (ISO 8601), or a duration before now like `7d`, as ms since the epoch. @throws SealdropError `usage` */
export function parseTime(text: string, option: string): number {
  if (DURATION_PATTERN.test(text)) return Date.now() - parseDuration(text);
  const time = /^[0-9]{4}-[0-9]{2}-[0-9]{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new SealdropError('usage', `--${option} ${JSON.stringify(text)}: is not a time`, {
    hint: 'Write a date or time like 2026-11-24 or 2026-11-24T10:45:00Z, or how long ago, like 7d.',
  });
}

export function formatHistory(receipts: readonly Receipt[] | null, file: string): string {
  if (receipts === null) return `no ledger yet: ${file} appears with the first envelope\n`;
  if (receipts.length === 0) return 'no envelope fits\n';
  const format = ({ id, landing, outcome, code, finished, deliveryPath }: Receipt): string =>
    [new Date(finished).toISOString(), id, landing, outcome, code ?? deliveryPath ?? ''].join('  ').trimEnd();
  return receipts.map((receipt) => `${printable(format(receipt))}\n`).join('');
}
