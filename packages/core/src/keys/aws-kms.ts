import { createPublicKey, type KeyObject } from 'node:crypto';
import { SealdropError, type ErrorCode } from '../errors.ts';
import type { CallOptions, KeyProvider } from './key-provider.ts';
import { callKms, createKmsClient, type AwsOptions } from './kms-client.ts';
import type * as Kms from './kms-sdk.ts';
import { formatOaep, type OaepParameters } from './oaep-parameters.ts';

/** What the operator may want checked before the first envelope comes. */
export interface KeyDescription {
  readonly arn: string;
  /** `ENCRYPT_DECRYPT` is what Sealdrop needs. */
  readonly usage: string;
  /** `RSA_2048`, `RSA_3072` or `RSA_4096` is what Sealdrop needs. */
  readonly spec: string;
  /** `Enabled` is what Sealdrop needs; KMS's KeyState. */
  readonly state: string;
}

const KEY_ARN = /^arn:[^:]+:kms:([^:]+):[^:]*:(key|alias)\//;

/** RSAES-OAEP as KMS has it: MGF1 with the same hash, no label (AWS KMS Developer Guide, "RSA key specs for encryption"). */
function encryptionAlgorithm(oaep: OaepParameters): 'RSAES_OAEP_SHA_1' | 'RSAES_OAEP_SHA_256' | null {
  if (oaep.mgf1Hash !== oaep.hash || oaep.label.length > 0) return null;
  if (oaep.hash === 'sha1') return 'RSAES_OAEP_SHA_1';
  return oaep.hash === 'sha256' ? 'RSAES_OAEP_SHA_256' : null;
}

/** After these a new client is made for the next call, since the SDK keeps what it once found. */
const STALE_CLIENT_CODES: ReadonlySet<ErrorCode> = new Set([
  'no-credentials',
  'bad-credentials',
  'expired-credentials',
]);

interface Connection {
  readonly sdk: typeof Kms;
  readonly client: Kms.KMSClient;
}

/** The SDK is kept with the client: to import a module again that is loaded is quick, but not for each call of thousands. */
async function connect(options: AwsOptions): Promise<Connection> {
  return { client: await createKmsClient(options), sdk: await import('./kms-sdk.ts') };
}

class AwsKmsKey implements KeyProvider {
  readonly name: string;
  readonly #keyId: string;
  readonly #options: AwsOptions;
  #connection: Promise<Connection> | null = null;
  #publicKey: KeyObject | null = null;

  constructor(keyId: string, options: AwsOptions) {
    this.name = `aws-kms:${keyId}`;
    this.#keyId = keyId;
    // A key lives in one region only, so its ARN knows better than any setting.
    this.#options = { ...options, region: KEY_ARN.exec(keyId)?.[1] ?? options.region };
  }

