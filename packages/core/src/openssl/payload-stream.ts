import { randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';
import { SealdropError } from '../errors.ts';
import { createArmorDecoder, createArmorEncoder, type Transcoder } from './armor.ts';
import { checkParameters } from './check-parameters.ts';
import { formatHeader, type Header, parseHeader } from './header.ts';
import { deriveKey, toNodeIv } from './key-derivation.ts';
import type { EncParameters, Salt } from './parameters.ts';
import { abortable, observe, pieces } from './byte-source.ts';
import { createDecryptor, createEncryptor } from './payload-transform.ts';

export interface PayloadOptions {
  readonly parameters: EncParameters;
  /** The passphrase (`readPassphrase`), or the key file's bytes when the parameters say `raw-key`. Used once, when the header has been read: it must not be zeroed before. */
  readonly secret: Uint8Array;
  /** PBKDF2 iterations above this are `limit-exceeded`. Default 10,000,000. */
  readonly maximumIterations?: number | undefined;
  /** Ends the work with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
}

/** The cipher with its key, derived: from then on the secret is not needed. */
async function keyCipher(
  options: PayloadOptions,
  salt: Uint8Array | null,
  create: typeof createDecryptor,
): Promise<Transcoder> {
  const { parameters, secret, maximumIterations } = options;
  const cipher = checkParameters(parameters);
  const { key, iv } = await deriveKey(parameters, { secret, salt, maximumIterations });
  const transform = create({ cipher, key, iv: toNodeIv(cipher, iv) }, parameters.padding);
  key.fill(0);
  iv.fill(0);
  return transform;
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

async function* prepend(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

export interface DecryptOptions extends PayloadOptions {
  /** Called with each piece of the ciphertext, in the binary form and without the header, before its plaintext comes out. */
  readonly onCiphertext?: ((piece: Uint8Array) => void) | undefined;
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
  options: DecryptOptions,
): AsyncGenerator<Buffer> {
  const { parameters, signal, onCiphertext = () => undefined } = options;
  checkParameters(parameters);
  const read = pieces(abortable(source, signal));
  const binary = parameters.armor === 'none' ? read : transcode(read, createArmorDecoder());
  try {
    const { header, rest } = await readHeader(binary, parameters.salt);
    const ciphertext = observe(prepend(rest, binary), onCiphertext);
    yield* transcode(ciphertext, await keyCipher(options, header.salt, createDecryptor));
  } finally {
    await binary.return(undefined);
  }
}

export interface EncryptOptions extends PayloadOptions {
  /** Instead of a random one, for tests: of the length that the parameters say. */
  readonly salt?: Uint8Array | undefined;
}

/** The salt to encrypt with. */
export function chooseSalt({ parameters, salt }: EncryptOptions): Uint8Array | null {
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
  const encryptor = await keyCipher(options, salt, createEncryptor);
  if (parameters.salt.kind === 'header' && salt !== null) yield formatHeader(salt);
  yield* transcode(source, encryptor);
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
