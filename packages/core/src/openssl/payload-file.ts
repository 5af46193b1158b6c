/**
 * From file to file on worker threads (DESIGN section 7). The cipher is that of `payload-stream.ts`; what differs is how the bytes
 * come and go. Small files and armored ones are for the streams.
 */
import { SealdropError } from '../errors.ts';
import { checkParameters } from './check-parameters.ts';
import { canBeginAnywhere } from './cipher-range.ts';
import type { Cipher } from './ciphers.ts';
import { createControl } from './control.ts';
import { PIECE_SIZE } from './decrypt-jobs.ts';
import { type InputFile, type OutputFile, withInputFile, withOutputFile } from './file-pair.ts';
import type { OpenFile } from './file-bytes.ts';
import { formatHeader, type Header, parseHeader } from './header.ts';
import type { Carried } from './encrypt-jobs.ts';
import type { EncParameters } from './parameters.ts';
import { type DigestRequest, NO_DIGESTS, type PayloadDigests } from './payload-digests.ts';
import { chooseSalt, type EncryptOptions, type PayloadOptions } from './payload-stream.ts';
import { PAYLOAD_END_LENGTH } from './payload-tail.ts';
import { checkCiphertextSize } from './payload-transform.ts';
import { type Keys, pair, summing, together, withKeys } from './thread-work.ts';
import { shareInput } from './shared-input.ts';
import { sharedWorkerPool, type WorkerPool } from './worker-pool.ts';

/** Sizes in bytes: all measured (docs/performance.md). */
export interface Tuning {
  readonly pool: WorkerPool;
  /** Of decryption that is shared out. */
  readonly rangeSize: number;
  /** Of the memory between two threads. */
  readonly slotSize: number;
  readonly slots: number;
  /** So many slots of ciphertext that wait for the digesting thread: the encrypting one then writes. */
  readonly behind: number;
}

const MIB = 1024 * 1024;
const TUNING = { rangeSize: 4 * MIB, slotSize: 2 * PIECE_SIZE, slots: 4, behind: 2 };

/** Bytes. Below, starting threads takes longer than they save. */
export const THREADS_PAY_FROM = 32 * MIB;

interface FileOptions {
  /** A regular file. */
  readonly input: string;
  /** A file that does not exist. */
  readonly output: string;
  /** Permissions of the output, before the umask. */
  readonly mode: number;
  /** Over the bytes of the payload file. */
  readonly digests?: DigestRequest | undefined;
  /** Called with the number of input bytes done so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
  /** For tests and measurements. */
  readonly tuning?: Partial<Tuning> | undefined;
}

export type DecryptFileOptions = PayloadOptions & FileOptions;
export type EncryptFileOptions = EncryptOptions & FileOptions;

export interface FileOutcome {
  /** Bytes. */
  readonly plaintextSize: number;
  /** Bytes. */
  readonly payloadSize: number;
  readonly digests: PayloadDigests;
}

/** Whether threads are faster than streams for a payload or plaintext of so many bytes. */
export function threadsPay(parameters: EncParameters, size: number): boolean {
  return parameters.armor === 'none' && size >= THREADS_PAY_FROM;
}

/** Starts the threads that a file of so many bytes will need, while keys are unwrapped and parameters read. */
export function prepareThreads(size: number): void {
  if (size < THREADS_PAY_FROM) return;
  try {
    sharedWorkerPool().prepare(2);
  } catch {
    // Only a head start: that no thread can be started is told to who borrows them.
  }
}

function tuningOf({ tuning }: FileOptions): Tuning {
  return { ...TUNING, ...tuning, pool: tuning?.pool ?? sharedWorkerPool() };
}

function checkBinary({ armor }: EncParameters): void {
  if (armor !== 'none') throw new SealdropError('internal', 'armored payloads are for the streams');
}

interface Decryption extends Keys {
  readonly options: DecryptFileOptions;
  readonly input: InputFile;
  readonly output: OutputFile;
  readonly header: Uint8Array;
}

/** Both hear of it: who waits, and the disk. */
function progressOf({ options, output }: Pick<Decryption, 'output'> & { readonly options: FileOptions }) {
  return summing((bytes) => {
    output.hasGrownTo(bytes);
    options.onProgress?.(bytes);
  });
}

/** Without digests no thread needs to see the whole file: all take ranges of it. */
async function decryptInRanges(decryption: Decryption): Promise<FileOutcome> {
  const { options, input, output, keyed, header } = decryption;
  const { pool, rangeSize } = tuningOf(options);
  const { signal, parameters } = options;
  const ciphertext = { start: header.length, size: input.size - header.length };
  const control = createControl();
  const job = {
    kind: 'decrypt-ranges' as const,
    input: plain(input),
    output: plain(output),
    keyed,
    padding: parameters.padding,
    ciphertext,
    rangeSize,
    control,
    next: new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT)),
  };
  const onProgress = progressOf(decryption);
  const maximum = Math.max(1, Math.ceil(ciphertext.size / rangeSize));
  const sizes = await pool.lend({ minimum: 1, maximum, signal }, (workers) =>
    together<number[]>(
      control,
      signal,
      workers.map((worker) => worker.run(job, { onProgress })),
    ),
  );
  const plaintextSize = sizes.reduce((sum, size) => sum + size, 0);
  return { plaintextSize, payloadSize: input.size, digests: { hmac: null, sha256: null } };
}

