import { createDecipheriv } from 'node:crypto';
import { SealdropError } from '../errors.ts';
import { checkParameters } from './check-parameters.ts';
import type { Cipher } from './ciphers.ts';
import { type DeriveOptions, deriveKey } from './key-derivation.ts';
import type { EncParameters } from './parameters.ts';
import { secretKey } from './secret-key.ts';

export interface ProbeOptions extends DeriveOptions {
  /** The end of the (binary) ciphertext: its last two blocks, or all of it when it has but one. */
  readonly lastBlocks: Uint8Array;
}

function paddingLength(block: Buffer): number | null {
  const length = block.at(-1) ?? 0;
  if (length < 1 || length > block.length) return null;
  return block.subarray(-length).every((byte) => byte === length) ? length : null;
}

/** The last block decrypted alone; in CBC mode (RFC 8018 §6.1.1 and NIST SP 800-38A §6.2) its IV is the block before it. */
async function decryptLastBlock(cipher: Cipher, parameters: EncParameters, options: ProbeOptions): Promise<Buffer> {
  const { key, iv } = await deriveKey(parameters, options);
  const last = options.lastBlocks.subarray(-cipher.blockLength);
  const before = options.lastBlocks.subarray(-2 * cipher.blockLength, -cipher.blockLength);
  const blockIv = before.length === 0 ? iv : before;
  const decipher = createDecipheriv(
    cipher.nodeName,
    secretKey(key),
    cipher.ivLength === 0 ? null : blockIv,
  ).setAutoPadding(false);
  key.fill(0);
  return Buffer.concat([decipher.update(last), decipher.final()]);
}

/** Whether `probePadding` can say anything: in padded CBC and ECB payloads only. */
export function canProbePadding(parameters: EncParameters): boolean {
  return checkParameters(parameters).blockLength > 1 && parameters.padding === 'pkcs7';
}

/**
 * The padding length that a secret gives at the end of a padded CBC or ECB payload, or null when it is not valid: tells candidates apart
 * without decrypting the whole. A wrong secret still passes once in 256 times.
 * @throws SealdropError `internal` unless `canProbePadding` and `lastBlocks` are whole blocks; whatever `deriveKey` throws
 */
export async function probePadding(parameters: EncParameters, options: ProbeOptions): Promise<number | null> {
  const cipher = checkParameters(parameters);
  const { length } = options.lastBlocks;
  if (!canProbePadding(parameters) || length === 0 || length % cipher.blockLength !== 0) {
    throw new SealdropError('internal', 'the padding of this payload cannot be probed');
  }
  const block = await decryptLastBlock(cipher, parameters, options);
  const padding = paddingLength(block);
  block.fill(0);
  return padding;
}
