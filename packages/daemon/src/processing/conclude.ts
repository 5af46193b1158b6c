import { toSealdropError } from '@sealdrop/core';
import type { Config } from '../config/schema.ts';
import type { LedgerKeeper } from '../ledger/ledger-keeper.ts';
import type { Announcer } from '../operations/announcer.ts';
import type { Instruments } from '../operations/instruments.ts';
import { archive } from '../spool/archive.ts';
import { inspectEntry } from '../spool/durable.ts';
import { reach } from '../spool/fault-points.ts';
import { envelopeDirectory, envelopesIn, membersDirectory, type Spool } from '../spool/layout.ts';
import { type ClaimRecord, type DeliveryRecord, readClaim, readDelivery } from '../spool/records.ts';
import { readReport } from '../spool/reports.ts';
import { isTold, markTold, readRetry } from '../spool/small-records.ts';
import type { Remover } from './remover.ts';
import { deliveredReceipt, eventOf, lastWritten, memberPathsOf, quarantinedReceipt } from './receipts.ts';

/** ms between two looks at all of quarantine: where nobody purges it, it holds hundreds of thousands after years. */
const LOOK_AGAIN = 60_000;

/** Envelopes that may be concluded at the same time while others are delivered. */
const MOST_UNDER_WAY = 64;

/** What lies beside a delivered envelope's members; whoever has just delivered it need not read it again. */
export interface DeliveredRecords {
  readonly claim: ClaimRecord | null;
  readonly delivery: DeliveryRecord | null;
}

export interface ConcluderOptions {
  readonly spool: Spool;
  readonly archive: () => Config['archive'];
  readonly ledger: Pick<LedgerKeeper, 'record' | 'recordInTime'>;
  readonly announcer: Pick<Announcer, 'post'>;
  readonly remover: Pick<Remover, 'add'>;
  readonly instruments: Instruments;
}

/**
 * What comes after an envelope's end: its receipt, then those who want to hear of it, then the archive. Each step may be done twice, so one that a
 * crash or a full disk cut off is begun again from the first. Nothing here can change what became of the envelope.
 */
export class Concluder {
  readonly #options: ConcluderOptions;
  readonly #underWay = new Map<string, Promise<void>>();
  /** On the monotonic clock, in milliseconds: when quarantine is listed again, if nothing failed. */
  #nextLook = 0;
  /** Delivered envelopes that everybody heard of, and that could not be archived yet. */
  readonly #toldDelivered = new Set<string>();
  /** Quarantined envelopes that need not be looked at again. */
  #told = new Set<string>();
  readonly #failing = new Set<string>();

  constructor(options: ConcluderOptions) {
    this.#options = options;
  }

  /** Whether it keeps up with what is delivered. */
  get hasRoom(): boolean {
    return this.#underWay.size < MOST_UNDER_WAY;
  }

  /** Never throws: what cannot be done now is done by a later `sweep`. */
  delivered(id: string, records?: DeliveredRecords): Promise<void> {
    return this.#once(id, () => this.#concludeDelivered(id, records));
  }

  quarantined(id: string): Promise<void> {
    return this.#once(id, () => this.#concludeQuarantined(id));
  }

  /** Takes up what was left at an earlier time. */
  async sweep(): Promise<void> {
    const { spool } = this.#options;
    for (const id of await envelopesIn(spool, 'delivered')) await this.delivered(id);
    if (this.#failing.size === 0 && performance.now() < this.#nextLook) return;
    const quarantined = await envelopesIn(spool, 'quarantine');
    for (const id of quarantined.filter((name) => !this.#told.has(name))) await this.quarantined(id);
    this.#told = new Set(quarantined.filter((id) => this.#told.has(id)));
    this.#nextLook = performance.now() + LOOK_AGAIN;
  }

  async #once(id: string, conclude: () => Promise<void>): Promise<void> {
    const underWay = this.#underWay.get(id);
    if (underWay !== undefined) return underWay;
    const work = this.#unlessItFails(id, conclude).finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, work);
    return work;
  }

  async #unlessItFails(id: string, conclude: () => Promise<void>): Promise<void> {
    try {
      await conclude();
      this.#failing.delete(id);
    } catch (thrown) {
      const { code, message, hint } = toSealdropError(thrown, id);
      if (await this.#isGone(id)) {
        this.#failing.delete(id);
        return;
      }
      if (!this.#failing.has(id)) {
        const fields = { stage: 'archive', envelope: id, code, reason: message, hint } as const;
        this.#options.instruments.logger.warn('not recorded yet', fields);
      }
      this.#failing.add(id);
    }
  }

  /** An operator's command took it meanwhile. */
  async #isGone(id: string): Promise<boolean> {
    const { spool } = this.#options;
    const places = [envelopeDirectory(spool, 'delivered', id), envelopeDirectory(spool, 'quarantine', id)];
    return (await Promise.all(places.map((place) => inspectEntry(place)))).every((entry) => entry === null);
  }

  async #concludeDelivered(id: string, records?: DeliveredRecords): Promise<void> {
    const { spool, ledger, announcer, remover, instruments } = this.#options;
    const { metrics } = instruments;
    const envelope = envelopeDirectory(spool, 'delivered', id);
    if ((await inspectEntry(envelope)) === null) return;
    const { claim, delivery } = records ?? (await recordsOf(envelope));
    if (claim !== null && !this.#toldDelivered.has(id)) {
      const receipt = deliveredReceipt(claim, delivery);
      await reach('ledger', 'write');
      // Who has just delivered it goes on to the next; a sweep takes one after the other.
      await (records === undefined ? ledger.record(receipt) : ledger.recordInTime(receipt));
      await announcer.post(eventOf(receipt, null, 0));
      metrics.envelopeEnded(receipt);
      this.#toldDelivered.add(id);
    }
    const place = await metrics.timed('archive', () => archive(spool, id, this.#options.archive()));
    this.#toldDelivered.delete(id);
    if (place === 'removing') await remover.add(id, delivery?.facts?.payloadSize ?? 0);
  }

  async #concludeQuarantined(id: string): Promise<void> {
    const { spool, ledger, announcer, instruments } = this.#options;
    const envelope = envelopeDirectory(spool, 'quarantine', id);
    if (await isTold(envelope)) {
      this.#told.add(id);
      return;
    }
    this.#told.delete(id);
    const [claim, report] = [await readClaim(envelope).catch(() => null), await readReport(envelope)];
    // Without a report it is on its way back to the queue, or gone.
    if (report === null) return;
    const paths = claim === null ? [] : memberPathsOf(claim, membersDirectory(envelope));
    const received = lastWritten(await Promise.all(paths.map((path) => inspectEntry(path))));
    const receipt = quarantinedReceipt({ id, claim, report, outcome: 'quarantined', received });
    await reach('ledger', 'write');
    await ledger.record(receipt);
    await announcer.post(eventOf(receipt, report, (await readRetry(envelope))?.count ?? 0));
    instruments.metrics.envelopeEnded(receipt);
    await markTold(envelope);
    this.#told.add(id);
  }
}

async function recordsOf(envelope: string): Promise<DeliveredRecords> {
  const claim = await readClaim(envelope).catch(() => null);
  return { claim, delivery: claim === null ? null : await readDelivery(envelope) };
}
