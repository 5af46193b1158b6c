import { SealdropError, type SealdropErrorOptions } from '../errors.ts';

/** Bytes of an RSA ciphertext: the modulus of RSA_2048, RSA_3072 and RSA_4096. */
const RSA_CIPHERTEXT_SIZES: readonly number[] = [256, 384, 512];
const SIZES_IN_WORDS = '256, 384 or 512';

/**
 * Bytes. No wrapped key file is larger: base64 text of 512 bytes has 684 characters, a few times as many with the oddest
 * line ends and in UTF-16. Reading a file up to one byte more than this is enough to tell.
 */
export const MAXIMUM_WRAPPED_KEY_SIZE = 16 * 1024;

/** What `openssl enc` begins a payload with (openssl/apps/enc.c), and the same in base64. */
const PAYLOAD_BEGINNINGS: readonly string[] = ['Salted__', 'U2FsdGVkX1'];

/** Bytes behind a key file as people make it: `openssl rand -base64` of 16 to 64 bytes. */
const KEY_FILE_SECRET_SIZES = { minimum: 16, maximum: 64 } as const;

const UTF8_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const UTF16_MARK = Buffer.from([0xff, 0xfe]);

function startsWith(bytes: Buffer, beginning: Buffer): boolean {
  return bytes.subarray(0, beginning.length).equals(beginning);
}

/** The file as ASCII text, or null when it is binary. Windows PowerShell's `>` writes UTF-16 with a byte order mark. */
function asText(bytes: Buffer): string | null {
  const wide = startsWith(bytes, UTF16_MARK) && bytes.length % 2 === 0;
  const text = wide ? bytes.toString('utf16le', UTF16_MARK.length) : bytes.toString('latin1', markLength(bytes));
  return /^[\t\n\v\f\r -~]*$/.test(text) ? text : null;
}

function markLength(bytes: Buffer): number {
  return startsWith(bytes, UTF8_MARK) ? UTF8_MARK.length : 0;
}

type Fault = readonly [message: string, hint: string | undefined];

const SEND_THE_WRAPPED_KEY = 'send what openssl pkeyutl -encrypt wrote';

function describeText(text: string): Fault {
  const packed = text.replaceAll(/\s/g, '');
  const pem = /-----BEGIN ([^-]+)-----/.exec(text)?.[1];
  if (pem !== undefined) return [`is PEM text (${pem}), not a wrapped key`, SEND_THE_WRAPPED_KEY];
  if (packed === '') return ['has only blanks in it', SEND_THE_WRAPPED_KEY];
  const hexDigits = packed.replaceAll(':', '');
  if (/^[0-9a-f]+$/i.test(hexDigits) && RSA_CIPHERTEXT_SIZES.includes(hexDigits.length / 2)) {
    return ['is hexadecimal text', 'turn it into bytes: xxd -r -p FILE > key.bin.enc'];
  }
  const isProse = /[ \t]/.test(text.trim());
  if (isProse || !isBase64(packed)) return ['is text, but not base64', SEND_THE_WRAPPED_KEY];
  return describeBase64(Buffer.from(packed, 'base64').length);
}

function describeBase64(size: number): Fault {
  if (size >= KEY_FILE_SECRET_SIZES.minimum && size <= KEY_FILE_SECRET_SIZES.maximum) {
    return [
      'looks like the key file itself, not wrapped',
      'whoever saw it can read the payload: make a new key file, encrypt again and wrap it',
    ];
  }
  return [`is base64 text of ${size} bytes, expected ${SIZES_IN_WORDS}`, 'it was cut, or is another file'];
}

function isBase64(packed: string): boolean {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(packed);
}

function countLineEnds(bytes: Buffer): number {
  return bytes.toString('latin1').split('\r\n').length - 1;
}

const PACKERS: readonly (readonly [beginning: Buffer, name: string])[] = [
  [Buffer.from([0x1f, 0x8b, 0x08]), 'gzip data'],
  [Buffer.from([0x50, 0x4b, 0x03, 0x04]), 'a ZIP archive'],
];

