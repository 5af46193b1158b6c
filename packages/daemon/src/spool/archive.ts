import type { Config } from '../config/schema.ts';
import { moveDurably, removeTree } from './durable.ts';
import { envelopeDirectory, type Spool } from './layout.ts';
import { removeClaim } from './records.ts';

/** What becomes of a delivered envelope. May be done again when it was cut off. */
export async function archive(spool: Spool, id: string, setting: Config['archive']): Promise<void> {
  const delivered = envelopeDirectory(spool, 'delivered', id);
  if (setting !== 'delete') return moveDurably(delivered, envelopeDirectory(spool, 'archive', id), 'archive');
  // First, and for good: what is left of it after a crash is not taken for an envelope that nobody has heard of yet.
  await removeClaim(delivered);
  await removeTree(delivered, 'remove-delivered');
}
