import { createHash } from 'node:crypto';
import { SealdropError } from '../errors.ts';
import { CHACHA_NAME, type Cipher } from './ciphers.ts';
import type { DigestName } from './digests.ts';
import { parseHexadecimal } from './hexadecimal.ts';
import { derive } from './derivation-queue.ts';
import type { EncParameters } from './parameters.ts';
import { checkParameters } from './check-parameters.ts';
import { checkKeyFileSize, commandSubstitution } from './passphrase.ts';

/** Default for the number of PBKDF2 iterations above which a payload is refused: about 4 seconds of one core. */
export const MAXIMUM_ITERATIONS = 10_000_000;

/** Key and IV as the cipher needs them. Zero both when done. */
export interface CipherKey {
  readonly key: Buffer;
  /** Empty when the cipher has none. */
  readonly iv: Buffer;
}

export interface DeriveOptions {
  /**
   * The passphrase (`readPassphrase`), or the key file's bytes when the parameters say `raw-key`.
   */
  readonly secret: Uint8Array;
  /** From the header or `-S`; null for none. */
  readonly salt: Uint8Array | null;
  /** PBKDF2 iterations above this are `limit-exceeded`. Default `MAXIMUM_ITERATIONS`. */
  readonly maximumIterations?: number | undefined;
}

function checkIterations(iterations: number, maximum: number): void {
  if (iterations <= maximum) return;
  throw new SealdropError('limit-exceeded', `${iterations} PBKDF2 iterations are above the limit of ${maximum}`, {
    hint: 'ask the sender for a smaller -iter, or raise the limit if this is meant',
    details: { iterations, maximumIterations: maximum },
  });
}

/** EVP_BytesToKey with count 1 (openssl/crypto/evp/evp_key.c): D_i = digest(D_(i-1) || secret || salt), joined. */
function bytesToKey(digest: DigestName, parts: readonly Uint8Array[], length: number): Buffer {
  const output = Buffer.alloc(length);
  let block = Buffer.alloc(0);
  for (let filled = 0; filled < length; filled += block.length) {
    const hash = createHash(digest).update(block);
    for (const part of parts) hash.update(part);
    block.fill(0);
    block = hash.digest();
    block.copy(output, filled);
  }
  block.fill(0);
  return output;
}

/** The key that `-K` gives: zero-filled when short, cut when long, as OpenSSL does from 1.1.1 on. */
function rawKey(keyFile: Uint8Array, form: 'hex' | 'bytes', length: number): Buffer {
  checkKeyFileSize(keyFile);
  if (keyFile.length === 0) throw new SealdropError('bad-key-file', 'the key file is empty');
  if (form === 'bytes') {
    const key = Buffer.alloc(length);
    key.set(keyFile.subarray(0, length));
    return key;
  }
  const text = commandSubstitution(keyFile);
  const key = parseHexadecimal(text.toString('latin1').trim(), length);
  text.fill(0);
  if (key !== null) return key;
  throw new SealdropError('bad-key-file', 'the key file is not hexadecimal text, as -K needs it', {
    hint: 'if it holds the key as bytes, say so: -K raw:key.bin',
  });
}

/** Key and IV in one piece, as both derivations make them; the raw key has no IV of its own. */
async function keyMaterial(parameters: EncParameters, cipher: Cipher, options: DeriveOptions): Promise<Buffer> {
  const { keyDerivation } = parameters;
  const { secret } = options;
  const length = cipher.keyLength + cipher.ivLength;
  const salt = options.salt ?? new Uint8Array(0);
  switch (keyDerivation.method) {
    case 'pbkdf2':
      checkIterations(keyDerivation.iterations, options.maximumIterations ?? MAXIMUM_ITERATIONS);
      return derive({ secret, salt, length, iterations: keyDerivation.iterations, digest: keyDerivation.digest });
    case 'evp-bytes-to-key':
      return bytesToKey(keyDerivation.digest, [secret, salt], length);
    case 'raw-key':
      return rawKey(secret, keyDerivation.form, cipher.keyLength);
    default:
      return keyDerivation satisfies never;
  }
}

/**
 * The cipher's key and IV. PBKDF2 runs on other threads.
 * @throws SealdropError `bad-parameters`, `limit-exceeded`, `bad-key-file` (raw key only)
 */
export async function deriveKey(parameters: EncParameters, options: DeriveOptions): Promise<CipherKey> {
  const cipher = checkParameters(parameters);
  const material = await keyMaterial(parameters, cipher, options);
  const key = Buffer.from(material.subarray(0, cipher.keyLength));
  const iv = Buffer.from(parameters.iv ?? material.subarray(cipher.keyLength));
  material.fill(0);
  return { key, iv };
}

/** The IV as node:crypto wants it: LibreSSL's `chacha` has 8 bytes after a counter of 64 zero bits, `chacha20` states the counter. */
export function toNodeIv(cipher: Cipher, iv: Buffer): Buffer | null {
  if (cipher.ivLength === 0) return null;
  return cipher.name === CHACHA_NAME ? Buffer.concat([Buffer.alloc(8), iv]) : iv;
}
