import { randomUUID } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { RsaKeySpec } from './key-material.ts';
import { KmsError } from './kms-error.ts';

/** AWS's own example account. */
const ACCOUNT_ID = '111122223333';
const KEY_ID = /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/i;
const ARN = /^arn:aws[a-z-]*:kms:([^:]*):([^:]*):((?:key|alias)\/.+)$/;

export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion' | 'Unavailable' | 'Creating';
export type KeyUsage = 'ENCRYPT_DECRYPT' | 'SIGN_VERIFY';

/** What KMS says of a key in a state in which it cannot be used. */
const STATE_WORDS: Readonly<Record<KeyState, string>> = {
  Enabled: 'enabled',
  Disabled: 'disabled',
  PendingDeletion: 'pending deletion',
  Unavailable: 'unavailable',
  Creating: 'creating',
};

export interface KmsKey {
  readonly keyId: string;
  readonly arn: string;
  readonly keySpec: RsaKeySpec | 'SYMMETRIC_DEFAULT';
  readonly keyUsage: KeyUsage;
  readonly description: string;
  readonly creationDate: Date;
  /** Absent for a symmetric key, which can be made but does nothing here. */
  readonly privateKey: KeyObject | undefined;
  state: KeyState;
  deletionDate: Date | undefined;
}

export type NewKey = Pick<KmsKey, 'keySpec' | 'keyUsage' | 'description' | 'privateKey'>;

/** Keys and aliases of one account in one region. */
export class KeyStore {
  readonly region: string;
  readonly accountId = ACCOUNT_ID;
  readonly #keys = new Map<string, KmsKey>();
  /** Alias name (`alias/…`) to key id. */
  readonly #aliases = new Map<string, string>();

  constructor(region: string) {
    this.region = region;
  }

  /** The ARN of `key/ID` or `alias/NAME`. */
  arn(resource: string): string {
    return `arn:aws:kms:${this.region}:${this.accountId}:${resource}`;
  }

  add(key: NewKey): KmsKey {
    const keyId = randomUUID();
    const added: KmsKey = {
      ...key,
      keyId,
      arn: this.arn(`key/${keyId}`),
      creationDate: new Date(),
      state: 'Enabled',
      deletionDate: undefined,
    };
    this.#keys.set(keyId, added);
    return added;
  }

  keys(): readonly KmsKey[] {
    return [...this.#keys.values()];
  }

  /** Alias names with the keys they stand for, in order of creation. */
  aliases(): readonly { readonly name: string; readonly key: KmsKey }[] {
    return [...this.#aliases].map(([name, keyId]) => ({ name, key: this.find(keyId) }));
  }

  /** Points an alias at a key, new or not. */
  setAlias(name: string, key: KmsKey): void {
    this.#aliases.set(name, key.keyId);
  }

  hasAlias(name: string): boolean {
    return this.#aliases.has(name);
  }

  deleteAlias(name: string): void {
    if (!this.#aliases.delete(name)) throw this.#aliasNotFound(name);
  }

  /**
   * Finds a key by id, key ARN, alias name or alias ARN.
   * @throws KmsError `NotFoundException` when there is none, or its ARN is of another region; `AccessDeniedException`
   *   for an ARN of another account.
   */
  find(reference: string): KmsKey {
    const resource = this.#localResource(reference);
    if (resource.startsWith('alias/')) {
      const target = this.#aliases.get(resource);
      if (target === undefined) throw this.#aliasNotFound(resource);
      return this.find(target);
    }
    const keyId = resource.slice('key/'.length);
    const key = this.#keys.get(keyId.toLowerCase());
    if (key === undefined) throw new KmsError('NotFoundException', `Key '${this.arn(resource)}' does not exist`);
    return key;
  }

  #localResource(reference: string): string {
    if (reference.startsWith('alias/')) return reference;
    if (KEY_ID.test(reference)) return `key/${reference}`;
    if (!reference.startsWith('arn:')) throw new KmsError('NotFoundException', `Invalid keyId '${reference}'`);
    const [, region, account, resource] = ARN.exec(reference) ?? [];
    if (resource === undefined) throw new KmsError('NotFoundException', `Invalid arn ${reference}`);
    if (region !== this.region) throw new KmsError('NotFoundException', `Invalid arn ${region}`);
    if (account !== this.accountId) throw new KmsError('AccessDeniedException');
    return resource;
  }

  #aliasNotFound(name: string): KmsError {
    return new KmsError('NotFoundException', `Alias ${this.arn(name)} is not found.`);
  }
}

/** Refuses a key that is not enabled, as the developer guide's table of key states says. */
export function requireEnabled(key: KmsKey): void {
  if (key.state === 'Enabled') return;
  const type = key.state === 'Disabled' ? 'DisabledException' : 'KMSInvalidStateException';
  throw new KmsError(type, `${key.arn} is ${STATE_WORDS[key.state]}.`);
}

/** Refuses a key that waits for its deletion. */
export function requireNotPendingDeletion(key: KmsKey): void {
  if (key.state === 'PendingDeletion') requireEnabled(key);
}
