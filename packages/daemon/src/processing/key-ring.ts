import { type KeyProvider, openKey } from '@sealdrop/core';
import type { Config } from '../config/schema.ts';

/** The configured keys, opened when first needed. */
export class KeyRing {
  readonly #config: Pick<Config, 'keys' | 'aws' | 'passphraseFile'>;
  #opened: Promise<readonly KeyProvider[]> | null = null;

  constructor(config: Pick<Config, 'keys' | 'aws' | 'passphraseFile'>) {
    this.#config = config;
  }

  /**
   * All keys, in order. One that cannot be opened fails them all: without it, an envelope that is wrapped for it would look like one with a wrong key. What
   * failed is tried again at the next call.
   * @throws SealdropError what `openKey` throws
   */
  async providers(): Promise<readonly KeyProvider[]> {
    this.#opened ??= this.#open();
    try {
      return await this.#opened;
    } catch (error) {
      this.#opened = null;
      throw error;
    }
  }

  #open(): Promise<readonly KeyProvider[]> {
    const { keys, aws, passphraseFile } = this.#config;
    return Promise.all(keys.map((specification) => openKey(specification, { aws, passphraseFile })));
  }
}
