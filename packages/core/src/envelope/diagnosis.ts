/** What a diagnosis says, and of what kind its repairs are. */
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import type { Verdict } from './evidence.ts';
import type { KeyFileReading } from './key-file-readings.ts';
import type { PayloadReading } from './payload-variants.ts';
import type { WrappedKeyReading } from './wrapped-key-readings.ts';

/** How an envelope opens. Where it differs from what the envelope says of itself, `changes` says so. */
export interface Repair {
  readonly parameters: EncParameters;
  readonly oaep: OaepParameters;
  /** `name` of the provider that unwraps. */
  readonly keyName: string;
  readonly members: 'as-named' | 'swapped';
  readonly wrappedKey: WrappedKeyReading;
  readonly keyFile: KeyFileReading;
  readonly payload: PayloadReading;
  /** Bytes of the payload file that count. */
  readonly payloadSize: number;
  /** Bytes of the RSA ciphertext. */
  readonly wrappedKeySize: number;
  readonly plaintextName: string;
  /** In words, each a clause; empty when it opens as stated. */
  readonly changes: readonly string[];
}

/** Command lines that open the envelope, for a POSIX shell. They write the plaintext. */
export interface OpeningCommands {
  /** Null when the key provider is neither a PEM file nor in AWS KMS. */
  readonly openssl: string | null;
  readonly sealdrop: string;
}

export type Outcome = 'opens-as-stated' | 'opens-with-repair' | 'does-not-open';

/** What a diagnosis cost. */
export interface DiagnosisEffort {
  /** RSA operations; with AWS KMS each is a request. */
  readonly unwraps: number;
  /** Combinations of key file, derivation, cipher and payload reading that were tried. */
  readonly candidates: number;
  /** HMACs computed by PBKDF2. */
  readonly iterations: number;
}

export interface Diagnosis {
  readonly outcome: Outcome;
  /** How sure the sentence is. Only a `certain` repair may be applied unattended. */
  readonly verdict: Verdict;
  /** What is the matter, in one sentence or two; holds no key material and no plaintext. */
  readonly sentence: string;
  /** log2 of the most that the chance of a false alarm can be; null when the verdict does not come from the plaintext. */
  readonly falseAlarmLog2: number | null;
  /** What the plaintext looks like; null when there is none. */
  readonly plaintext: string | null;
  /** How to open it; null when it cannot be opened, and the sender must send it again. With a verdict below `certain`, the best guess. */
  readonly repair: Repair | null;
  readonly commands: OpeningCommands | null;
  /** A message for the sender, ready to send; null when there is nothing to tell. */
  readonly senderMessage: string | null;
  readonly effort: DiagnosisEffort;
}
