/** What is computed over the bytes of a payload file as they pass. What it proves is for the envelope to judge. */
import { createHash, createHmac } from 'node:crypto';
import type { Hash, Hmac } from 'node:crypto';
import { secretKey } from './secret-key.ts';

export interface DigestRequest {
  /** Of an HMAC-SHA256; null for none. The caller zeroes it. */
  readonly hmacKey: Uint8Array | null;
  readonly sha256: 'compute' | 'omit';
}

export interface PayloadDigests {
  readonly hmac: Uint8Array | null;
  readonly sha256: Uint8Array | null;
}

export const NO_DIGESTS: DigestRequest = { hmacKey: null, sha256: 'omit' };

export class Digester {
  readonly #hmac: Hmac | null;
  readonly #sha256: Hash | null;

  constructor({ hmacKey, sha256 }: DigestRequest) {
    this.#hmac = hmacKey === null ? null : createHmac('sha256', secretKey(hmacKey));
    this.#sha256 = sha256 === 'compute' ? createHash('sha256') : null;
  }

  update(bytes: Uint8Array): void {
    this.#hmac?.update(bytes);
    this.#sha256?.update(bytes);
  }

  digests(): PayloadDigests {
    return { hmac: this.#hmac?.digest() ?? null, sha256: this.#sha256?.digest() ?? null };
  }
}
