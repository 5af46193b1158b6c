import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';
import { SealdropError } from '../errors.ts';
import { createArmorDecoder, createArmorEncoder, type Transcoder } from './armor.ts';
import { checkParameters } from './check-parameters.ts';
import type { Cipher } from './ciphers.ts';
import { formatHeader, type Header, parseHeader } from './header.ts';
import { deriveKey, toNodeIv } from './key-derivation.ts';
import type { EncParameters, Salt } from './parameters.ts';
import { abortable, pieces } from './byte-source.ts';

export interface PayloadOptions {
  readonly parameters: EncParameters;
  /** The passphrase (`readPassphrase`), or the key file's bytes when the parameters say `raw-key`. Used once, when the header has been read: it must not be zeroed before. */
  readonly secret: Uint8Array;
  /** PBKDF2 iterations above this are `limit-exceeded`. Default 10,000,000. */
  readonly maximumIterations?: number | undefined;
  /** Ends the work with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
}

interface Transform extends Transcoder {
  readonly cipher: Cipher;
}

async function createTransform(
  options: PayloadOptions,
  salt: Uint8Array | null,
  direction: 'encrypt' | 'decrypt',
): Promise<Transform> {
  const { parameters, secret, maximumIterations } = options;
  const cipher = checkParameters(parameters);
  const { key, iv } = await deriveKey(parameters, { secret, salt, maximumIterations });
  const create = direction === 'encrypt' ? createCipheriv : createDecipheriv;
  const transform = create(cipher.nodeName, key, toNodeIv(cipher, iv));
  key.fill(0);
  iv.fill(0);
  transform.setAutoPadding(parameters.padding === 'pkcs7');
  return { cipher, update: (piece) => transform.update(piece), final: () => transform.final() };
}

async function* transcode(source: AsyncIterable<Uint8Array>, transcoder: Transcoder): AsyncGenerator<Buffer> {
  for await (const piece of source) {
    const output = transcoder.update(piece);
    if (output.length > 0) yield output;
  }
  const rest = transcoder.final();
  if (rest.length > 0) yield rest;
}

/** Takes the header off: what it says, and the bytes read beyond it. */
async function readHeader(
  source: AsyncIterator<Uint8Array>,
  salt: Salt,
): Promise<{ readonly header: Header; readonly rest: Buffer }> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const header = parseHeader(bytes, salt, 'more-may-follow');
    if (header !== null) return { header, rest: bytes.subarray(header.length) };
    const next = await source.next();
    if (next.done === true) break;
    bytes = Buffer.concat([bytes, next.value]);
  }
  const header = parseHeader(bytes, salt, 'complete');
  if (header === null) throw new SealdropError('internal', 'a complete header was taken for an incomplete one');
  return { header, rest: bytes.subarray(header.length) };
}

const LF = 0x0a;

/** Counts the ciphertext, so that a cut one is told apart from a wrong key. */
class Decryptor implements Transcoder {
  readonly #transform: Transform;
  readonly #padding: EncParameters['padding'];
  #size = 0;
  #lastByte = 0;

  constructor(transform: Transform, padding: EncParameters['padding']) {
    this.#transform = transform;
    this.#padding = padding;
  }

  update(piece: Uint8Array): Buffer {
    this.#size += piece.length;
    this.#lastByte = piece.at(-1) ?? this.#lastByte;
    return this.#transform.update(piece);
  }

  final(): Buffer {
    this.#checkSize();
    try {
      return this.#transform.final();
    } catch (error) {
      throw new SealdropError('bad-decrypt', 'wrong key or parameters, or the payload is damaged at its end', {
        cause: error,
        hint: 'the sender should check that key file, flags and payload belong together; -md and -pbkdf2 differ between openssl versions',
      });
    }
  }

  #checkSize(): void {
    const { blockLength } = this.#transform.cipher;
    const excess = this.#size % blockLength;
    if (excess !== 0) {
      throw new SealdropError(
        'truncated-payload',
        `the ciphertext has ${this.#size} bytes, which is not a whole number of blocks of ${blockLength}`,
        {
          hint:
            excess === 1 && this.#lastByte === LF
              ? 'a line end seems to have been added at the end: remove the last byte'
              : 'the payload was cut or changed on its way (a text mode transfer?): ask the sender to send it again as binary',
          details: { size: this.#size, blockLength },
        },
      );
    }
    if (this.#size === 0 && blockLength > 1 && this.#padding === 'pkcs7') {
      throw new SealdropError('truncated-payload', 'the payload ends where its ciphertext should begin', {
        hint: 'ask the sender to send it again: even an empty file has a block of ciphertext',
      });
    }
  }
}

