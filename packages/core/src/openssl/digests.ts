import { SealdropError } from '../errors.ts';
import { suggestNames } from './nearest-names.ts';
import { quoteWord } from './quoted-word.ts';

/** A digest's name as `openssl enc -md` and node:crypto both take it: `sha256`. */
export type DigestName = string;

/** Every digest that `-md` can name here. */
export const DIGEST_NAMES: readonly DigestName[] = [
  'sha256',
  'sha512',
  'sha384',
  'sha224',
  'sha512-256',
  'sha512-224',
  'sha1',
  'md5',
  'md5-sha1',
  'sha3-224',
  'sha3-256',
  'sha3-384',
  'sha3-512',
  'blake2b512',
  'blake2s256',
  'ripemd160',
  'sm3',
];

const KNOWN: ReadonlySet<string> = new Set(DIGEST_NAMES);

const ALIASES: ReadonlyMap<string, DigestName> = new Map([
  ['rmd160', 'ripemd160'],
  ['ripemd', 'ripemd160'],
  ['ssl3-md5', 'md5'],
  ['ssl3-sha1', 'sha1'],
  ['sha512/256', 'sha512-256'],
  ['sha512/224', 'sha512-224'],
]);

/** In no OpenSSL that Node carries, or of no fixed length. */
const UNAVAILABLE: ReadonlySet<string> = new Set([
  'md2',
  'md4',
  'mdc2',
  'whirlpool',
  'shake128',
  'shake256',
  'keccak-224',
  'keccak-256',
  'keccak-384',
  'keccak-512',
  'streebog256',
  'streebog512',
]);

/** `sha-256` and `sha2-256` are names of SHA-256 in OpenSSL 3. */
function canonicalName(name: string): string {
  const plain = name.replace(/^--?/, '').toLowerCase();
  return ALIASES.get(plain) ?? plain.replace(/^(?:rsa-)?sha(?:2?-)(?=\d{3}|1$)/, 'sha').replace(/^rsa-/, '');
}

/** The digest of that name or alias, in any case; undefined when it is unknown or not available. */
export function lookUpDigest(name: string): DigestName | undefined {
  const canonical = canonicalName(name);
  return KNOWN.has(canonical) ? canonical : undefined;
}

/** Whether a word names a digest, be it one that `findDigest` refuses. */
export function isDigestName(word: string): boolean {
  const canonical = canonicalName(word);
  return KNOWN.has(canonical) || UNAVAILABLE.has(canonical);
}

/**
 * The digest that `-md NAME` means, in any case.
 * @throws SealdropError `bad-parameters` when it is unknown or not available
 */
export function findDigest(name: string): DigestName {
  const canonical = canonicalName(name);
  if (KNOWN.has(canonical)) return canonical;
  if (UNAVAILABLE.has(canonical)) {
    throw new SealdropError('bad-parameters', `the digest ${canonical} is not available here`, {
      hint: 'ask the sender to encrypt with -pbkdf2 -md sha256',
    });
  }
  throw new SealdropError('bad-parameters', `openssl enc has no digest called ${quoteWord(name)}`, {
    hint: suggestNames(canonical, DIGEST_NAMES),
  });
}
