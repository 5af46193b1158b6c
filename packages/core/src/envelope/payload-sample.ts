/** As much of a payload as a diagnosis looks at: its beginning and its end, in the binary form. */
import { open } from 'node:fs/promises';
import { toSealdropError } from '../errors.ts';
import { createArmorDecoder } from '../openssl/armor.ts';
import { EVIDENCE_SIZE } from './evidence.ts';
import { readFileInChunks } from './payload-reader.ts';

/** Bytes: what evidence looks at, and a header. */
export const SAMPLE_SIZE: number = EVIDENCE_SIZE + 256;
/** Bytes: more than two blocks of any cipher, and line ends. */
const END_SIZE = 128;

export interface PayloadSample {
  /** Bytes in all. */
  readonly size: number;
  readonly beginning: Buffer;
  readonly end: Buffer;
}

/** @throws SealdropError `not-found`, `not-permitted`, `io-error` */
export async function samplePayload(path: string, size: number): Promise<PayloadSample> {
  try {
    await using handle = await open(path, 'r');
    const beginning = await handle.read(Buffer.alloc(Math.min(SAMPLE_SIZE, size)), { position: 0 });
    const length = Math.min(END_SIZE, size);
    const end = await handle.read(Buffer.alloc(length), { position: size - length });
    return {
      size,
      beginning: beginning.buffer.subarray(0, beginning.bytesRead),
      end: end.buffer.subarray(0, end.bytesRead),
    };
  } catch (error) {
    throw toSealdropError(error, path);
  }
}

/**
 * The sample of the bytes behind base64 text: read whole, since such text has no places to jump to.
 * @throws SealdropError `bad-armor`, `truncated-payload`
 */
export async function sampleArmored(path: string, signal: AbortSignal | undefined): Promise<PayloadSample> {
  const decoder = createArmorDecoder();
  let sample: PayloadSample = { size: 0, beginning: Buffer.alloc(0), end: Buffer.alloc(0) };
  for await (const chunk of readFileInChunks(path, { signal })) sample = append(sample, decoder.update(chunk));
  return append(sample, decoder.final());
}

function append({ size, beginning, end }: PayloadSample, bytes: Buffer): PayloadSample {
  const missing = SAMPLE_SIZE - beginning.length;
  return {
    size: size + bytes.length,
    beginning: missing <= 0 ? beginning : Buffer.concat([beginning, bytes.subarray(0, missing)]),
    end: Buffer.from(Buffer.concat([end, bytes.subarray(-END_SIZE)]).subarray(-END_SIZE)),
  };
}

/** The sample without its last bytes. */
export function cutSample({ size, beginning, end }: PayloadSample, excess: number): PayloadSample {
  const length = size - excess;
  return { size: length, beginning: beginning.subarray(0, length), end: end.subarray(0, end.length - excess) };
}
