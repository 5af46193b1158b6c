import { type SealdropError, toSealdropError } from '@sealdrop/core';
import type { KeyUse, Ledger, LedgerOptions, SeenKey } from './ledger.ts';
import type { Receipt } from './receipt.ts';
import { openLedgerOrBeginAnew, type OpenedLedger, setAsideLedger } from './set-aside.ts';

export interface LedgerKeeperOptions {
  /** Told after each use: null when the ledger works. */
  readonly onCondition: (error: SealdropError | null) => void;
  /** Told when a damaged ledger was put away and a new one begun. */
  readonly onSetAside: (file: string, reason: SealdropError) => void;
  /** Told when the ledger was deleted, or another took its place, while it was in use. */
  readonly onGone: () => void;
}

/** What to do when it was deleted or replaced while in use. */
export const LEDGER_GONE =
  'What is in its place is used. Receipts and what was known of replays went with it: stop the daemon and restore it.';

/** ms from one writing of receipts to the next, when nobody waits for them. */
const RECEIPTS_PAUSE = 50;

/** What comes while the work before it is being written is written together, for the price of one sync. */
class Batch<Item, Result> {
  readonly #write: (items: readonly Item[]) => Promise<readonly Result[]>;
  #pending: { readonly item: Item; readonly done: PromiseWithResolvers<Result> }[] = [];

  constructor(write: (items: readonly Item[]) => Promise<readonly Result[]>) {
    this.#write = write;
  }

  /** @returns whether it is the first of its batch, so that somebody must call `flush` */
  add(item: Item): { readonly position: 'first' | 'later'; readonly result: Promise<Result> } {
    const done = Promise.withResolvers<Result>();
    this.#pending.push({ item, done });
    return { position: this.#pending.length === 1 ? 'first' : 'later', result: done.promise };
  }

  /** Never rejects: those who added hear of it. */
  async flush(): Promise<void> {
    const entries = this.#pending;
    this.#pending = [];
    if (entries.length === 0) return;
    try {
      const results = await this.#write(entries.map(({ item }) => item));
      for (const [index, { done }] of entries.entries()) done.resolve(results[index] as Result);
    } catch (error) {
      for (const { done } of entries) done.reject(error);
    }
  }
}

/** The daemon's hold on the ledger: receipts that come together share one sync, and a damaged ledger is replaced, never a reason to stop. */
export class LedgerKeeper {
  readonly #options: LedgerKeeperOptions;
  #wanted: LedgerOptions;
  #ledger: Ledger | null = null;
  readonly #receipts = new Batch((receipts: readonly Receipt[]) =>
    this.#use(async (ledger) => {
      ledger.record(receipts);
      await ledger.sync();
      return receipts.map(() => undefined);
    }),
  );
  readonly #keys = new Batch((uses: readonly KeyUse[]) =>
    this.#use(async (ledger) => {
      const seen = ledger.takeKeys(uses);
      await ledger.sync();
      return seen;
    }),
  );
  #writing: Promise<void> = Promise.resolve();
  /** On the monotonic clock, in milliseconds. */
  #receiptsWritten = -RECEIPTS_PAUSE;

  constructor(wanted: LedgerOptions, options: LedgerKeeperOptions) {
    this.#wanted = wanted;
    this.#options = options;
  }

  /** After the configuration changed. */
  configure(wanted: LedgerOptions): void {
    this.close();
    this.#wanted = wanted;
  }

  /** Resolves when the receipt is safe from a power cut. @throws SealdropError when it is not, for a reason that passes or must be mended */
  record(receipt: Receipt): Promise<void> {
    const { result } = this.#receipts.add(receipt);
    this.#writeReceipts();
    return result;
  }

  /** The same for one that nobody waits for: those that come shortly after one another are written together. */
  recordInTime(receipt: Receipt): Promise<void> {
    const { position, result } = this.#receipts.add(receipt);
    const pause = Math.max(0, this.#receiptsWritten + RECEIPTS_PAUSE - performance.now());
    if (position === 'first') setTimeout(() => this.#writeReceipts(), pause);
    return result;
  }

  #writeReceipts(): void {
    this.#receiptsWritten = performance.now();
    this.#flushInTurn(this.#receipts);
  }

  /** `Ledger.takeKeys`, for one envelope. @throws SealdropError when the ledger cannot be used */
  takeKey(use: KeyUse): Promise<SeenKey | null> {
    const { position, result } = this.#keys.add(use);
    if (position === 'first') this.#flushInTurn(this.#keys);
    return result;
  }

  #flushInTurn(batch: Pick<Batch<never, unknown>, 'flush'>): void {
    this.#writing = this.#writing.then(() => batch.flush());
  }

  /** Removes receipts that finished before this time. */
  async prune(receiptsBefore: number): Promise<void> {
    await this.#writing;
    await this.#use((ledger) => {
      while (ledger.prune({ receiptsBefore }) > 0);
    });
  }

  close(): void {
    this.#ledger?.close();
    this.#ledger = null;
  }

  async #use<T>(work: (ledger: Ledger) => T | Promise<T>): Promise<T> {
    try {
      const result = await this.#attempt(work);
      this.#options.onCondition(null);
      return result;
    } catch (thrown) {
      const error = toSealdropError(thrown);
      this.close();
      this.#options.onCondition(error);
      throw error;
    }
  }

  async #attempt<T>(work: (ledger: Ledger) => T | Promise<T>): Promise<T> {
    try {
      return await work(await this.#open());
    } catch (thrown) {
      const error = toSealdropError(thrown);
      if (error.code !== 'bad-ledger') throw error;
      this.close();
      this.#options.onSetAside(await setAsideLedger(this.#wanted.file), error);
      return work(await this.#open());
    }
  }

  async #open(): Promise<Ledger> {
    if (this.#ledger?.isInPlace === true) return this.#ledger;
    if (this.#ledger !== null) this.#options.onGone();
    this.close();
    const { ledger, setAside }: OpenedLedger = await openLedgerOrBeginAnew({ ...this.#wanted, syncedBy: 'caller' });
    if (setAside !== null) this.#options.onSetAside(setAside.file, setAside.reason);
    this.#ledger = ledger;
    return ledger;
  }
}
