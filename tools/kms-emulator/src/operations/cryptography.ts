import { createPublicKey, privateDecrypt, publicEncrypt } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Input } from '../input.ts';
import { modulusLength } from '../key-material.ts';
import type { RsaKeySpec } from '../key-material.ts';
import { requireEnabled } from '../key-store.ts';
import type { KeyStore, KmsKey } from '../key-store.ts';
import { KmsError } from '../kms-error.ts';
import { encryptionAlgorithms, keyAlgorithms, oaepCapacity, oaepOptions } from './algorithms.ts';
import type { EncryptionAlgorithm, OaepAlgorithm } from './algorithms.ts';
import { keyIdLength, requestedKey } from './operation.ts';

const CIPHERTEXT_BYTES = { min: 1, max: 6144 };
const PLAINTEXT_BYTES = { min: 1, max: 4096 };

interface RsaKey {
  readonly arn: string;
  readonly keySpec: RsaKeySpec;
  readonly privateKey: KeyObject;
}

function asRsaKey(key: KmsKey): RsaKey | undefined {
  const { arn, keySpec, privateKey } = key;
  return keySpec === 'SYMMETRIC_DEFAULT' || privateKey === undefined ? undefined : { arn, keySpec, privateKey };
}

export function getPublicKey(store: KeyStore, input: Input): object {
  const key = requestedKey(store, input);
  const rsa = asRsaKey(key);
  if (rsa === undefined) {
    throw new KmsError('UnsupportedOperationException', `${key.arn} has no public key: its KeySpec is ${key.keySpec}.`);
  }
  requireEnabled(key);
  const der = createPublicKey(rsa.privateKey).export({ type: 'spki', format: 'der' });
  return {
    KeyId: key.arn,
    PublicKey: der.toString('base64'),
    CustomerMasterKeySpec: key.keySpec,
    KeySpec: key.keySpec,
    KeyUsage: key.keyUsage,
    ...keyAlgorithms(key),
  };
}

/** The RSA key and algorithm of a request, once all that KMS checks of them has passed. */
function requestedRsa(
  store: KeyStore,
  input: Input,
  operation: 'Encrypt' | 'Decrypt',
): { readonly key: RsaKey; readonly algorithm: OaepAlgorithm } {
  const algorithm = requestedAlgorithm(input);
  const key = requestedKey(store, input);
  if (key.keyUsage !== 'ENCRYPT_DECRYPT') {
    throw new KmsError(
      'InvalidKeyUsageException',
      `${key.arn} key usage is ${key.keyUsage} which is not valid for ${operation}.`,
    );
  }
  requireEnabled(key);
  const rsa = asRsaKey(key);
  if ((rsa === undefined) !== (algorithm === 'SYMMETRIC_DEFAULT')) {
    throw new KmsError(
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec ${key.keySpec}.`,
    );
  }
  if (rsa === undefined || algorithm === 'SYMMETRIC_DEFAULT') {
    throw new KmsError('UnsupportedOperationException', 'The emulator does not encrypt with symmetric keys.');
  }
  if (input.has('EncryptionContext')) {
    throw new KmsError('ValidationException', `EncryptionContext is not supported with algorithm ${algorithm}.`);
  }
  return { key: rsa, algorithm };
}

function requestedAlgorithm(input: Input): EncryptionAlgorithm {
  return input.optionalChoice('EncryptionAlgorithm', encryptionAlgorithms) ?? 'SYMMETRIC_DEFAULT';
}

/** `DryRun: true` answers with an exception exactly when the request would have succeeded. */
function refuseDryRun(input: Input): void {
  if (!input.flag('DryRun')) return;
  throw new KmsError('DryRunOperationException', 'The request would have succeeded, but the DryRun option is set.');
}

export function encrypt(store: KeyStore, input: Input): object {
  const plaintext = input.blob('Plaintext', PLAINTEXT_BYTES);
  const { key, algorithm } = requestedRsa(store, input, 'Encrypt');
  const capacity = oaepCapacity(algorithm, modulusLength(key.keySpec) / 8);
  if (plaintext.length > capacity) {
    const combination = `Algorithm ${algorithm} and key spec ${key.keySpec}`;
    throw new KmsError('ValidationException', `${combination} cannot encrypt data larger than ${capacity} bytes.`);
  }
  refuseDryRun(input);
  const ciphertext = publicEncrypt({ key: key.privateKey, ...oaepOptions(algorithm) }, plaintext);
  return { KeyId: key.arn, CiphertextBlob: ciphertext.toString('base64'), EncryptionAlgorithm: algorithm };
}

export function decrypt(store: KeyStore, input: Input): object {
  const ciphertext = input.blob('CiphertextBlob', CIPHERTEXT_BYTES);
  // Without a KeyId KMS looks for the key in the blob's own metadata, which an RSA ciphertext does not have.
  const namesKey = input.optionalText('KeyId', keyIdLength) !== undefined;
  if (!namesKey && requestedAlgorithm(input) === 'SYMMETRIC_DEFAULT') throw new KmsError('InvalidCiphertextException');
  const { key, algorithm } = requestedRsa(store, input, 'Decrypt');
  const plaintext = unwrap(key, algorithm, ciphertext);
  refuseDryRun(input);
  return { KeyId: key.arn, Plaintext: plaintext.toString('base64'), EncryptionAlgorithm: algorithm };
}

function unwrap(key: RsaKey, algorithm: OaepAlgorithm, ciphertext: Buffer): Buffer {
  try {
    return privateDecrypt({ key: key.privateKey, ...oaepOptions(algorithm) }, ciphertext);
  } catch {
    throw new KmsError('InvalidCiphertextException');
  }
}
