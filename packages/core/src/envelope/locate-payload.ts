/** Where a payload's bytes come from. */
import { type EnvelopeFiles, POOLED_FILES } from './envelope-files.ts';
import type { PayloadEnds } from '../openssl/payload-tail.ts';
import { readEndsOfFile, readFileInChunks, readStreamInChunks } from './payload-reader.ts';
import type { ReadOptions } from './payload-reader.ts';
import { payloadSizeOnDisk } from './read-member.ts';

export interface LocatedPayload {
  /** Null when it can be read only once. */
  readonly path: string | null;
  /** Bytes; null when it can be read only once. */
  readonly size: number | null;
  /** For messages. */
  readonly name: string;
  read(options: ReadOptions): AsyncGenerator<Buffer>;
  /** Null when it can be read only once. */
  readEnds(): Promise<PayloadEnds | null>;
  readonly files: EnvelopeFiles;
}

/** A path may name a pipe or a device: it is then like a stream. */
export async function locatePayload(
  payload: string | AsyncIterable<Uint8Array>,
  files = POOLED_FILES,
): Promise<LocatedPayload> {
  if (typeof payload !== 'string') {
    const read = (options: ReadOptions): AsyncGenerator<Buffer> => readStreamInChunks(payload, options);
    return { path: null, size: null, name: 'payload', read, readEnds: async () => null, files };
  }
  const size = await payloadSizeOnDisk(payload, files);
  const read = (options: ReadOptions): AsyncGenerator<Buffer> =>
    readFileInChunks(payload, { ...options, size: size ?? undefined, files });
  const readEnds = async (): Promise<PayloadEnds | null> =>
    size === null ? null : readEndsOfFile(payload, size, files);
  return { path: size === null ? null : payload, size, name: payload, read, readEnds, files };
}
