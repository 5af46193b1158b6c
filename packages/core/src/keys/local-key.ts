import { constants, createPublicKey, privateDecrypt, subtle, type KeyObject, type webcrypto } from 'node:crypto';
import { SealdropError } from '../errors.ts';
import { throwIfCancelled } from './cancellation.ts';
import { decodeOaep } from './eme-oaep.ts';
import type { CallOptions, KeyProvider } from './key-provider.ts';
import { formatOaep, type OaepHash, type OaepParameters } from './oaep-parameters.ts';
import { readPrivateKey } from './private-key-pem.ts';

const BITS_PER_BYTE = 8;

/** What the Web Cryptography API calls the hashes it takes for RSA-OAEP. */
const WEB_HASHES: Partial<Record<OaepHash, string>> = {
  sha1: 'SHA-1',
  sha256: 'SHA-256',
  sha384: 'SHA-384',
  sha512: 'SHA-512',
};

/** Node's API knows no MGF1 hash of its own, so that case is decoded here from the raw RSA result. */
function decryptHere(key: KeyObject, wrappedKey: Uint8Array, oaep: OaepParameters): Buffer | null {
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
  readonly location = 'local';
  readonly #key: KeyObject;
  readonly #bytes: number;
  /** The key as the Web Cryptography API wants it, by hash. */
  readonly #webKeys = new Map<string, webcrypto.CryptoKey>();

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
    const keyFile = await this.#decryptQuietly(wrappedKey, oaep);
    if (keyFile !== null) return keyFile;
    throw new SealdropError(
      'unwrap-failed',
      `${this.name}: the wrapped key does not open with OAEP ${formatOaep(oaep)}`,
    );
  }

  /** OpenSSL's reasons (number above the modulus, wrong padding) are dropped: outside, all failures look the same. */
  async #decryptQuietly(wrappedKey: Uint8Array, oaep: OaepParameters): Promise<Buffer | null> {
    try {
      return await this.#decrypt(wrappedKey, oaep);
    } catch {
      return null;
    }
  }

  /** On the thread pool where Node can: a private operation takes most of a millisecond, and the daemon has one thread for everything else. */
  async #decrypt(wrappedKey: Uint8Array, oaep: OaepParameters): Promise<Buffer | null> {
    const hash = WEB_HASHES[oaep.hash];
    if (hash === undefined || oaep.mgf1Hash !== oaep.hash) return decryptHere(this.#key, wrappedKey, oaep);
    const label = oaep.label.length === 0 ? {} : { label: oaep.label };
    const plaintext = await subtle.decrypt({ name: 'RSA-OAEP', ...label }, this.#webKey(hash), wrappedKey);
    return Buffer.from(plaintext);
  }

  #webKey(hash: string): webcrypto.CryptoKey {
    const known = this.#webKeys.get(hash);
    if (known !== undefined) return known;
    const key = this.#key.toCryptoKey({ name: 'RSA-OAEP', hash }, false, ['decrypt']);
    this.#webKeys.set(hash, key);
    return key;
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
