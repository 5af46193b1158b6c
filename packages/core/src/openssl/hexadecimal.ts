/**
 * Hexadecimal text as `openssl enc` reads `-K`, `-iv` and `-S` (openssl/apps/enc.c `set_hex`): an odd last digit is a high nibble, what
 * is missing is zero, what is too much is dropped. Null when it is not hexadecimal text.
 * @param length bytes of the result
 */
export function parseHexadecimal(text: string, length: number): Buffer | null {
  if (!/^[0-9a-f]+$/i.test(text)) return null;
  const bytes = Buffer.alloc(length);
  bytes.write(text.length % 2 === 0 ? text : `${text}0`, 'hex');
  return bytes;
}
