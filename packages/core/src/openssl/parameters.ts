/** STUB: types are the contract; parse and format are being written. */
import type { CipherName } from './ciphers.ts';
import type { DigestName } from './digests.ts';

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
