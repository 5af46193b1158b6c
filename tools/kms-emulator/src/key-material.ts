import { createPrivateKey, generateKeyPair, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

/** RSA key specs of KMS with their modulus length in bits. */
const MODULUS_BITS = { RSA_2048: 2048, RSA_3072: 3072, RSA_4096: 4096 } as const;

export type RsaKeySpec = keyof typeof MODULUS_BITS;

export const rsaKeySpecs = Object.keys(MODULUS_BITS) as readonly RsaKeySpec[];

const generateKeyPairAsync = promisify(generateKeyPair);

/** The modulus length in bits. */
export function modulusLength(keySpec: RsaKeySpec): number {
  return MODULUS_BITS[keySpec];
}

/** Generates off the event loop: a 4096 bit key takes seconds. */
export async function generateRsaKey(keySpec: RsaKeySpec): Promise<KeyObject> {
  const { privateKey } = await generateKeyPairAsync('rsa', { modulusLength: modulusLength(keySpec) });
  return privateKey;
}

/** The same, for callers that cannot wait. */
export function generateRsaKeySync(keySpec: RsaKeySpec): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: modulusLength(keySpec) }).privateKey;
}

/**
 * Reads an RSA private key from PEM and tells its key spec.
 * @throws Error when it is not an RSA key of a size that KMS has.
 */
export function importRsaKey(pem: string): { readonly privateKey: KeyObject; readonly keySpec: RsaKeySpec } {
  const privateKey = parsePrivateKey(pem);
  const bits = privateKey.asymmetricKeyDetails?.modulusLength;
  const keySpec = rsaKeySpecs.find((spec) => MODULUS_BITS[spec] === bits);
  if (privateKey.asymmetricKeyType !== 'rsa' || keySpec === undefined) {
    throw new Error(
      `KMS has RSA keys of 2048, 3072 and 4096 bits, not ${[privateKey.asymmetricKeyType, bits].join(' ').trim()}`,
    );
  }
  return { privateKey, keySpec };
}

function parsePrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new Error('not the PEM text of a private key without a passphrase', { cause: error });
  }
}
