import { SealdropError, toSealdropError } from '@sealdrop/core';
import { realPath } from '../config/check-overlaps.ts';
import { isWithin } from '../config/overlaps.ts';
import type { Config } from '../config/schema.ts';
import { ledgerFile } from '../config/state-paths.ts';
import { openLedger } from '../ledger/ledger.ts';
import { quarantinedReceipt } from '../processing/receipts.ts';
import { copyOut, type Departure, discard, type Removal, sendBack } from '../spool/leave-quarantine.ts';
import { envelopeDirectory, openSpool, type Spool } from '../spool/layout.ts';
import { type ClaimRecord, readClaim } from '../spool/records.ts';
import { readReport } from '../spool/reports.ts';
import type { RetryOrder } from '../spool/small-records.ts';
import { notThere, showQuarantined } from './quarantine.ts';
import { asSpoolOwner } from './spool-owner.ts';

type Places = Pick<Config, 'spool' | 'state' | 'landings'>;

export interface Done {
  readonly id: string;
  /** Where its files are now; null when they are nowhere, or with the daemon. */
  readonly directory: string | null;
  /** What went wrong beside it. */
  readonly warning: SealdropError | null;
}

/** Sends an envelope back to the queue: a running daemon takes it up within seconds, another at its start. */
export async function retryQuarantined(
  config: Pick<Config, 'spool' | 'landings'>,
  id: string,
  order: Pick<RetryOrder, 'parameters' | 'oaep'>,
): Promise<Done> {
  const spool = { root: config.spool };
  await showQuarantined(spool, id);
  await asSpoolOwner(spool, async () => {
    checkLanding(id, await readClaim(envelopeDirectory(spool, 'quarantine', id)).catch(() => null), config);
    unlessGone(id, await sendBack(spool, id, order));
  });
  return { id, directory: null, warning: null };
}

function checkLanding(id: string, claim: ClaimRecord | null, { landings }: Pick<Config, 'landings'>): void {
  if (claim === null) {
    throw new SealdropError('io-error', `${id}: its claim.json cannot be read, so it cannot be tried again`, {
      hint: 'Release it, and upload its files anew.',
    });
  }
  if (landings.some(({ name }) => name === claim.landing)) return;
  throw new SealdropError('bad-configuration', `${id}: no landing is named ${claim.landing} any more`, {
    hint: `Put the landing ${claim.landing} back into the configuration, or release the envelope.`,
  });
}

/** Copies an envelope's files to `DIRECTORY/<id>`, synced, and only then takes it out of quarantine. */
export async function releaseQuarantined(config: Places, id: string, directory: string): Promise<Done> {
  const spool = { root: config.spool };
  await showQuarantined(spool, id);
  await refuseOwnPlaces(config, directory);
  const copy = await copyOut(spool, id, directory);
  return { id, directory: copy, warning: await leave(config, id, 'released') };
}

/** In the spool it would be taken for something else, in a landing for an upload. */
async function refuseOwnPlaces({ spool, landings }: Places, directory: string): Promise<void> {
  const target = await realPath(directory);
  for (const place of [spool, ...landings.map((landing) => landing.directory)]) {
    if (!isWithin(target, await realPath(place))) continue;
    throw new SealdropError('usage', `--to ${directory}: lies within ${place}`, {
      hint: 'Name a directory of your own. To have an envelope tried again, use retry.',
    });
  }
}

export async function purgeQuarantined(config: Places, id: string): Promise<Done> {
  await showQuarantined({ root: config.spool }, id);
  return { id, directory: null, warning: await leave(config, id, 'discarded') };
}

async function leave(config: Places, id: string, removal: Removal): Promise<SealdropError | null> {
  const spool = { root: config.spool };
  return asSpoolOwner(spool, async () => {
    // A spool of an earlier version may lack a directory.
    await openSpool(spool.root);
    const record = await recorder(config, spool, { id, removal });
    let warning: SealdropError | null = null;
    const before = async (): Promise<void> => {
      warning = await record();
    };
    const departure = await discard(spool, id, { removal, before });
    unlessGone(id, departure);
    return warning;
  });
}

/** Writes the receipt; the envelope's own records are read before it moves. A ledger that cannot be used hinders nothing. */
async function recorder(
  config: Places,
  spool: Spool,
  { id, removal }: { readonly id: string; readonly removal: Removal },
): Promise<() => Promise<SealdropError | null>> {
  const envelope = envelopeDirectory(spool, 'quarantine', id);
  const [claim, report] = [await readClaim(envelope).catch(() => null), await readReport(envelope)];
  return async () => {
    try {
      const ledger = openLedger({ file: ledgerFile(config) });
      ledger.record([quarantinedReceipt({ id, claim, report, outcome: removal, received: null })]);
      ledger.close();
      return null;
    } catch (thrown) {
      return toSealdropError(thrown, ledgerFile(config));
    }
  };
}

function unlessGone(id: string, departure: Departure): void {
  if (departure === 'gone') throw notThere(id);
}