async function* prepend(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/**
 * Decrypts what `openssl enc` wrote. Nothing is read before the first `next()`; only what is asked for is read ahead.
 * Without a MAC, plaintext comes out before it is known to be whole: use it only once the iteration has ended without an error.
 * @param source bytes in pieces of any size; its errors pass through
 * @throws SealdropError `bad-header`, `bad-armor`, `truncated-payload`, `bad-decrypt`, `bad-parameters`, `limit-exceeded`, `bad-key-file`,
 * `cancelled`
 */
export async function* decryptPayload(
  source: AsyncIterable<Uint8Array>,
  options: PayloadOptions,
): AsyncGenerator<Buffer> {
  const { parameters, signal } = options;
  checkParameters(parameters);
  const read = pieces(abortable(source, signal));
  const binary = parameters.armor === 'none' ? read : transcode(read, createArmorDecoder());
  try {
    const { header, rest } = await readHeader(binary, parameters.salt);
    const transform = await createTransform(options, header.salt, 'decrypt');
    yield* transcode(prepend(rest, binary), new Decryptor(transform, parameters.padding));
  } finally {
    await binary.return(undefined);
  }
}

export interface EncryptOptions extends PayloadOptions {
  /** Instead of a random one, for tests: of the length that the parameters say. */
  readonly salt?: Uint8Array | undefined;
}

function chooseSalt({ parameters, salt }: EncryptOptions): Uint8Array | null {
  switch (parameters.salt.kind) {
    case 'header':
      return salt ?? randomBytes(parameters.salt.length);
    case 'given':
      return parameters.salt.bytes;
    case 'none':
      return null;
    default:
      return parameters.salt satisfies never;
  }
}

async function* encryptBinary(source: AsyncIterable<Uint8Array>, options: EncryptOptions): AsyncGenerator<Buffer> {
  const { parameters } = options;
  const salt = chooseSalt(options);
  const transform = await createTransform(options, salt, 'encrypt');
  if (parameters.salt.kind === 'header' && salt !== null) yield formatHeader(salt);
  try {
    yield* transcode(source, transform);
  } catch (error) {
    if (!isWrongFinalLength(error)) throw error;
    const { blockLength } = transform.cipher;
    throw new SealdropError(
      'bad-parameters',
      `-nopad needs a plaintext whose size is a multiple of ${blockLength} bytes`,
      {
        cause: error,
      },
    );
  }
}

function isWrongFinalLength(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_OSSL_WRONG_FINAL_BLOCK_LENGTH';
}

/**
 * Encrypts as `openssl enc` does. Under `-S` no header is written, as OpenSSL does from 3.0 on.
 * @param source bytes in pieces of any size; its errors pass through
 * @throws SealdropError `bad-parameters`, `limit-exceeded`, `bad-key-file`, `cancelled`
 */
export async function* encryptPayload(
  source: AsyncIterable<Uint8Array>,
  options: EncryptOptions,
): AsyncGenerator<Buffer> {
  const { armor } = options.parameters;
  const binary = encryptBinary(pieces(abortable(source, options.signal)), options);
  yield* armor === 'none' ? binary : transcode(binary, createArmorEncoder(armor));
}

/** A stream's writable side takes text too. */
async function* toBytes(source: AsyncIterable<Uint8Array | string>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

/** `decryptPayload` as a stream: write the payload, read the plaintext. */
export function createDecryptStream(options: PayloadOptions): Duplex {
  return Duplex.from((source: AsyncIterable<Uint8Array | string>) => decryptPayload(toBytes(source), options));
}

/** `encryptPayload` as a stream: write the plaintext, read the payload. */
export function createEncryptStream(options: EncryptOptions): Duplex {
  return Duplex.from((source: AsyncIterable<Uint8Array | string>) => encryptPayload(toBytes(source), options));
}
