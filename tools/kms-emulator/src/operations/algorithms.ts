import { constants } from 'node:crypto';
import type { KmsKey } from '../key-store.ts';

/** KMS uses the OAEP hash for MGF1 too, and no label. */
const OAEP_HASHES = { RSAES_OAEP_SHA_1: 'sha1', RSAES_OAEP_SHA_256: 'sha256' } as const;
const HASH_BYTES = { sha1: 20, sha256: 32 } as const;

const SIGNING_ALGORITHMS = ['RSASSA_PKCS1_V1_5', 'RSASSA_PSS'].flatMap((scheme) =>
  ['256', '384', '512'].map((bits) => `${scheme}_SHA_${bits}`),
);

export type OaepAlgorithm = keyof typeof OAEP_HASHES;
export type EncryptionAlgorithm = OaepAlgorithm | 'SYMMETRIC_DEFAULT';

export const oaepAlgorithms = Object.keys(OAEP_HASHES) as readonly OaepAlgorithm[];
export const encryptionAlgorithms: readonly EncryptionAlgorithm[] = ['SYMMETRIC_DEFAULT', ...oaepAlgorithms];

/** Node's options for an OAEP algorithm. */
export function oaepOptions(algorithm: OaepAlgorithm): { readonly padding: number; readonly oaepHash: string } {
  return { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: OAEP_HASHES[algorithm] };
}

/** The most bytes that fit: RFC 8017 §7.1.1, k - 2 hLen - 2. `modulusBytes` is k. */
export function oaepCapacity(algorithm: OaepAlgorithm, modulusBytes: number): number {
  return modulusBytes - 2 * HASH_BYTES[OAEP_HASHES[algorithm]] - 2;
}

/** The member that lists what a key can do, as DescribeKey and GetPublicKey have it. */
export function keyAlgorithms(key: KmsKey): {
  readonly EncryptionAlgorithms?: readonly string[];
  readonly SigningAlgorithms?: readonly string[];
} {
  if (key.keyUsage === 'SIGN_VERIFY') return { SigningAlgorithms: SIGNING_ALGORITHMS };
  return { EncryptionAlgorithms: key.keySpec === 'SYMMETRIC_DEFAULT' ? ['SYMMETRIC_DEFAULT'] : oaepAlgorithms };
}
