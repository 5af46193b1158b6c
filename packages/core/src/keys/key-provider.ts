import type { KeyObject } from 'node:crypto';
import type { OaepParameters } from './oaep-parameters.ts';

export interface CallOptions {
  /** Aborts the call; it then rejects with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What unwraps: the one thing Sealdrop needs of a private key. Implement `name`, `publicKey` and `unwrap` to use a key of your own
 * (an HSM, another cloud).
 */
export interface KeyProvider {
  /** For messages and logs, like `aws-kms:alias/inbound` or `file:/etc/sealdrop/key.pem`; never a secret. */
  readonly name: string;
  /** Where the private key is. Each unwrapping with a `remote` one is a request that takes time and is paid for: a diagnosis makes few. Default: remote. */
  readonly location?: 'local' | 'remote';
  /** The RSA public key that senders wrap with. */
  publicKey(options?: CallOptions): Promise<KeyObject>;
  /**
   * The bytes that were wrapped, RSAES-OAEP decrypted (RFC 8017 §7.1.2).
   * @throws SealdropError `unwrap-failed` when this key and hash do not open it: the next key or hash is tried then.
   * Any other code ends the attempt and says whose fault it is.
   */
  unwrap(wrappedKey: Uint8Array, oaep: OaepParameters, options?: CallOptions): Promise<Buffer>;
}
