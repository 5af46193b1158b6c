/** What a thread does to derive a key. */
import { pbkdf2Sync } from 'node:crypto';
import type { DigestName } from './digests.ts';

/** What PBKDF2 needs (RFC 8018 §5.2). */
export interface Derivation {
  readonly secret: Uint8Array;
  readonly salt: Uint8Array;
  readonly iterations: number;
  /** Bytes of the result. */
  readonly length: number;
  readonly digest: DigestName;
}

export interface DeriveJob extends Omit<Derivation, 'secret'> {
  readonly kind: 'derive';
  /** Shared with who asks: the secret, and behind it the place for the result. */
  readonly memory: Uint8Array;
  readonly secretLength: number;
}

export function deriveHere({ memory, secretLength, salt, iterations, length, digest }: DeriveJob): null {
  const material = pbkdf2Sync(memory.subarray(0, secretLength), salt, iterations, length, digest);
  memory.set(material, secretLength);
  material.fill(0);
  return null;
}
