import { dirname } from 'node:path';
import { SealdropError, toSealdropError } from '@sealdrop/core';
import { isSilent } from './answering.ts';
import { markDelivered, partPath, settleDelivery } from './deliver.ts';
import { envelopeDirectory, envelopesIn, type Spool, type State } from './layout.ts';
import { finishSendBack, isOnItsWayBack } from './leave-quarantine.ts';
import { mendClaim } from './mend-claim.ts';
import { finishQuarantine, hasReport } from './quarantine.ts';
import { type ClaimRecord, readClaim } from './records.ts';

/** One thing that `recover` found half done, for the log. */
export interface Recovered {
  readonly id: string;
  readonly landing: string | null;
  readonly outcome: 'claim finished' | 'claim undone' | 'delivery finished' | 'quarantine finished' | 'sent back';
}

export interface Recovery {
  readonly finished: readonly Recovered[];
  /** Left as they are, for a person to look at. */
  readonly unreadable: readonly { readonly directory: string; readonly reason: string }[];
  /** Claimed and to be processed, oldest first. */
  readonly waiting: readonly ClaimRecord[];
}

/** Finishes or undoes whatever a crash left half done, up to delivery and quarantine; what comes after them is told and archived by `conclude`. Runs before anything else touches the spool; running it again changes nothing. */
export async function recover(spool: Spool): Promise<Recovery> {
  const finished: Recovered[] = [];
  const waiting: ClaimRecord[] = [];
  const unreadable: { directory: string; reason: string }[] = [];
  const each = async (state: State, mend: (id: string) => Promise<Recovered | ClaimRecord | null>): Promise<void> => {
    for (const id of await envelopesIn(spool, state)) {
      try {
        const result = await mend(id);
        if (result === null) continue;
        if ('outcome' in result) finished.push(result);
        else waiting.push(result);
      } catch (error) {
        unreadable.push({ directory: envelopeDirectory(spool, state, id), reason: toSealdropError(error).message });
      }
    }
  };
  for (const id of await envelopesIn(spool, 'quarantine')) {
    if (await isOnItsWayBack(envelopeDirectory(spool, 'quarantine', id))) {
      await finishSendBack(spool, id);
      finished.push({ id, landing: null, outcome: 'sent back' });
    }
  }
  await each('claiming', (id) => recoverClaim(spool, id));
  await each('claimed', (id) => recoverClaimed(spool, id));
  return { finished, waiting, unreadable };
}

/** @returns null when its landing does not answer: the scan that finds it back mends it */
async function recoverClaim(spool: Spool, id: string): Promise<Recovered | null> {
  const record = await readClaim(envelopeDirectory(spool, 'claiming', id)).catch(() => null);
  if (record !== null && (await isSilent(record.root))) return null;
  const { outcome, landing } = await mendClaim(spool, id);
  return { id, landing, outcome };
}

/** What the crash left of a claimed envelope: a verdict, a delivery that only needs finishing, or work to be done anew. */
async function recoverClaimed(spool: Spool, id: string): Promise<Recovered | ClaimRecord> {
  const envelope = envelopeDirectory(spool, 'claimed', id);
  const record = await readClaim(envelope);
  if (record === null) throw new SealdropError('io-error', `${envelope}: claim.json is missing`);
  if (await hasReport(envelope)) {
    await finishQuarantine(spool, id);
    return { id, landing: record.landing, outcome: 'quarantine finished' };
  }
  const settled = await settleOrLeave(envelope, partPath(record.delivery, id));
  if (settled !== 'delivered') return record;
  await markDelivered(spool, id);
  return { id, landing: record.landing, outcome: 'delivery finished' };
}

/** A delivery directory that is out of reach now is tried again when the envelope's turn comes. */
async function settleOrLeave(envelope: string, part: string): Promise<'delivered' | 'undelivered'> {
  if (await isSilent(dirname(part))) return 'undelivered';
  try {
    return (await settleDelivery(envelope, part)) === null ? 'undelivered' : 'delivered';
  } catch {
    return 'undelivered';
  }
}
