import { type SealdropError, toSealdropError } from '@sealdrop/core';
import type { Ledger, LedgerOptions } from './ledger.ts';
import type { Receipt } from './receipt.ts';
import { openLedgerOrBeginAnew, type OpenedLedger, setAsideLedger } from './set-aside.ts';

export interface LedgerKeeperOptions {
  /** Told after each use: null when the ledger works. */
  readonly onCondition: (error: SealdropError | null) => void;
  /** Told when a damaged ledger was put away and a new one begun. */
  readonly onSetAside: (file: string, reason: SealdropError) => void;
}

interface Entry {
  readonly receipt: Receipt;
  readonly done: PromiseWithResolvers<void>;
}

/** The daemon's hold on the ledger: receipts that come together share one sync, and a damaged ledger is replaced, never a reason to stop. */
export class LedgerKeeper {
  readonly #options: LedgerKeeperOptions;
  #wanted: LedgerOptions;
  #ledger: Ledger | null = null;
  #pending: Entry[] = [];
  #writing: Promise<void> = Promise.resolve();

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
    const done = Promise.withResolvers<void>();
    this.#pending.push({ receipt, done });
    if (this.#pending.length === 1) {
      this.#writing = this.#writing.then(() => this.#write());
    }
    return done.promise;
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

  async #write(): Promise<void> {
    const entries = this.#pending;
    this.#pending = [];
    try {
      await this.#use(async (ledger) => {
        ledger.record(entries.map(({ receipt }) => receipt));
        await ledger.sync();
      });
      for (const { done } of entries) done.resolve();
    } catch (error) {
      for (const { done } of entries) done.reject(error);
    }
  }

  async #use(work: (ledger: Ledger) => void | Promise<void>): Promise<void> {
    try {
      await this.#attempt(work);
      this.#options.onCondition(null);
    } catch (thrown) {
      const error = toSealdropError(thrown);
      this.close();
      this.#options.onCondition(error);
      throw error;
    }
  }

  async #attempt(work: (ledger: Ledger) => void | Promise<void>): Promise<void> {
    try {
      await work(await this.#open());
    } catch (thrown) {
      const error = toSealdropError(thrown);
      if (error.code !== 'bad-ledger') throw error;
      this.close();
      this.#options.onSetAside(await setAsideLedger(this.#wanted.file), error);
      await work(await this.#open());
    }
  }

  async #open(): Promise<Ledger> {
    if (this.#ledger !== null) return this.#ledger;
    const { ledger, setAside }: OpenedLedger = await openLedgerOrBeginAnew({ ...this.#wanted, syncedBy: 'caller' });
    if (setAside !== null) this.#options.onSetAside(setAside.file, setAside.reason);
    this.#ledger = ledger;
    return ledger;
  }
}
