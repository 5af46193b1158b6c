import { generateRsaKey, rsaKeySpecs } from '../key-material.ts';
import type { Input } from '../input.ts';
import { KmsError } from '../kms-error.ts';
import { requireNotPendingDeletion } from '../key-store.ts';
import type { KeyState, KeyStore, KeyUsage, KmsKey } from '../key-store.ts';
import { keyAlgorithms } from './algorithms.ts';
import { epochSeconds, page, requestedKey } from './operation.ts';

const DESCRIPTION_LENGTH = { min: 0, max: 8192 };
const PENDING_WINDOW_DAYS = { min: 7, max: 30 };
const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

function keyMetadata(store: KeyStore, key: KmsKey): object {
  return {
    AWSAccountId: store.accountId,
    Arn: key.arn,
    CreationDate: epochSeconds(key.creationDate),
    ...(key.deletionDate === undefined ? {} : { DeletionDate: epochSeconds(key.deletionDate) }),
    Description: key.description,
    Enabled: key.state === 'Enabled',
    KeyId: key.keyId,
    KeyManager: 'CUSTOMER',
    KeyState: key.state,
    KeyUsage: key.keyUsage,
    MultiRegion: false,
    Origin: 'AWS_KMS',
    ...keyAlgorithms(key),
    KeySpec: key.keySpec,
    CustomerMasterKeySpec: key.keySpec,
  };
}

export async function createKey(store: KeyStore, input: Input): Promise<object> {
  const keySpec = requestedKeySpec(input);
  const keyUsage = requestedKeyUsage(input, keySpec);
  input.optionalChoice('Origin', ['AWS_KMS']);
  const description = input.optionalText('Description', DESCRIPTION_LENGTH) ?? '';
  const privateKey = keySpec === 'SYMMETRIC_DEFAULT' ? undefined : await generateRsaKey(keySpec);
  return { KeyMetadata: keyMetadata(store, store.add({ keySpec, keyUsage, description, privateKey })) };
}

/** KeySpec, or the older member that means the same. */
function requestedKeySpec(input: Input): KmsKey['keySpec'] {
  const specs = [...rsaKeySpecs, 'SYMMETRIC_DEFAULT'] as const;
  const older = input.optionalChoice('CustomerMasterKeySpec', specs);
  return input.optionalChoice('KeySpec', specs) ?? older ?? 'SYMMETRIC_DEFAULT';
}

function requestedKeyUsage(input: Input, keySpec: KmsKey['keySpec']): KeyUsage {
  const keyUsage = input.optionalChoice('KeyUsage', ['ENCRYPT_DECRYPT', 'SIGN_VERIFY']);
  if (keySpec !== 'SYMMETRIC_DEFAULT' && keyUsage === undefined) {
    throw new KmsError('ValidationException', `You must specify a KeyUsage value for a key of KeySpec ${keySpec}`);
  }
  if (keySpec === 'SYMMETRIC_DEFAULT' && keyUsage === 'SIGN_VERIFY') {
    throw new KmsError('ValidationException', 'KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT');
  }
  return keyUsage ?? 'ENCRYPT_DECRYPT';
}

export function describeKey(store: KeyStore, input: Input): object {
  return { KeyMetadata: keyMetadata(store, requestedKey(store, input)) };
}

export function listKeys(store: KeyStore, input: Input): object {
  const { items, next } = page(store.keys(), input);
  return { Keys: items.map((key) => ({ KeyId: key.keyId, KeyArn: key.arn })), ...next };
}

function changeState(key: KmsKey, state: KeyState): object {
  requireNotPendingDeletion(key);
  key.state = state;
  return {};
}

export function enableKey(store: KeyStore, input: Input): object {
  return changeState(requestedKey(store, input), 'Enabled');
}

export function disableKey(store: KeyStore, input: Input): object {
  return changeState(requestedKey(store, input), 'Disabled');
}

/** The key stays for good in this state: nothing here ever deletes it. */
export function scheduleKeyDeletion(store: KeyStore, input: Input): object {
  const days = input.optionalNumber('PendingWindowInDays', PENDING_WINDOW_DAYS) ?? PENDING_WINDOW_DAYS.max;
  const key = requestedKey(store, input);
  changeState(key, 'PendingDeletion');
  key.deletionDate = new Date(Date.now() + days * DAY_MILLISECONDS);
  const DeletionDate = epochSeconds(key.deletionDate);
  return { KeyId: key.arn, DeletionDate, KeyState: key.state, PendingWindowInDays: days };
}

export function cancelKeyDeletion(store: KeyStore, input: Input): object {
  const key = requestedKey(store, input);
  if (key.state !== 'PendingDeletion') {
    throw new KmsError('KMSInvalidStateException', `${key.arn} is not pending deletion.`);
  }
  key.state = 'Disabled';
  key.deletionDate = undefined;
  return { KeyId: key.arn };
}
