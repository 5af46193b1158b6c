import { armoredSize } from './armor.ts';
import { checkParameters } from './check-parameters.ts';
import { MAGIC } from './header.ts';
import type { EncParameters } from './parameters.ts';

/** Bytes of the header that is written: none under `-S`, as OpenSSL does from 3.0 on. */
export function headerSize(parameters: EncParameters): number {
  return parameters.salt.kind === 'header' ? MAGIC.length + parameters.salt.length : 0;
}

/**
 * Bytes of the payload that so many bytes of plaintext make.
 * @throws SealdropError `bad-parameters`, `unknown-cipher`, `unsupported-cipher`
 */
export function payloadSize(plaintextSize: number, parameters: EncParameters): number {
  const { blockLength } = checkParameters(parameters);
  const padding = parameters.padding === 'none' || blockLength === 1 ? 0 : blockLength - (plaintextSize % blockLength);
  const size = headerSize(parameters) + plaintextSize + padding;
  return parameters.armor === 'none' ? size : armoredSize(size, parameters.armor);
}