function describeBinary(bytes: Buffer): Fault {
  if (startsWith(bytes, UTF16_MARK)) {
    return [
      'was written by > in Windows PowerShell, which took it for text and destroyed it',
      'let openssl pkeyutl write it with -out',
    ];
  }
  const packer = PACKERS.find(([beginning]) => startsWith(bytes, beginning));
  if (packer !== undefined) return [`is ${packer[1]}, not a wrapped key`, 'unpack it, and send files as they are'];
  const fault = `has ${bytes.length} bytes, expected ${SIZES_IN_WORDS}`;
  const excess = bytes.length - (RSA_CIPHERTEXT_SIZES.findLast((size) => size < bytes.length) ?? bytes.length);
  if (excess === 1 && bytes.at(-1) === 0x0a) {
    return [`${fault}: one byte too long, and it ends in a newline`, 'a line end was added: send the file unchanged'];
  }
  if (excess > 0 && countLineEnds(bytes) >= excess) {
    return [`${fault}: line ends were changed on the way`, 'transfer it in binary mode, not as text'];
  }
  return [fault, 'it was cut or changed on the way, or is another file'];
}

/** Lines of `certutil -encode` in front of base64 text and behind it, whatever it is (RFC 7468 §2). */
const ARMOR_LINE = /^-----(?:BEGIN|END) [A-Z0-9 ]+-----[ \t\r]*$/gm;

/** A key or certificate that happens to have the size (X.690: a SEQUENCE with two bytes of length). */
function isSequence(bytes: Buffer): boolean {
  return bytes[0] === 0x30 && bytes[1] === 0x82 && bytes.readUInt16BE(2) + 4 === bytes.length;
}

function decodeText(text: string): Buffer | null {
  const packed = text.replaceAll(ARMOR_LINE, '').replaceAll(/\s/g, '');
  const bytes = isBase64(packed) ? Buffer.from(packed, 'base64') : null;
  return bytes !== null && RSA_CIPHERTEXT_SIZES.includes(bytes.length) && !isSequence(bytes) ? bytes : null;
}

function isHexadecimal(text: string): boolean {
  return /^[0-9a-f\s]+$/i.test(text);
}

function badWrappedKey(file: string, [fault, hint]: Fault, size: number): SealdropError {
  const options: SealdropErrorOptions = { hint, details: { size } };
  return new SealdropError('bad-wrapped-key', `${file}: ${fault}`, options);
}

function refuseOther(bytes: Buffer, file: string): void {
  if (bytes.length === 0) throw badWrappedKey(file, ['is empty', 'send the file again'], 0);
  if (PAYLOAD_BEGINNINGS.some((beginning) => startsWith(bytes, Buffer.from(beginning)))) {
    throw new SealdropError('swapped-members', `${file}: begins like a payload, not like a wrapped key`, {
      hint: 'the payload and the wrapped key are exchanged: swap their names',
    });
  }
  if (bytes.length > MAXIMUM_WRAPPED_KEY_SIZE) {
    const fault = `has more than ${MAXIMUM_WRAPPED_KEY_SIZE} bytes, expected ${SIZES_IN_WORDS}`;
    throw badWrappedKey(file, [fault, 'it is another file, perhaps the payload'], bytes.length);
  }
}

/**
 * The RSA ciphertext in a wrapped key file: as it is, or from base64 text (any line length and line ends, blanks, byte
 * order mark). `file` is named in messages.
 * @throws SealdropError `bad-wrapped-key` with the reason, `swapped-members` when it is a payload
 */
export function readWrappedKey(contents: Uint8Array, file = 'wrapped key'): Buffer {
  const bytes = Buffer.from(contents.buffer, contents.byteOffset, contents.byteLength);
  refuseOther(bytes, file);
  // Text goes first: 512 characters can be the hexadecimal text of 256 bytes or the base64 text of 384.
  const text = asText(bytes);
  if (text === null) {
    if (RSA_CIPHERTEXT_SIZES.includes(bytes.length)) return Buffer.from(bytes);
    throw badWrappedKey(file, describeBinary(bytes), bytes.length);
  }
  const decoded = isHexadecimal(text) ? null : decodeText(text);
  if (decoded === null) throw badWrappedKey(file, describeText(text), bytes.length);
  return decoded;
}
