import { SealdropError } from '../errors.ts';
import { CHACHA_NAME, CIPHERS, type Cipher, findCipher } from './ciphers.ts';
import { type DigestName, findDigest } from './digests.ts';
import type { EncParameters, KeyDerivation, Salt } from './parameters.ts';

/** `-pbkdf2` without `-iter` (PKCS5_DEFAULT_ITER in openssl/apps/enc.c is 10,000 in every version). */
export const DEFAULT_ITERATIONS = 10_000;
/** `-md` unless given, from OpenSSL 1.1.0 on. 1.0.2 and LibreSSL 2.8 take MD5. */
export const DEFAULT_DIGEST: DigestName = 'sha256';

/** PKCS5_SALT_LEN (openssl/evp.h): the only salt that EVP_BytesToKey takes, and the default of PBKDF2. */
export const DEFAULT_SALT_LENGTH = 8;
/** EVP_MAX_IV_LENGTH: what `-saltlen` is cut to (openssl/apps/enc.c). */
export const MAXIMUM_SALT_LENGTH = 16;
/** `-iter` is a C int. */
export const LARGEST_ITERATIONS = 2 ** 31 - 1;

function bad(fault: string): SealdropError {
  return new SealdropError('bad-parameters', fault);
}

function checkDerivation(derivation: KeyDerivation): void {
  if (derivation.method === 'raw-key') return;
  findDigest(derivation.digest);
  if (derivation.method !== 'pbkdf2') return;
  const { iterations } = derivation;
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > LARGEST_ITERATIONS) {
    throw bad(`the number of iterations must be a whole number from 1 to ${LARGEST_ITERATIONS}`);
  }
}

/** See `resolveCipher` in parse-flags.ts: with any other derivation the name means `chacha20`. */
function checkChaCha(cipher: Cipher, derivation: KeyDerivation): void {
  if (cipher.name !== CHACHA_NAME || derivation.method === 'raw-key') return;
  if (derivation.method === 'pbkdf2' || derivation.digest !== 'md5') {
    throw bad('the cipher chacha (IV of 8 bytes) goes with -md md5 and without -pbkdf2 only: say chacha20');
  }
}

function checkSalt(salt: Salt, method: KeyDerivation['method']): void {
  if (salt.kind === 'none') return;
  if (method === 'raw-key') throw bad('a raw key (-K) takes no salt');
  const length = salt.kind === 'header' ? salt.length : salt.bytes.length;
  if (method === 'evp-bytes-to-key' && length !== DEFAULT_SALT_LENGTH) {
    throw bad(`without -pbkdf2 the salt has ${DEFAULT_SALT_LENGTH} bytes, not ${length}`);
  }
  if (!Number.isInteger(length) || length < 1 || length > MAXIMUM_SALT_LENGTH) {
    throw bad(`the salt must have 1 to ${MAXIMUM_SALT_LENGTH} bytes`);
  }
}

function checkIv(parameters: EncParameters, cipher: Cipher): void {
  const { iv, keyDerivation } = parameters;
  if (iv !== null && iv.length !== cipher.ivLength) {
    throw bad(`the cipher ${cipher.name} takes an IV of ${cipher.ivLength} bytes, not ${iv.length}`);
  }
  if (iv === null && keyDerivation.method === 'raw-key' && cipher.ivLength > 0) {
    throw bad(`a raw key (-K) with ${cipher.name} needs -iv`);
  }
}

/**
 * Whether parameters are complete and without contradiction; gives the cipher they name.
 * @throws SealdropError `bad-parameters`, `unknown-cipher`, `unsupported-cipher`
 */
export function checkParameters(parameters: EncParameters): Cipher {
  const cipher = CIPHERS.get(parameters.cipher) ?? findCipher(parameters.cipher);
  checkDerivation(parameters.keyDerivation);
  checkChaCha(cipher, parameters.keyDerivation);
  checkSalt(parameters.salt, parameters.keyDerivation.method);
  checkIv(parameters, cipher);
  return cipher;
}
