/** How the wrapped key file may be read when it is not what openssl wrote. */
import { SealdropError } from '../errors.ts';
import { readWrappedKey } from '../keys/read-wrapped-key.ts';

/** `as-sent` includes base64 text, which is always taken. */
export type WrappedKeyReading = 'as-sent' | 'from-hexadecimal' | 'without-line-end';

const LF = 0x0a;
const CR = 0x0d;

function fromHexadecimal(contents: Buffer): Buffer | null {
  const packed = contents.toString('latin1').replaceAll(/[\s:]/g, '');
  return /^(?:[0-9a-f]{2})+$/i.test(packed) ? Buffer.from(packed, 'hex') : null;
}

function withoutLineEnd(contents: Buffer): Buffer | null {
  if (contents.at(-1) !== LF) return null;
  return contents.subarray(0, contents.at(-2) === CR ? -2 : -1);
}

/** The words a repaired wrapped key is told with. */
export const WRAPPED_KEY_WORDS: Readonly<Record<WrappedKeyReading, string>> = {
  'as-sent': 'the wrapped key as it was sent',
  'from-hexadecimal': 'the wrapped key is hexadecimal text',
  'without-line-end': 'a line end was added to the wrapped key',
};

function withoutArmorLines(contents: Buffer): string {
  return contents.includes('-----BEGIN ') ? "sed '/^-----/d' | " : '';
}

/** A filter of POSIX shell from the file to the bytes that openssl wrote; null for none. */
export function wrappedKeyFilter(contents: Buffer, reading: WrappedKeyReading, size: number): string | null {
  switch (reading) {
    case 'from-hexadecimal':
      return "tr -d '[:space:]:' | xxd -r -p";
    case 'without-line-end':
      return `head -c ${size}`;
    case 'as-sent':
      return contents.length === size
        ? null
        : `${withoutArmorLines(contents)}tr -cd 'A-Za-z0-9+/=' | openssl base64 -d -A`;
    default:
      return reading satisfies never;
  }
}

/**
 * The RSA ciphertext by a reading.
 * @throws SealdropError `bad-wrapped-key`, `swapped-members`
 */
export function rereadWrappedKey(contents: Buffer, reading: WrappedKeyReading, file: string): Buffer {
  if (reading === 'as-sent') return readWrappedKey(contents, file);
  const bytes = reading === 'from-hexadecimal' ? fromHexadecimal(contents) : withoutLineEnd(contents);
  if (bytes === null) throw new SealdropError('bad-wrapped-key', `${file}: cannot be read in this way`);
  return readWrappedKey(bytes, file);
}
