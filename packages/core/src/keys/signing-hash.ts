import { createHash, createHmac, createSecretKey } from 'node:crypto';

type Data = string | ArrayBuffer | ArrayBufferView;

function bytesOf(data: Data): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/**
 * SHA-256, or its HMAC with a secret, as the AWS SDK takes it for its signatures (`sha256` of a client's configuration, HashConstructor of @smithy/types).
 * The SDK's own gives Node.js the secret as plain bytes, twice for each request, and what they are Node.js finds out by an exception (see openssl/secret-key.ts).
 */
export class SigningHash {
  readonly #hash;

  constructor(secret?: Data) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', createSecretKey(bytesOf(secret)));
  }

  update(data: Data): void {
    this.#hash.update(bytesOf(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
}
