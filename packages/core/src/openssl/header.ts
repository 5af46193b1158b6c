import { SealdropError } from '../errors.ts';
import type { Salt } from './parameters.ts';

/** openssl/apps/enc.c: `static const char magic[] = "Salted__"`. */
export const MAGIC = Buffer.from('Salted__', 'latin1');
/** What `Salted__` and one byte more begin with as base64. */
export const ARMORED_MAGIC = 'U2FsdGVkX1';

export interface Header {
  readonly salt: Buffer | null;
  /** Bytes of the payload before the ciphertext. */
  readonly length: number;
}

/** Whether more of the payload may come after the bytes at hand. */
export type Continuation = 'more-may-follow' | 'complete';

function isPrefixOf(bytes: Uint8Array, whole: Uint8Array): boolean {
  const length = Math.min(bytes.length, whole.length);
  return Buffer.compare(bytes.subarray(0, length), whole.subarray(0, length)) === 0;
}

function startsWith(bytes: Uint8Array, whole: Uint8Array): boolean {
  return bytes.length >= whole.length && isPrefixOf(bytes, whole);
}

/** Bytes as text, from where base64 text begins: behind a byte order mark (UTF-8) and blanks. */
export function readAsText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  return text.replace(/^\u00ef\u00bb\u00bf/, '').trimStart();
}

function noHeader(bytes: Uint8Array): SealdropError {
  const hint = readAsText(bytes).startsWith(ARMORED_MAGIC)
    ? 'it is base64 text: add -a to the parameters'
    : 'the payload is damaged, is another file, or was made with -nosalt, -S or -K: the parameters must say so';
  return new SealdropError('bad-header', 'the payload does not begin with Salted__', { hint });
}

function saltedHeader(bytes: Uint8Array, saltLength: number, continuation: Continuation): Header | null {
  if (!isPrefixOf(bytes, MAGIC)) throw noHeader(bytes);
  const length = MAGIC.length + saltLength;
  if (bytes.length >= length) return { salt: Buffer.from(bytes.subarray(MAGIC.length, length)), length };
  if (continuation === 'more-may-follow') return null;
  const what = bytes.length === 0 ? 'the payload is empty' : 'the payload ends inside its header';
  throw new SealdropError('truncated-payload', what, { details: { size: bytes.length, headerSize: length } });
}

/** OpenSSL before 3.0 and LibreSSL write the header under `-S` too. */
function givenHeader(bytes: Uint8Array, given: Uint8Array, continuation: Continuation): Header | null {
  const salt = Buffer.from(given);
  const whole = formatHeader(given);
  if (startsWith(bytes, whole)) return { salt, length: whole.length };
  if (continuation === 'more-may-follow' && isPrefixOf(bytes, whole)) return null;
  if (startsWith(bytes, MAGIC)) {
    throw new SealdropError(
      'bad-header',
      'the payload begins with Salted__ and another salt than the one given by -S',
      {
        hint: 'drop -S from the parameters: the salt is in the payload',
      },
    );
  }
  return { salt, length: 0 };
}

function absentHeader(bytes: Uint8Array, continuation: Continuation): Header | null {
  // Eight bytes of ciphertext are these once in 2^64 times: without this check a stream cipher would give noise and no error.
  if (startsWith(bytes, MAGIC)) {
    throw new SealdropError(
      'bad-header',
      'the payload begins with Salted__, but the parameters say that it has no salt',
      {
        hint: 'drop -nosalt (or -K) from the parameters',
      },
    );
  }
  if (continuation === 'more-may-follow' && isPrefixOf(bytes, MAGIC)) return null;
  return { salt: null, length: 0 };
}

/**
 * Reads the header that the parameters call for from a payload's first bytes; null when there are not enough of them yet.
 * @throws SealdropError `bad-header`, `truncated-payload`
 */
export function parseHeader(bytes: Uint8Array, salt: Salt, continuation: Continuation): Header | null {
  switch (salt.kind) {
    case 'header':
      return saltedHeader(bytes, salt.length, continuation);
    case 'given':
      return givenHeader(bytes, salt.bytes, continuation);
    case 'none':
      return absentHeader(bytes, continuation);
    default:
      return salt satisfies never;
  }
}

/** `Salted__` and the salt. */
export function formatHeader(salt: Uint8Array): Buffer {
  return Buffer.concat([MAGIC, salt]);
}
