/** The ends of a payload: enough to judge a passphrase by its padding, without decrypting what lies between. */
import { createArmorDecoder } from './armor.ts';
import { checkParameters } from './check-parameters.ts';
import { parseHeader } from './header.ts';
import type { EncParameters } from './parameters.ts';

/** The ends of a payload in its binary form. */
export interface PayloadEnds {
  /** The first `PAYLOAD_END_LENGTH` bytes, or all. */
  readonly beginning: Uint8Array;
  /** The last `PAYLOAD_END_LENGTH` bytes, or all. */
  readonly end: Uint8Array;
  /** Bytes in all. */
  readonly size: number;
}

/** Bytes: holds the longest header (`Salted__`, 16 bytes of salt) as well as two blocks of any cipher. */
export const PAYLOAD_END_LENGTH = 64;

export interface PayloadTail {
  /** The header's or the given salt; null for none. */
  readonly salt: Uint8Array | null;
  /** The last two blocks of the ciphertext, or all of it when it has but one. */
  readonly lastBlocks: Uint8Array;
}

/**
 * Salt and last blocks; null when it is not a header and whole blocks.
 * @throws SealdropError `bad-header`, `truncated-payload` as decrypting would
 */
export function tailOf({ beginning, end, size }: PayloadEnds, parameters: EncParameters): PayloadTail | null {
  const { blockLength } = checkParameters(parameters);
  const header = parseHeader(beginning, parameters.salt, 'complete');
  const ciphertextSize = size - (header?.length ?? 0);
  if (header === null || ciphertextSize === 0 || ciphertextSize % blockLength !== 0) return null;
  return { salt: header.salt, lastBlocks: end.subarray(-Math.min(ciphertextSize, 2 * blockLength)) };
}

/** Reads armored text to its end: base64 with line ends of any kind has no places to jump to. */
export async function endsOfArmored(payload: AsyncIterable<Uint8Array>): Promise<PayloadEnds> {
  const decoder = createArmorDecoder();
  let ends: PayloadEnds = { beginning: new Uint8Array(0), end: new Uint8Array(0), size: 0 };
  for await (const chunk of payload) ends = append(ends, decoder.update(chunk));
  return append(ends, decoder.final());
}

function append({ beginning, end, size }: PayloadEnds, bytes: Buffer): PayloadEnds {
  const isLong = beginning.length >= PAYLOAD_END_LENGTH;
  return {
    beginning: isLong ? beginning : Buffer.concat([beginning, bytes]).subarray(0, PAYLOAD_END_LENGTH),
    end: Buffer.concat([end, bytes.subarray(-PAYLOAD_END_LENGTH)]).subarray(-PAYLOAD_END_LENGTH),
    size: size + bytes.length,
  };
}