  async publicKey(options: CallOptions = {}): Promise<KeyObject> {
    if (this.#publicKey !== null) return this.#publicKey;
    const input = { KeyId: this.#keyId };
    const answer = await this.#call('GetPublicKey', options, ({ sdk, client }, abortSignal) =>
      client.send(new sdk.GetPublicKeyCommand(input), { abortSignal }),
    );
    this.#checkArn(answer.KeyId);
    this.#publicKey = this.#rsaKey(answer);
    return this.#publicKey;
  }

  async unwrap(wrappedKey: Uint8Array, oaep: OaepParameters, options: CallOptions = {}): Promise<Buffer> {
    const algorithm = encryptionAlgorithm(oaep);
    if (algorithm === null) {
      throw new SealdropError('unsupported-oaep', `${this.name}: AWS KMS cannot do OAEP ${formatOaep(oaep)}`, {
        hint: 'wrap again with -pkeyopt rsa_oaep_md:sha256 and neither rsa_mgf1_md nor rsa_oaep_label',
      });
    }
    const input = { KeyId: this.#keyId, EncryptionAlgorithm: algorithm, CiphertextBlob: wrappedKey };
    const answer = await this.#call('Decrypt', options, ({ sdk, client }, abortSignal) =>
      client.send(new sdk.DecryptCommand(input), { abortSignal }),
    );
    this.#checkArn(answer.KeyId);
    return this.#plaintext(answer);
  }

  /** @throws SealdropError like the other calls; a disabled key is described, not refused */
  async describe(options: CallOptions = {}): Promise<KeyDescription> {
    const input = { KeyId: this.#keyId };
    const { KeyMetadata: key } = await this.#call('DescribeKey', options, ({ sdk, client }, abortSignal) =>
      client.send(new sdk.DescribeKeyCommand(input), { abortSignal }),
    );
    if (key === undefined) throw this.#incomplete('key metadata');
    this.#checkArn(key.Arn);
    const { Arn: arn = '', KeyUsage: usage = '', KeySpec: spec = '', KeyState: state = '' } = key;
    return { arn, usage, spec, state };
  }

  async #call<T>(
    operation: string,
    { signal }: CallOptions,
    send: (connection: Connection, abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const call = { operation, keyName: this.name, keyId: this.#keyId };
    const attempt = async (abortSignal: AbortSignal) => send(await this.#connect(), abortSignal);
    try {
      return await callKms(attempt, call, { ...this.#options, signal });
    } catch (error) {
      if (error instanceof SealdropError && STALE_CLIENT_CODES.has(error.code)) this.#connection = null;
      throw error;
    }
  }

  /** One client for all calls, so that connections are kept alive; a failure to make one is not kept. */
  async #connect(): Promise<Connection> {
    this.#connection ??= connect(this.#options);
    try {
      return await this.#connection;
    } catch (error) {
      this.#connection = null;
      throw error;
    }
  }

  /** KMS always answers with the key's ARN: another one means that something between answers for another key. */
  #checkArn(answered: string | undefined): void {
    if (KEY_ARN.exec(this.#keyId)?.[2] !== 'key' || answered === this.#keyId) return;
    throw new SealdropError('bad-configuration', `${this.name}: the answer is for another key (${answered})`, {
      hint: 'check the endpoint: it does not answer for the key that was asked for',
    });
  }

  #rsaKey({ PublicKey: der, KeyUsage: usage, KeySpec: spec }: Kms.GetPublicKeyCommandOutput): KeyObject {
    if (usage !== 'ENCRYPT_DECRYPT' || spec?.startsWith('RSA_') !== true) {
      throw new SealdropError('wrong-key-usage', `${this.name}: the KMS key is ${spec} for ${usage}`, {
        hint: `make an RSA key with key usage ENCRYPT_DECRYPT: aws kms create-key --key-spec RSA_3072 --key-usage ENCRYPT_DECRYPT`,
      });
    }
    if (der === undefined) throw this.#incomplete('public key');
    return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
  }

  #plaintext({ Plaintext: bytes }: Kms.DecryptCommandOutput): Buffer {
    if (bytes === undefined) throw this.#incomplete('plaintext');
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #incomplete(part: string): SealdropError {
    return new SealdropError('bad-configuration', `${this.name}: the answer has no ${part}`, {
      hint: 'check the endpoint: it does not answer as AWS KMS does',
    });
  }
}

/**
 * An RSA key in AWS KMS as key provider, named `aws-kms:<keyId>`. Nothing is asked of AWS, and the SDK is not loaded, before the first call.
 * Credentials come from the SDK's own chain; the region from the ARN, the options, that chain, or AWS_DEFAULT_REGION.
 * @param keyId key id, `alias/NAME`, key ARN or alias ARN
 */
export function openAwsKmsKey(keyId: string, options: AwsOptions = {}): KeyProvider {
  return new AwsKmsKey(keyId, options);
}

/**
 * What KMS says about a key (kms:DescribeKey), without using it; null for a key that is not in AWS KMS.
 * @throws SealdropError `key-not-found`, `access-denied` and the others of a KMS call
 */
export async function describeKey(key: KeyProvider, options: CallOptions = {}): Promise<KeyDescription | null> {
  return key instanceof AwsKmsKey ? key.describe(options) : null;
}
