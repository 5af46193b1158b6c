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

/**
 * Makes the wrapped key this envelope's own, or finds that it was another's. Comes last before delivery: an envelope that fails for another reason may
 * be sent again with the same key. What is compared is the RSA ciphertext (`OpenedEnvelope.wrappedKeySha256`): written as other text it is the
 * same, and without the sender's key file nobody can wrap it anew.
 * @throws SealdropError `replayed`, or why the ledger cannot be asked: it then stays claimed, as nothing else tells a replay
 */
export async function checkReplay(opened: OpenedEnvelope, check: ReplayCheck): Promise<void> {
  const { id, landing, logger } = check;
  if (landing.replay === 'allow') return;
  const seen = await take(opened.wrappedKeySha256, check);
  if (seen === null) return;
  const when = new Date(seen.delivered).toISOString();
  const message = `its wrapped key is that of the envelope ${seen.id}, delivered at ${when}`;
  if (landing.replay === 'warn' || (await wasSentBackAsReplay(check))) {
    return logger.warn('delivered though replayed', {
      stage: 'deliver',
      envelope: id,
      landing: landing.name,
      code: 'replayed',
      reason: message,
    });
  }
  throw new SealdropError('replayed', message, {
    hint: 'The sender must make a new key file for each file. If this one is wanted all the same, retry it; if they all are, set replay: allow.',
  });
}

async function take(sha256: string, { id, landing, ledger }: ReplayCheck): Promise<SeenKey | null> {
  try {
    return await ledger.takeKey({ sha256, id, time: Date.now() });
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
