import { join } from 'node:path';
import type { Config } from './schema.ts';

type Places = Pick<Config, 'spool' | 'state'>;

/** Where the ledger lies, for the daemon and the commands beside it. */
export function ledgerFile({ spool, state }: Places): string {
  return join(state ?? spool, 'ledger.db');
}

/** How whoever writes to the ledger opens it. */
export function ledgerOptions(config: Config): { readonly file: string; readonly plaintextNames: 'keep' | 'omit' } {
  return { file: ledgerFile(config), plaintextNames: config.ledger.plaintextNames };
}

/** Where events wait for hooks and webhooks. */
export function outboxDirectory({ spool, state }: Places): string {
  return join(state ?? spool, 'outbox');
}