/** One thread digests, the other decrypts the very same bytes and writes; whoever is ahead reads. */
async function decryptInTandem(decryption: Decryption): Promise<FileOutcome> {
  const { options, keyed, header, digests } = decryption;
  const { pool, slots, slotSize } = tuningOf(options);
  const { signal, parameters } = options;
  const { padding } = parameters;
  const { size } = decryption.input;
  const place = { slots, slotSize: Math.max(slotSize, header.length) };
  const input = shareInput({ file: plain(decryption.input), size }, place);
  const output = plain(decryption.output);
  const [read, plaintextSize] = await pool.lend({ minimum: 2, maximum: 2, signal }, (workers) => {
    const [first, second] = pair(workers);
    return together<[PayloadDigests, number]>(input.control, signal, [
      first.run({ kind: 'digest-shared', input, digests }, { onProgress: progressOf(decryption) }),
      second.run({ kind: 'decrypt-shared', input, output, keyed, padding, header }),
    ]);
  });
  return { plaintextSize, payloadSize: size, digests: read };
}

/** What can be sent to another thread. */
function plain({ descriptor, name }: OpenFile): OpenFile {
  return { descriptor, name };
}

async function readHeaderOf(input: InputFile, { salt }: EncParameters): Promise<{ header: Header; bytes: Uint8Array }> {
  const beginning = await input.read(PAYLOAD_END_LENGTH, 0);
  const header = parseHeader(beginning, salt, 'complete');
  if (header === null) throw new SealdropError('internal', 'a complete header was taken for an incomplete one');
  return { header, bytes: Uint8Array.from(beginning.subarray(0, header.length)) };
}

/** Better now than after the work. */
async function checkSizeOf(input: InputFile, cipher: Cipher, context: { header: Header; parameters: EncParameters }) {
  const size = input.size - context.header.length;
  const lastByte = size > 0 ? ((await input.read(1, input.size - 1))[0] ?? 0) : 0;
  checkCiphertextSize(cipher, context.parameters.padding, { size, lastByte });
}

/**
 * Decrypts a file of what `openssl enc` wrote into a new file and fsyncs it; when it rejects, the new file is gone. What the digests prove is for the
 * caller to judge before anyone else sees the plaintext.
 * @throws SealdropError as `decryptPayload`; `hostile-file` when the input changes meanwhile; `already-exists`, `disk-full`, … of the files
 */
export async function decryptPayloadFile(options: DecryptFileOptions): Promise<FileOutcome> {
  const { parameters, digests = NO_DIGESTS } = options;
  const cipher = checkParameters(parameters);
  checkBinary(parameters);
  return withInputFile(options.input, async (input) => {
    const { header, bytes } = await readHeaderOf(input, parameters);
    await checkSizeOf(input, cipher, { header, parameters });
    return withKeys(options, header.salt, (keys) =>
      withOutputFile({ path: options.output, mode: options.mode }, (output) => {
        const inRanges = digests.hmacKey === null && digests.sha256 === 'omit' && canBeginAnywhere(cipher);
        const decryption = { ...keys, options, input, output, header: bytes };
        return inRanges ? decryptInRanges(decryption) : decryptInTandem(decryption);
      }),
    );
  });
}

interface Encryption extends Keys {
  readonly options: EncryptFileOptions;
  readonly input: InputFile;
  readonly output: OutputFile;
  readonly header: Uint8Array;
}

/** One thread encrypts, the other reads ahead of it and digests; whoever is ahead writes. */
async function encryptInTandem(encryption: Encryption): Promise<FileOutcome> {
  const { options, keyed, header, digests } = encryption;
  const { pool, slots, slotSize, behind } = tuningOf(options);
  const { signal, parameters } = options;
  const { padding } = parameters;
  const { port1, port2 } = new MessageChannel();
  const input = shareInput({ file: plain(encryption.input), size: null }, { slots, slotSize });
  const tandem = { input, output: plain(encryption.output), header };
  const [carried, plaintextSize] = await pool.lend({ minimum: 2, maximum: 2, signal }, (workers) => {
    const [carrier, encryptor] = pair(workers);
    return together<[Carried, number]>(input.control, signal, [
      carrier.run({ kind: 'read-digest-and-write', ...tandem, digests, port: port1 }, { transfer: [port1] }),
      encryptor.run(
        { kind: 'encrypt', ...tandem, keyed, padding, behind, port: port2 },
        { transfer: [port2], onProgress: progressOf(encryption) },
      ),
    ]);
  });
  return { plaintextSize, payloadSize: carried.size, digests: carried.digests };
}

/**
 * Encrypts a file as `openssl enc` does into a new file and fsyncs it; when it rejects, the new file is gone.
 * @throws SealdropError as `encryptPayload`; `already-exists`, `disk-full`, … of the files
 */
export async function encryptPayloadFile(options: EncryptFileOptions): Promise<FileOutcome> {
  const { parameters } = options;
  checkBinary(parameters);
  const salt = chooseSalt(options);
  const header = parameters.salt.kind === 'header' && salt !== null ? formatHeader(salt) : new Uint8Array(0);
  return withInputFile(options.input, (input) =>
    withKeys(options, salt, (keys) =>
      withOutputFile({ path: options.output, mode: options.mode }, (output) =>
        encryptInTandem({ ...keys, options, input, output, header: Uint8Array.from(header) }),
      ),
    ),
  );
}
