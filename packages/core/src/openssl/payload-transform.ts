/** The cipher at work: what streams and files share. It knows no sources, sinks or headers. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { SealdropError } from '../errors.ts';
import type { Transcoder } from './armor.ts';
import type { Cipher } from './ciphers.ts';
import type { EncParameters } from './parameters.ts';
import { secretKey } from './secret-key.ts';

/** A cipher with its key, ready to begin. The memory may be shared between threads; the caller zeroes it. */
export interface KeyedCipher {
  readonly cipher: Cipher;
  readonly key: Uint8Array;
  /** As node:crypto takes it (`toNodeIv`); null in ECB mode. */
  readonly iv: Uint8Array | null;
}

export type Padding = EncParameters['padding'];

const LF = 0x0a;

/** What is known of a ciphertext without decrypting it. */
export interface CiphertextEnd {
  /** Bytes. */
  readonly size: number;
  readonly lastByte: number;
}

/**
 * Tells a cut ciphertext apart from a wrong key.
 * @throws SealdropError `truncated-payload`
 */
export function checkCiphertextSize(
  { blockLength }: Cipher,
  padding: Padding,
  { size, lastByte }: CiphertextEnd,
): void {
  const excess = size % blockLength;
  if (excess !== 0) {
    throw new SealdropError(
      'truncated-payload',
      `the ciphertext has ${size} bytes, which is not a whole number of blocks of ${blockLength}`,
      {
        hint:
          excess === 1 && lastByte === LF
            ? 'a line end seems to have been added at the end: remove the last byte'
            : 'the payload was cut or changed on its way (a text mode transfer?): ask the sender to send it again as binary',
        details: { size, blockLength },
      },
    );
  }
  if (size === 0 && blockLength > 1 && padding === 'pkcs7') {
    throw new SealdropError('truncated-payload', 'the payload ends where its ciphertext should begin', {
      hint: 'ask the sender to send it again: even an empty file has a block of ciphertext',
    });
  }
}

class Decryptor implements Transcoder {
  readonly #transform: Transcoder;
  readonly #cipher: Cipher;
  readonly #padding: Padding;
  #size = 0;
  #lastByte = 0;

  constructor(keyed: KeyedCipher, padding: Padding) {
    this.#transform = createDecipheriv(keyed.cipher.nodeName, secretKey(keyed.key), keyed.iv).setAutoPadding(
      padding === 'pkcs7',
    );
    this.#cipher = keyed.cipher;
    this.#padding = padding;
  }

  update(piece: Uint8Array): Buffer {
    this.#size += piece.length;
    this.#lastByte = piece.at(-1) ?? this.#lastByte;
    return this.#transform.update(piece);
  }

  final(): Buffer {
    checkCiphertextSize(this.#cipher, this.#padding, { size: this.#size, lastByte: this.#lastByte });
    try {
      return this.#transform.final();
    } catch (error) {
      throw new SealdropError('bad-decrypt', 'wrong key or parameters, or the payload is damaged at its end', {
        cause: error,
        hint: 'the sender should check that key file, flags and payload belong together; -md and -pbkdf2 differ between openssl versions',
      });
    }
  }
}

class Encryptor implements Transcoder {
  readonly #transform: Transcoder;
  readonly #cipher: Cipher;

  constructor(keyed: KeyedCipher, padding: Padding) {
    this.#transform = createCipheriv(keyed.cipher.nodeName, secretKey(keyed.key), keyed.iv).setAutoPadding(
      padding === 'pkcs7',
    );
    this.#cipher = keyed.cipher;
  }

  update(piece: Uint8Array): Buffer {
    return this.#transform.update(piece);
  }

  final(): Buffer {
    try {
      return this.#transform.final();
    } catch (error) {
      if (!isWrongFinalLength(error)) throw error;
      throw new SealdropError(
        'bad-parameters',
        `-nopad needs a plaintext whose size is a multiple of ${this.#cipher.blockLength} bytes`,
        { cause: error },
      );
    }
  }
}

function isWrongFinalLength(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_OSSL_WRONG_FINAL_BLOCK_LENGTH';
}

/** Ciphertext in, plaintext out. `final` throws `truncated-payload`, `bad-decrypt`. */
export function createDecryptor(keyed: KeyedCipher, padding: Padding): Transcoder {
  return new Decryptor(keyed, padding);
}

/** Plaintext in, ciphertext out. `final` throws `bad-parameters` under `-nopad`. */
export function createEncryptor(keyed: KeyedCipher, padding: Padding): Transcoder {
  return new Encryptor(keyed, padding);
}

/**
 * Gives the memory of bytes back at once: of a piece that `decryptPayload` or `encryptPayload` made, or that Node read from a pipe. It is otherwise
 * kept until the garbage collector comes, which for large files means fresh pages for every piece: measured, half of the time and
 * 60 MB. The bytes must not be used afterwards; they become empty. Memory that is shared with other bytes is left alone.
 */
export function releaseMemory({ buffer, byteLength }: Uint8Array): void {
  // Small buffers of Node's lie in a common pool.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && !buffer.detached) buffer.transfer(0);
}
