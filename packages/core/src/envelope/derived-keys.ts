/** Key material for many candidates at the price of few derivations, within a budget. */
import { createHash } from 'node:crypto';
import { deriveKey } from '../openssl/key-derivation.ts';
import type { EncParameters } from '../openssl/parameters.ts';

/** The cipher whose key (32 bytes) and IV (16 bytes) together are as long as any cipher's: all others take the beginning of the same bytes. */
const LONGEST = 'aes-256-cbc';
const LONGEST_LENGTH = 48;

export interface KeyInputs {
  readonly parameters: EncParameters;
  readonly secret: Uint8Array;
  readonly salt: Uint8Array | null;
}

/** HMACs that PBKDF2 computes for the longest key and IV (RFC 8018 §5.2). */
function costOf({ keyDerivation }: EncParameters): number {
  if (keyDerivation.method !== 'pbkdf2') return 1;
  const { length } = createHash(keyDerivation.digest).digest();
  return keyDerivation.iterations * Math.ceil(LONGEST_LENGTH / length);
}

export class DerivedKeys {
  readonly #known = new Map<string, Buffer>();
  readonly #budget: number;
  #spent = 0;

  /** @param budget HMACs of PBKDF2, in all */
  constructor(budget: number) {
    this.#budget = budget;
  }

  get spent(): number {
    return this.#spent;
  }

  /** Key and IV of the longest cipher in one piece; null when the budget does not reach for it. */
  async material({ parameters, secret, salt }: KeyInputs): Promise<Buffer | null> {
    const id = createHash('sha256')
      .update(JSON.stringify([parameters.keyDerivation, salt === null ? null : Buffer.from(salt).toString('hex')]))
      .update(secret)
      .digest('hex');
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const cost = costOf(parameters);
    if (this.#spent + cost > this.#budget) return null;
    this.#spent += cost;
    const { key, iv } = await deriveKey(
      { ...parameters, cipher: LONGEST, iv: null },
      { secret, salt, maximumIterations: this.#budget },
    );
    const material = Buffer.concat([key, iv]);
    key.fill(0);
    this.#known.set(id, material);
    return material;
  }

  dispose(): void {
    for (const material of this.#known.values()) material.fill(0);
    this.#known.clear();
  }
}
