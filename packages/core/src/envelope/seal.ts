/** STUB */
import type { KeyObject } from 'node:crypto';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import type { EnvelopeMembers } from './naming.ts';

export interface SealOptions {
  /** The receiver's RSA public key. */
  readonly publicKey: KeyObject;
  readonly parameters: EncParameters;
  readonly oaep: OaepParameters;
  /** The plaintext's file name: the stem of the flat layout, `NAME.enc` in a folder. */
  readonly name: string;
  /** Where the members (flat) or the envelope's folder (folder, named like the plaintext) are made. */
  readonly directory: string;
  readonly layout: 'flat' | 'folder';
  readonly manifest: 'write' | 'omit';
  readonly existing: 'refuse' | 'replace';
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of plaintext bytes read so far. */
  readonly onProgress?: ((plaintextBytes: number) => void) | undefined;
}

export interface SealedEnvelope {
  /** Paths. */
  readonly members: EnvelopeMembers;
  /** Bytes. */
  readonly plaintextSize: number;
  readonly payloadSize: number;
}

/**
 * Makes an envelope that stock openssl opens: a fresh key file as `openssl rand -base64 32` makes it, wrapped, the payload, a note,
 * and a manifest. The members appear together at the end, manifest last; when it rejects, none is left.
 */
export async function sealEnvelope(
  _source: string | AsyncIterable<Uint8Array>,
  _options: SealOptions,
): Promise<SealedEnvelope> {
  throw new Error('not implemented yet');
}
