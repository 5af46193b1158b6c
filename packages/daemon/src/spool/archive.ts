import type { Config } from '../config/schema.ts';
import { moveDurably } from './durable.ts';
import { envelopeDirectory, type Spool } from './layout.ts';

/** What becomes of a delivered envelope. @returns where it is now; in `removing` it is nobody's any more */
export async function archive(spool: Spool, id: string, setting: Config['archive']): Promise<'archive' | 'removing'> {
  const to = setting === 'delete' ? 'removing' : 'archive';
  const step = setting === 'delete' ? 'leave-delivered' : 'archive';
  await moveDurably(envelopeDirectory(spool, 'delivered', id), envelopeDirectory(spool, to, id), step);
  return to;
}
