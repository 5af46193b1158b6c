import type { Config } from '../config/schema.ts';
import type { LedgerKeeper } from '../ledger/ledger-keeper.ts';
import type { Instruments } from '../operations/instruments.ts';
import { inspectEntry } from '../spool/durable.ts';
import { envelopeDirectory, envelopesIn, type Spool } from '../spool/layout.ts';
import { discard, discardArchived, finishRemovals, type HalfRemoved } from '../spool/leave-quarantine.ts';
import { readClaim } from '../spool/records.ts';
import { readReport } from '../spool/reports.ts';
import { isTold } from '../spool/small-records.ts';
import { quarantinedReceipt } from './receipts.ts';

export interface RetentionOptions {
  readonly spool: Spool;
  readonly config: Pick<Config, 'archive' | 'quarantine' | 'ledger'>;
  readonly ledger: Pick<LedgerKeeper, 'record' | 'prune'>;
  readonly instruments: Pick<Instruments, 'logger' | 'metrics'>;
}

/** Removes what the configuration wants kept no longer. */
export async function enforceRetention(options: RetentionOptions): Promise<void> {
  const { spool, config, ledger } = options;
  if (typeof config.archive === 'object') {
    for (const id of await olderThan(spool, 'archive', config.archive.keepFor)) await discardArchived(spool, id);
  }
  if (config.quarantine.keepFor !== undefined) {
    for (const id of await olderThan(spool, 'quarantine', config.quarantine.keepFor)) await purge(options, id);
  }
  if (config.ledger.keepFor !== undefined) await ledger.prune(Date.now() - config.ledger.keepFor);
  await finishRemovals(spool, (left) => tellHalfRemoved(options, left));
}

/** Without a report its removal had begun, and before that its receipt was written. */
async function tellHalfRemoved({ ledger }: RetentionOptions, { id, removal, envelope }: HalfRemoved): Promise<void> {
  const [claim, report] = [await readClaim(envelope).catch(() => null), await readReport(envelope)];
  if (report === null) return;
  await ledger.record(quarantinedReceipt({ id, claim, report, outcome: removal, received: null })).catch(() => {});
}

/** By the time that the last record was put into its directory: moving the directory leaves that as it is. */
async function olderThan(spool: Spool, state: 'archive' | 'quarantine', age: number): Promise<readonly string[]> {
  const expired: string[] = [];
  for (const id of await envelopesIn(spool, state)) {
    const entry = await inspectEntry(envelopeDirectory(spool, state, id));
    if (entry !== null && Number(entry.mtimeMs) + age < Date.now()) expired.push(id);
  }
  return expired;
}

/** One that nobody has been told of yet stays. */
async function purge({ spool, ledger, instruments }: RetentionOptions, id: string): Promise<void> {
  const envelope = envelopeDirectory(spool, 'quarantine', id);
  if (!(await isTold(envelope))) return;
  const [claim, report] = [await readClaim(envelope).catch(() => null), await readReport(envelope)];
  const receipt = quarantinedReceipt({ id, claim, report, outcome: 'discarded', received: null });
  // The keeper says itself what is wrong with the ledger.
  const before = (): Promise<void> => ledger.record(receipt).catch(() => {});
  const departure = await discard(spool, id, { removal: 'discarded', before });
  if (departure === 'gone') return;
  instruments.metrics.envelopeEnded(receipt);
  const fields = {
    stage: 'quarantine',
    envelope: id,
    landing: receipt.landing,
    code: receipt.code ?? undefined,
  } as const;
  instruments.logger.info('purged', fields);
}
