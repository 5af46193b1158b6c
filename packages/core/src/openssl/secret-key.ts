import { createSecretKey, type KeyObject } from 'node:crypto';

/**
 * A key as node:crypto is quick to take it: of plain bytes, Node.js 24 finds out by an exception that they are no KeyObject, 15–40 µs for each cipher or HMAC
 * (lib/internal/crypto/keys.js, isKeyObject). The copy lives as long as what OpenSSL makes of the key in either case, until the garbage collector
 * comes, and is zeroed then (src/crypto/crypto_keys.cc). The bytes stay the caller's to zero.
 */
export function secretKey(bytes: Uint8Array): KeyObject {
  return createSecretKey(bytes);
}
