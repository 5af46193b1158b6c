/** Receipts, and a folder for a ledger. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Receipt } from '../../src/ledger/receipt.ts';

export function receipt(facts: Partial<Receipt> & { readonly id: string }): Receipt {
  return {
    landing: 'acme',
    outcome: 'delivered',
    code: null,
    plaintextName: 'invoices.csv',
    payloadSize: 4128,
    plaintextSize: 4100,
    received: 1_700_000_000_000,
    claimed: 1_700_000_002_000,
    finished: 1_700_000_003_000,
    attempts: 1,
    keyName: 'aws-kms:alias/inbound',
    parameters: '-aes-256-cbc -pbkdf2',
    verification: 'manifest-mac',
    wrappedKeySha256: null,
    repairs: [],
    deliveryPath: '/srv/plain/acme/invoices.csv',
    ...facts,
  };
}

/** A folder that goes with the test. */
export class LedgerFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'sealdrop-ledger-'));
  readonly file = join(this.path, 'ledger.db');

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
