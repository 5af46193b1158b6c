import type { Config } from '../config/schema.ts';
import { moveDurably, removeTree } from './durable.ts';
import { envelopeDirectory, type Spool } from './layout.ts';

/** What becomes of a delivered envelope. */
export async function archive(spool: Spool, id: string, setting: Config['archive']): Promise<void> {
  const delivered = envelopeDirectory(spool, 'delivered', id);
  if (setting === 'delete') await removeTree(delivered);
  else await moveDurably(delivered, envelopeDirectory(spool, 'archive', id));
}
