/** STUB: types are the contract. */
import type { KeyProvider } from '../keys/key-provider.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import type { EnvelopeMembers } from './naming.ts';

/** Like `EnvelopeMembers` with paths; the payload may be a stream instead (it is then read once, and cannot be verified beforehand). */
export interface EnvelopeSource extends Omit<EnvelopeMembers, 'payload'> {
  readonly payload: string | AsyncIterable<Uint8Array>;
}

export interface OpenOptions {
  /** Tried in order (key rotation). */
  readonly keys: readonly KeyProvider[];
  /** Used instead of what note or manifest say. */
  readonly parameters?: EncParameters | undefined;
  /** Used where there is neither note nor manifest (a landing's default). */
  readonly defaultParameters?: EncParameters | undefined;
  /** Used instead of what manifest, note or the file's name say. */
  readonly oaep?: OaepParameters | undefined;
  /** Whether a passphrase under 16 bytes is `weak-key`. Default `refuse`. */
  readonly weakKeys?: 'refuse' | 'allow' | undefined;
  /** PBKDF2 iterations above this are `limit-exceeded`. Default 10,000,000. */
  readonly maximumIterations?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ReadPlaintextOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of payload bytes read so far. */
  readonly onProgress?: ((payloadBytes: number) => void) | undefined;
}

/** What an outside observer may rely on: `manifest-mac` means that key, parameters, name and payload are as the sealer made them. */
export type Verification = 'manifest-mac' | 'none';

/** An envelope whose key is unwrapped and whose parameters are known. Nothing is decrypted until asked for. */
export interface OpenedEnvelope {
  /** A checked bare file name. */
  readonly plaintextName: string;
  /** Bytes, as the manifest says; null without one. */
  readonly plaintextSize: number | null;
  /** Bytes of the payload; null for a stream. */
  readonly payloadSize: number | null;
  readonly parameters: EncParameters;
  readonly oaep: OaepParameters;
  /** `name` of the provider that unwrapped. */
  readonly keyName: string;
  /** What vouches for the plaintext once `writePlaintext` or `plaintext` ended without an error. */
  readonly verification: Verification;
  /** What had to be put right to open it, in words for a report; mostly empty. */
  readonly repairs: readonly string[];
  /**
   * Decrypts into a new file (mode 0600; it must not exist), verifies, and fsyncs it. When it rejects, the file is gone.
   * The caller gives the file its final name afterwards.
   */
  writePlaintext(path: string, options?: ReadPlaintextOptions): Promise<{ readonly size: number }>;
  /** Decrypts as a stream. With a manifest MAC and a payload on disk, the MAC is verified before the first byte is yielded. */
  plaintext(options?: ReadPlaintextOptions): AsyncIterable<Buffer>;
  /** Zeroes the passphrase. Call it when done. */
  dispose(): void;
}

/**
 * Reads the small members, unwraps the key and settles the parameters.
 * @throws SealdropError with any of the sender's codes, or what the key provider throws
 */
export async function openEnvelope(_source: EnvelopeSource, _options: OpenOptions): Promise<OpenedEnvelope> {
  throw new Error('not implemented yet');
}
