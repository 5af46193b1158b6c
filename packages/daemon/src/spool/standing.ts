import { inspectEntry } from './durable.ts';
import { envelopeDirectory, type Spool } from './layout.ts';
import { finishQuarantine, hasReport } from './quarantine.ts';
import { type DeliveryRecord, readDelivery } from './records.ts';
import { readReport, type ReadReport } from './reports.ts';

/** How far an envelope got that was taken for claimed. */
export type Standing =
  | { readonly state: 'claimed' | 'gone' }
  /** `delivery` is null when its record is gone. */
  | { readonly state: 'delivered'; readonly delivery: DeliveryRecord | null }
  | { readonly state: 'quarantined'; readonly report: ReadReport | null };

/**
 * Looks where an envelope is before it is worked on again: an attempt may have failed after the move that ended it, in the sync that follows. A verdict stands; when only the move to
 * quarantine is missing, it is made.
 */
export async function standingOf(spool: Spool, id: string): Promise<Standing> {
  const claimed = envelopeDirectory(spool, 'claimed', id);
  if (await hasReport(claimed)) await finishQuarantine(spool, id);
  else if ((await inspectEntry(claimed)) !== null) return { state: 'claimed' };
  const delivered = envelopeDirectory(spool, 'delivered', id);
  if ((await inspectEntry(delivered)) !== null) {
    return { state: 'delivered', delivery: await readDelivery(delivered).catch(() => null) };
  }
  const quarantined = envelopeDirectory(spool, 'quarantine', id);
  if ((await inspectEntry(quarantined)) === null) return { state: 'gone' };
  return { state: 'quarantined', report: await readReport(quarantined) };
}
