/** The end of a payload, without decrypting what is before it. */
import { createArmorDecoder } from './armor.ts';
import { checkParameters } from './check-parameters.ts';
import { parseHeader } from './header.ts';
import type { EncParameters } from './parameters.ts';

export interface PayloadTail {
  /** The header's or the given salt; null for none. */
  readonly salt: Uint8Array | null;
  /** The last two blocks of the ciphertext, or all of it when it has but one. */
  readonly lastBlocks: Uint8Array;
}

/** Longest header and two blocks: `Salted__`, 16 bytes of salt, 2 times 16 bytes. */
const BEGINNING_LENGTH = 64;

/**
 * Reads a payload to its end and keeps only salt and last blocks; null when it is not a header and whole blocks.
 * Armored text is decoded on the way.
 */
export async function readTail(
  payload: AsyncIterable<Uint8Array>,
  parameters: EncParameters,
): Promise<PayloadTail | null> {
  const { blockLength } = checkParameters(parameters);
  let beginning = Buffer.alloc(0);
  let end = Buffer.alloc(0);
  let size = 0;
  for await (const chunk of decoded(payload, parameters)) {
    size += chunk.length;
    if (beginning.length < BEGINNING_LENGTH)
      beginning = Buffer.concat([beginning, chunk.subarray(0, BEGINNING_LENGTH)]);
    end = Buffer.concat([end, chunk.subarray(-2 * blockLength)]).subarray(-2 * blockLength);
  }
  const header = parseHeader(beginning, parameters.salt, 'complete');
  const ciphertextSize = size - (header?.length ?? 0);
  if (header === null || ciphertextSize === 0 || ciphertextSize % blockLength !== 0) return null;
  return { salt: header.salt, lastBlocks: end.subarray(-Math.min(ciphertextSize, end.length)) };
}

async function* decoded(payload: AsyncIterable<Uint8Array>, { armor }: EncParameters): AsyncGenerator<Uint8Array> {
  if (armor === 'none') return yield* payload;
  const decoder = createArmorDecoder();
  for await (const chunk of payload) yield decoder.update(chunk);
  yield decoder.final();
}
