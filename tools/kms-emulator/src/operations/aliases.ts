import type { Input } from '../input.ts';
import { requireNotPendingDeletion } from '../key-store.ts';
import type { KeyStore } from '../key-store.ts';
import { KmsError, validationError } from '../kms-error.ts';
import { epochSeconds, keyIdLength, page, requestedKey } from './operation.ts';

const NAME_LENGTH = { min: 1, max: 256 };
const NAME = /^alias\/[a-zA-Z0-9/_-]+$/;
const RESERVED_PREFIX = 'alias/aws/';

/** Checks an alias name as KMS does. */
export function checkAliasName(name: string): string {
  if (!name.startsWith('alias/')) throw new KmsError('ValidationException', 'Invalid identifier');
  if (!NAME.test(name)) {
    throw validationError(
      `'${name}' at 'aliasName'`,
      'Member must satisfy regular expression pattern: ^[a-zA-Z0-9/_-]+$',
    );
  }
  if (name.startsWith(RESERVED_PREFIX)) throw new KmsError('NotAuthorizedException');
  return name;
}

function requestedName(input: Input): string {
  return checkAliasName(input.text('AliasName', NAME_LENGTH));
}

/** Points the alias at TargetKeyId, which must not be an alias itself. */
function pointAlias(store: KeyStore, input: Input, name: string): object {
  const target = requestedKey(store, input, 'TargetKeyId');
  if (/^alias\/|:alias\//.test(input.text('TargetKeyId', keyIdLength))) {
    throw new KmsError('ValidationException', 'Aliases must refer to keys. Not aliases');
  }
  requireNotPendingDeletion(target);
  store.setAlias(name, target);
  return {};
}

export function createAlias(store: KeyStore, input: Input): object {
  const name = requestedName(input);
  if (store.hasAlias(name)) {
    throw new KmsError('AlreadyExistsException', `An alias with the name ${store.arn(name)} already exists`);
  }
  return pointAlias(store, input, name);
}

export function updateAlias(store: KeyStore, input: Input): object {
  const name = requestedName(input);
  store.find(name);
  return pointAlias(store, input, name);
}

export function deleteAlias(store: KeyStore, input: Input): object {
  store.deleteAlias(requestedName(input));
  return {};
}

export function listAliases(store: KeyStore, input: Input): object {
  const ofKey = input.optionalText('KeyId', keyIdLength);
  const key = ofKey === undefined ? undefined : store.find(ofKey);
  const { items, next } = page(
    store.aliases().filter((alias) => key === undefined || alias.key === key),
    input,
  );
  const Aliases = items.map((alias) => ({
    AliasName: alias.name,
    AliasArn: store.arn(alias.name),
    TargetKeyId: alias.key.keyId,
    CreationDate: epochSeconds(alias.key.creationDate),
    LastUpdatedDate: epochSeconds(alias.key.creationDate),
  }));
  return { Aliases, ...next };
}
