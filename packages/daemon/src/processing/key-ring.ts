import { type CallOptions, type KeyProvider, type OaepParameters, openKey, toSealdropError } from '@sealdrop/core';
import type { KeyObject } from 'node:crypto';
import { isFileKey } from '../config/key-kind.ts';
import type { Config } from '../config/schema.ts';
import type { Instruments } from '../operations/instruments.ts';

type KeyConfig = Pick<Config, 'keys' | 'aws' | 'passphraseFile'>;
type Watched = Pick<Instruments, 'metrics' | 'health'>;

/** The configured keys, opened when first needed; each use tells metrics and health how it went. */
export class KeyRing {
  readonly #config: KeyConfig;
  readonly #instruments: Watched;
  #opened: Promise<readonly KeyProvider[]> | null = null;

  constructor(config: KeyConfig, instruments: Watched) {
    this.#config = config;
    this.#instruments = instruments;
  }

  /**
   * All keys, those in files first: they cost nothing to try, and no outage of KMS holds up what they open. One that cannot be opened fails them all: without it, an envelope that is wrapped for it would look like one with a wrong key. What
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
    return Promise.all(
      localFirst(keys).map(async (specification) => {
        const condition = conditionOf(specification);
        try {
          const key = await openKey(specification, { aws, passphraseFile });
          this.#instruments.health.report(condition, null);
          return new WatchedKey(key, condition, this.#instruments);
        } catch (thrown) {
          this.#instruments.health.report(condition, toSealdropError(thrown, specification));
          throw thrown;
        }
      }),
    );
  }
}

function localFirst(specifications: readonly string[]): readonly string[] {
  return [...specifications.filter(isFileKey), ...specifications.filter((specification) => !isFileKey(specification))];
}

/** The name of a key's health condition. */
export function conditionOf(specification: string): string {
  return `key:${specification}`;
}

class WatchedKey implements KeyProvider {
  readonly name: string;
  readonly location: NonNullable<KeyProvider['location']>;
  readonly #key: KeyProvider;
  readonly #condition: string;
  readonly #instruments: Watched;

  constructor(key: KeyProvider, condition: string, instruments: Watched) {
    this.name = key.name;
    this.location = key.location ?? 'remote';
    this.#key = key;
    this.#condition = condition;
    this.#instruments = instruments;
  }

  publicKey(options?: CallOptions): Promise<KeyObject> {
    return this.#key.publicKey(options);
  }

  async unwrap(wrappedKey: Uint8Array, oaep: OaepParameters, options?: CallOptions): Promise<Buffer> {
    const began = performance.now();
    try {
      const keyFile = await this.#key.unwrap(wrappedKey, oaep, options);
      this.#note(began, null);
      return keyFile;
    } catch (thrown) {
      this.#note(began, toSealdropError(thrown, this.name));
      throw thrown;
    }
  }

  #note(began: number, error: ReturnType<typeof toSealdropError> | null): void {
    // An interrupted call says nothing about the key; a key that says "not mine" is in order.
    if (error?.code === 'cancelled') return;
    const fault = error?.blame === 'sender' ? null : error;
    const { health, metrics } = this.#instruments;
    health.report(this.#condition, fault);
    if (!this.name.startsWith('aws-kms:')) return;
    metrics.kmsRequestEnded({ seconds: (performance.now() - began) / 1000, code: fault?.code ?? null });
  }
}
