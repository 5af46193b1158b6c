/** What threads do to decrypt a file (DESIGN section 7). Each job is one synchronous loop. */
import { rangeIv } from './cipher-range.ts';
import { checkStopped, type Control } from './control.ts';
import { Digester, type DigestRequest, type PayloadDigests } from './payload-digests.ts';
import { changedWhileRead, type OpenFile, readExactlyAt, writeAt } from './file-bytes.ts';
import { createDecryptor, type KeyedCipher, type Padding, releaseMemory } from './payload-transform.ts';
import { type SharedInput, SharedInputReader } from './shared-input.ts';

/** Bytes a call of the cipher's. Measured (docs/performance.md): few calls, and yet the piece and its output stay in the cache. */
export const PIECE_SIZE = 160 * 1024;

/** Called with the number of bytes done since the last call. */
export type Report = (bytes: number) => void;

export interface RangesJob {
  readonly kind: 'decrypt-ranges';
  readonly input: OpenFile;
  readonly output: OpenFile;
  readonly keyed: KeyedCipher;
  readonly padding: Padding;
  readonly ciphertext: {
    /** Offset in the input file. */
    readonly start: number;
    /** Bytes. */
    readonly size: number;
  };
  /** Bytes, a multiple of `RANGE_UNIT`. */
  readonly rangeSize: number;
  /** The index of the next range that nobody has taken; shared by all threads of the job. */
  readonly next: BigInt64Array;
  readonly control: Control;
}

/** Takes ranges until there are none. Their order on disk is nearly that of one thread, so that the disk sees it so too. */
export function decryptRanges(job: RangesJob, report: Report): number {
  const { rangeSize, ciphertext } = job;
  const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_SIZE, rangeSize));
  let written = 0;
  for (;;) {
    const offset = Number(Atomics.add(job.next, 0, 1n)) * rangeSize;
    if (offset >= ciphertext.size && offset > 0) return written;
    written += decryptRange(job, offset, buffer);
    report(Math.min(rangeSize, ciphertext.size - offset));
  }
}

/** An IV has at most these bytes. */
const LONGEST_IV = 16;

function decryptorAt({ keyed, padding, input, ciphertext, rangeSize }: RangesJob, offset: number) {
  const before = Buffer.alloc(Math.min(keyed.iv?.length ?? 0, LONGEST_IV));
  if (offset > 0) readExactlyAt(input, before, ciphertext.start + offset - before.length);
  const isLast = offset + rangeSize >= ciphertext.size;
  const iv = rangeIv(keyed.cipher, keyed.iv, { offset, before });
  return createDecryptor({ ...keyed, iv }, isLast ? padding : 'none');
}

function decryptRange(job: RangesJob, offset: number, buffer: Buffer): number {
  const { input, output, ciphertext } = job;
  const decryptor = decryptorAt(job, offset);
  const end = Math.min(offset + job.rangeSize, ciphertext.size);
  let written = 0;
  const write = (bytes: Buffer): void => {
    writeAt(output, bytes, offset + written);
    written += bytes.length;
    releaseMemory(bytes);
  };
  for (let position = offset; position < end; position += buffer.length) {
    checkStopped(job.control);
    const piece = buffer.subarray(0, Math.min(buffer.length, end - position));
    readExactlyAt(input, piece, ciphertext.start + position);
    write(decryptor.update(piece));
  }
  write(decryptor.final());
  return written;
}

export interface DigestSharedJob {
  readonly kind: 'digest-shared';
  readonly input: SharedInput;
  readonly digests: DigestRequest;
}

/** Digests a file while another thread decrypts it: the very bytes that the digests vouch for. */
export function digestShared({ input, digests }: DigestSharedJob, report: Report): PayloadDigests {
  const digester = new Digester(digests);
  const reader = new SharedInputReader(input, 0);
  for (let piece = reader.take(); piece.length > 0; piece = reader.take()) {
    digester.update(piece);
    reader.release();
    report(piece.length);
  }
  return digester.digests();
}

export interface DecryptSharedJob {
  readonly kind: 'decrypt-shared';
  readonly input: SharedInput;
  readonly output: OpenFile;
  readonly keyed: KeyedCipher;
  readonly padding: Padding;
  /** The payload's first bytes, as they were when the key was derived from their salt. */
  readonly header: Uint8Array;
}

/** Decrypts and writes what another thread digests. */
export function decryptShared({ input, output, keyed, padding, header }: DecryptSharedJob): number {
  const decryptor = createDecryptor(keyed, padding);
  const reader = new SharedInputReader(input, 1);
  let written = 0;
  const write = (bytes: Buffer): void => {
    writeAt(output, bytes, written);
    written += bytes.length;
    releaseMemory(bytes);
  };
  let skip = header.length;
  for (let piece = reader.take(); piece.length > 0; piece = reader.take()) {
    if (skip > 0 && !isHeader(piece, header)) throw changedWhileRead(input.file, { size: header.length });
    for (let start = skip; start < piece.length; start += PIECE_SIZE) {
      write(decryptor.update(piece.subarray(start, start + PIECE_SIZE)));
    }
    skip = 0;
    reader.release();
  }
  write(decryptor.final());
  return written;
}

function isHeader(piece: Uint8Array, header: Uint8Array): boolean {
  return Buffer.compare(piece.subarray(0, header.length), header) === 0;
}
