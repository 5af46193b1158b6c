import { constants, createPublicKey, privateDecrypt, type KeyObject } from 'node:crypto';
import { SealdropError } from '../errors.ts';
import { throwIfCancelled } from './cancellation.ts';
import { decodeOaep } from './eme-oaep.ts';
import type { CallOptions, KeyProvider } from './key-provider.ts';
import { formatOaep, type OaepParameters } from './oaep-parameters.ts';
import { readPrivateKey } from './private-key-pem.ts';

const BITS_PER_BYTE = 8;

/** Node's API knows no MGF1 hash of its own, so that case is decoded here from the raw RSA result. */
function decrypt(key: KeyObject, wrappedKey: Uint8Array, oaep: OaepParameters): Buffer | null {
  if (oaep.mgf1Hash !== oaep.hash) {
    return decodeOaep(privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, wrappedKey), oaep);
  }
  const label = oaep.label.length === 0 ? {} : { oaepLabel: oaep.label };
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return privateDecrypt({ key, padding, oaepHash: oaep.hash, ...label }, wrappedKey);
}

/** An RSA private key in this process's memory: for development, tests and hosts without a network. */
class LocalKey implements KeyProvider {
  readonly name: string;
  readonly #key: KeyObject;
  readonly #bytes: number;

  constructor(name: string, key: KeyObject) {
    this.name = name;
    this.#key = key;
    this.#bytes = (key.asymmetricKeyDetails?.modulusLength ?? 0) / BITS_PER_BYTE;
  }

  async publicKey(options: CallOptions = {}): Promise<KeyObject> {
    throwIfCancelled(options.signal);
    return createPublicKey(this.#key);
  }

  async unwrap(wrappedKey: Uint8Array, oaep: OaepParameters, options: CallOptions = {}): Promise<Buffer> {
    throwIfCancelled(options.signal);
    if (wrappedKey.length !== this.#bytes) {
      throw new SealdropError(
        'unwrap-failed',
        `${this.name}: the wrapped key has ${wrappedKey.length} bytes, this RSA key of ${this.#bytes * BITS_PER_BYTE} bits takes ${this.#bytes}`,
        { details: { size: wrappedKey.length, expectedSize: this.#bytes } },
      );
    }
    const keyFile = this.#decryptQuietly(wrappedKey, oaep);
    if (keyFile !== null) return keyFile;
    throw new SealdropError(
      'unwrap-failed',
      `${this.name}: the wrapped key does not open with OAEP ${formatOaep(oaep)}`,
    );
  }

  /** OpenSSL's reasons (number above the modulus, wrong padding) are dropped: outside, all failures look the same. */
  #decryptQuietly(wrappedKey: Uint8Array, oaep: OaepParameters): Buffer | null {
    try {
      return decrypt(this.#key, wrappedKey, oaep);
    } catch {
      return null;
    }
  }
}

export interface LocalKeyOptions {
  /** For an encrypted PEM file: a file whose first line is the passphrase. */
  readonly passphraseFile?: string | undefined;
}

/**
 * A local PEM private key as key provider, named `file:<path>`.
 * @throws SealdropError `bad-private-key`, `not-found`, `not-permitted`
 */
export async function openLocalKey(path: string, options: LocalKeyOptions = {}): Promise<KeyProvider> {
  return new LocalKey(`file:${path}`, await readPrivateKey(path, options.passphraseFile));
}
