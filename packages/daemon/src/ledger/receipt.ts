/**
 * How an envelope ended, or where it rests.
 * - `delivered`: its plaintext has its final name.
 * - `quarantined`: set aside for its sender's fault.
 * - `released`: an operator took it out of quarantine.
 * - `discarded`: an operator or retention removed it from quarantine.
 */
export type Outcome = 'delivered' | 'quarantined' | 'released' | 'discarded';

/** What the ledger keeps of one envelope. Times are milliseconds since the epoch (UTC), sizes are bytes; null is "not known". */
export interface Receipt {
  /** The envelope's id. */
  readonly id: string;
  /** The landing's name: each belongs to one sender. */
  readonly landing: string;
  readonly outcome: Outcome;
  /** Why it failed; null for a delivered one. */
  readonly code: string | null;
  readonly plaintextName: string | null;
  readonly payloadSize: number | null;
  readonly plaintextSize: number | null;
  /** When the last of its members was written. */
  readonly received: number | null;
  readonly claimed: number | null;
  readonly finished: number;
  readonly attempts: number;
  /** The key that unwrapped it. */
  readonly keyName: string | null;
  /** openssl flags. */
  readonly parameters: string | null;
  /** What vouches for the plaintext, like `manifest-mac` or `none`. */
  readonly verification: string | null;
  /** Hex, over the RSA ciphertext itself: base64 text around it must not make it another one. */
  readonly wrappedKeySha256: string | null;
  /** What had to be put right to open it. */
  readonly repairs: readonly string[];
  readonly deliveryPath: string | null;
}
