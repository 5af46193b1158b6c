import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { FaultQueue } from './faults.ts';
import type { Fault } from './faults.ts';
import { generateRsaKeySync, importRsaKey } from './key-material.ts';
import type { RsaKeySpec } from './key-material.ts';
import { KeyStore } from './key-store.ts';
import type { KeyState } from './key-store.ts';
import { checkAliasName } from './operations/aliases.ts';
import { RequestLog } from './request-log.ts';
import type { RecordedRequest } from './request-log.ts';
import { createKmsServer } from './server.ts';

/** The emulator must not be reachable from other machines: it knows no access control. */
const HOST = '127.0.0.1';
const DEFAULT_REGION = 'us-east-1';

export interface EmulatedKey {
  readonly keyId: string;
  readonly arn: string;
  readonly publicKey: KeyObject;
}

export interface EmulatedKeyOptions {
  /** `RSA_2048` when absent; with `privateKey` it must fit or be absent. */
  readonly keySpec?: RsaKeySpec;
  /** With or without the leading `alias/`. */
  readonly alias?: string;
  /** PEM of an RSA private key. */
  readonly privateKey?: string;
}

export interface KmsEmulator {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly region: string;
  /**
   * Environment for the SDK and the `aws` command: endpoint, region, dummy credentials, no IMDS, none of the machine's
   * files. An AWS_PROFILE must not be set next to it: both look for the profile in a file then.
   */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Makes an RSA key without a request; `privateKey` (PEM) imports one instead of generating it.
   * @throws Error for a private key that KMS has no key spec for, a key spec that does not fit it, or an alias in use.
   */
  createKey(options?: EmulatedKeyOptions): EmulatedKey;
  /** `keyId` may be an id, an ARN or an alias. */
  setKeyState(keyId: string, state: KeyState): void;
  /** Faults are used in the order of their injection. */
  inject(fault: Fault): void;
  clearFaults(): void;
  /** Requests so far, oldest first, whatever was answered. Only the latest tens of thousands are kept. */
  readonly requests: readonly RecordedRequest[];
  /** Cuts all connections, also those that a fault keeps waiting. Calling it again does nothing. */
  close(): Promise<void>;
}

export interface KmsEmulatorOptions {
  /** A free port when absent or 0. */
  readonly port?: number;
  /** `us-east-1` when absent. */
  readonly region?: string;
}

/**
 * Starts an emulator on a free loopback port (or `port`). It lives in the caller's event loop: run clients of it with
 * `spawn` or `execFile`, since one run with `spawnSync` waits forever for an answer.
 * @throws Error of Node's when the port is taken.
 */
export async function startKmsEmulator(options: KmsEmulatorOptions = {}): Promise<KmsEmulator> {
  const store = new KeyStore(options.region ?? DEFAULT_REGION);
  const faults = new FaultQueue();
  const log = new RequestLog();
  const closing = new AbortController();
  const server = createKmsServer({ store, faults, log, closing: closing.signal });
  server.listen(options.port ?? 0, HOST);
  await once(server, 'listening');
  const endpoint = `http://${HOST}:${(server.address() as AddressInfo).port}`;
  return {
    endpoint,
    region: store.region,
    environment: clientEnvironment(endpoint, store.region),
    createKey: (keyOptions = {}) => addKey(store, keyOptions),
    setKeyState: (keyId, state) => {
      store.find(keyId).state = state;
    },
    inject: (fault) => faults.inject(fault),
    clearFaults: () => faults.clear(),
    requests: log.list(),
    close: async () => {
      if (!server.listening) return;
      closing.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function addKey(store: KeyStore, options: EmulatedKeyOptions): EmulatedKey {
  const alias = options.alias === undefined ? undefined : aliasName(store, options.alias);
  const { privateKey, keySpec } = keyMaterial(options);
  const key = store.add({ keySpec, keyUsage: 'ENCRYPT_DECRYPT', description: '', privateKey });
  if (alias !== undefined) store.setAlias(alias, key);
  return { keyId: key.keyId, arn: key.arn, publicKey: createPublicKey(privateKey) };
}

function aliasName(store: KeyStore, alias: string): string {
  const name = checkAliasName(alias.startsWith('alias/') ? alias : `alias/${alias}`);
  if (store.hasAlias(name)) throw new Error(`${name} is in use`);
  return name;
}

function keyMaterial(options: EmulatedKeyOptions): { readonly privateKey: KeyObject; readonly keySpec: RsaKeySpec } {
  if (options.privateKey === undefined) {
    const keySpec = options.keySpec ?? 'RSA_2048';
    return { privateKey: generateRsaKeySync(keySpec), keySpec };
  }
  const imported = importRsaKey(options.privateKey);
  if (options.keySpec !== undefined && options.keySpec !== imported.keySpec) {
    throw new Error(`the private key is ${imported.keySpec}, not ${options.keySpec}`);
  }
  return imported;
}

function clientEnvironment(endpoint: string, region: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL_KMS: endpoint,
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'false',
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: 'emulator',
    AWS_SECRET_ACCESS_KEY: 'emulator',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_USE_FIPS_ENDPOINT: 'false',
    AWS_USE_DUALSTACK_ENDPOINT: 'false',
    AWS_PAGER: '',
  };
}
