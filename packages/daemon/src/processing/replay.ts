import { type OpenedEnvelope, SealdropError, toSealdropError } from '@sealdrop/core';
import type { LandingConfig } from '../config/schema.ts';
import type { LedgerKeeper } from '../ledger/ledger-keeper.ts';
import type { SeenKey } from '../ledger/ledger.ts';
import type { Logger } from '../operations/logger.ts';
import { readEarlierReport } from '../spool/reports.ts';
import { readRetry } from '../spool/small-records.ts';

export interface ReplayCheck {
  readonly id: string;
  readonly landing: LandingConfig;
  /** Its directory. */
  readonly envelope: string;
  readonly ledger: Pick<LedgerKeeper, 'takeKey'>;
  readonly logger: Logger;
}

const COPIED =
  'One of the two is a copy, and nothing shows which. A sender who is named in the manifest (sealdrop encrypt --sender) is told from who copies.';
const REPEATED =
  'The sender must make a new key file for each file. If this one is wanted all the same, retry it; if they all are, set replay: allow.';

/**
 * Makes the wrapped key this envelope's own, or finds that it was another's. Comes last before delivery: an envelope that fails for another reason may
 * be sent again with the same key. What is compared is the RSA ciphertext (`OpenedEnvelope.wrappedKeySha256`): written as other text it is the
 * same, and without the sender's key file nobody can wrap it anew. A key that came in another landing before is no replay unless it is proven to be
 * that sender's: else whoever copies an envelope and is faster would keep it from being delivered.
 * @throws SealdropError `replayed`, or why the ledger cannot be asked: it then stays claimed, as nothing else tells a replay
 */
export async function checkReplay(opened: OpenedEnvelope, check: ReplayCheck): Promise<void> {
  const { id, landing, logger } = check;
  if (landing.replay === 'allow') return;
  const seen = await take(opened, check);
  if (seen === null) return;
  const when = new Date(seen.delivered).toISOString();
  const reason = `its wrapped key is that of the envelope ${seen.id} of the landing ${seen.landing}, taken up for delivery at ${when}`;
  const isReplay = seen.landing === landing.name || seen.vouched;
  const hint = isReplay ? REPEATED : COPIED;
  if (isReplay && landing.replay === 'quarantine' && !(await wasSentBackAsReplay(check))) {
    throw new SealdropError('replayed', reason, { hint });
  }
  const fields = { stage: 'deliver', envelope: id, landing: landing.name, code: 'replayed', reason, hint } as const;
  logger.warn('delivering though its wrapped key came before', fields);
}

async function take(opened: OpenedEnvelope, { id, landing, ledger }: ReplayCheck): Promise<SeenKey | null> {
  const { wrappedKeySha256: sha256, sender, verification } = opened;
  // A manifest that names a sender got here only by naming this landing's.
  const vouched = sender !== null && verification === 'manifest-mac';
  try {
    return await ledger.takeKey({ sha256, landing: landing.name, id, delivered: Date.now(), vouched });
  } catch (error) {
    // The ledger's own condition says what is wrong with it.
    if (landing.replay === 'warn') return null;
    throw toSealdropError(error);
  }
}

/** The operator knew what it was. */
async function wasSentBackAsReplay({ envelope }: ReplayCheck): Promise<boolean> {
  const order = await readRetry(envelope);
  return order !== null && (await readEarlierReport(envelope, order.count))?.code === 'replayed';
}
