import { checkParameters, DEFAULT_DIGEST, DEFAULT_ITERATIONS, DEFAULT_SALT_LENGTH } from './check-parameters.ts';
import type { CipherName } from './ciphers.ts';
import type { DigestName } from './digests.ts';

export { flagTakesArgument, parseFlags } from './parse-flags.ts';
export { DEFAULT_DIGEST, DEFAULT_ITERATIONS };

/** How key and IV come from the passphrase (openssl/apps/enc.c). */
export type KeyDerivation =
  | { readonly method: 'pbkdf2'; readonly digest: DigestName; readonly iterations: number }
  | { readonly method: 'evp-bytes-to-key'; readonly digest: DigestName }
  /** `-K`: no passphrase; the key file is the key, as hexadecimal text or as bytes. */
  | { readonly method: 'raw-key'; readonly form: 'hex' | 'bytes' };

export type Salt =
  /** In the payload after `Salted__`; 8 bytes but for `-saltlen` (with PBKDF2 only, 1..16). */
  | { readonly kind: 'header'; readonly length: number }
  /** `-S`: told apart from the payload. OpenSSL 3 writes no header then, 1.x and LibreSSL do: reading takes both. */
  | { readonly kind: 'given'; readonly bytes: Uint8Array }
  /** `-nosalt`, and always with a raw key. */
  | { readonly kind: 'none' };

/** Which of openssl's rules turns the key file into the passphrase. */
export type PassphraseRule =
  /** `-pass file:`, `fd:`, `stdin`: first line, at most 1,023 bytes, CR kept. */
  | 'file'
  /** `-kfile`: first line, at most 127 bytes, trailing CR and LF stripped. */
  | 'kfile'
  /** `-pass pass:"$(cat key.bin)"`, `-k`, `env:`: the whole file as a shell's command substitution gives it. */
  | 'argument';

/** Everything `openssl enc` must be told, complete: no field is ever missing. */
export interface EncParameters {
  readonly cipher: CipherName;
  readonly keyDerivation: KeyDerivation;
  readonly salt: Salt;
  /** `-iv`, zero-filled to the cipher's IV length; null when derived (or when the cipher has none). */
  readonly iv: Uint8Array | null;
  /** `-nopad` is `none`. Only block modes (CBC, ECB) pad at all. */
  readonly padding: 'pkcs7' | 'none';
  readonly armor: 'none' | 'lines' | 'one-line';
  readonly passphraseRule: PassphraseRule;
}

/** `-aes-256-cbc -pbkdf2`. */
export const DEFAULT_PARAMETERS: EncParameters = {
  cipher: 'aes-256-cbc',
  keyDerivation: { method: 'pbkdf2', digest: DEFAULT_DIGEST, iterations: DEFAULT_ITERATIONS },
  salt: { kind: 'header', length: DEFAULT_SALT_LENGTH },
  iv: null,
  padding: 'pkcs7',
  armor: 'none',
  passphraseRule: 'file',
};

function toHexadecimal(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function formatDerivation(derivation: KeyDerivation): string {
  switch (derivation.method) {
    case 'pbkdf2':
      return `-pbkdf2 -md ${derivation.digest} -iter ${derivation.iterations}`;
    case 'evp-bytes-to-key':
      return `-md ${derivation.digest}`;
    case 'raw-key':
      return derivation.form === 'hex' ? '-K "$(cat key.bin)"' : `-K "$(od -An -v -tx1 key.bin | tr -d ' \\n')"`;
    default:
      return derivation satisfies never;
  }
}

function formatSaltLength(length: number): readonly string[] {
  return length === DEFAULT_SALT_LENGTH ? [] : [`-saltlen ${length}`];
}

function formatSalt({ salt, keyDerivation }: EncParameters): readonly string[] {
  if (keyDerivation.method === 'raw-key') return [];
  switch (salt.kind) {
    case 'header':
      return formatSaltLength(salt.length);
    case 'given':
      return [`-S ${toHexadecimal(salt.bytes)}`, ...formatSaltLength(salt.bytes.length)];
    case 'none':
      return ['-nosalt'];
    default:
      return salt satisfies never;
  }
}

const ARMOR_FLAGS = { none: [], lines: ['-a'], 'one-line': ['-a', '-A'] } as const;

const PASSPHRASE_FLAGS = { file: [], kfile: ['-kfile key.bin'], argument: ['-pass "pass:$(cat key.bin)"'] } as const;

/**
 * Parameters as the flags of `openssl enc`, in one canonical form: equal parameters give equal text, which `parseFlags` reads back.
 * The digest is always stated, since openssl's default has changed. Nothing is stated that is so by default in every version.
 * @throws SealdropError `bad-parameters`, `unknown-cipher`, `unsupported-cipher` when they are not valid
 * @example formatFlags(DEFAULT_PARAMETERS) === '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000'
 */
export function formatFlags(parameters: EncParameters): string {
  const cipher = checkParameters(parameters);
  return [
    `-${cipher.name}`,
    formatDerivation(parameters.keyDerivation),
    ...formatSalt(parameters),
    ...(parameters.iv === null || cipher.ivLength === 0 ? [] : [`-iv ${toHexadecimal(parameters.iv)}`]),
    ...(parameters.padding === 'none' && cipher.blockLength > 1 ? ['-nopad'] : []),
    ...ARMOR_FLAGS[parameters.armor],
    ...(parameters.keyDerivation.method === 'raw-key' ? [] : PASSPHRASE_FLAGS[parameters.passphraseRule]),
  ].join(' ');
}
