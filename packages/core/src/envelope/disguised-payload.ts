/** What another program made of a payload, or in place of one: to say of such bytes that they are not encrypted would accuse the sender wrongly. */
import { ARMORED_MAGIC, MAGIC } from '../openssl/header.ts';

/** Bytes from the beginning in which a wrapping by another program shows. */
const REACH = 4096;
/** By Windows PowerShell's `>`. */
const UTF16_MARK = '\u00ff\u00fe';

type Disguise = readonly [shows: (text: string) => boolean, what: string];

const matches =
  (pattern: RegExp) =>
  (text: string): boolean =>
    pattern.test(text);

/** Each a clause after `the payload`; the first that shows is said. */
const DISGUISES: readonly Disguise[] = [
  [
    matches(/^content-type: *application\/(?:x-)?pkcs7-mime/im),
    'is an S/MIME message, which another program than openssl enc made',
  ],
  [
    matches(/^content-type: *multipart\/encrypted/im),
    'is a PGP/MIME message, which another program than openssl enc made',
  ],
  [
    matches(/^eyJ[\w-]+\.[\w-]*\.[\w-]+\.[\w-]*/),
    'is a JSON Web Encryption, which another program than openssl enc made',
  ],
  [
    (text) => text.startsWith(UTF16_MARK) && text.replaceAll('\0', '').startsWith(UTF16_MARK + ARMORED_MAGIC),
    'is base64 text in UTF-16, as > writes it in Windows PowerShell: send what openssl enc -out wrote',
  ],
  [
    matches(/^\s*53616c7465645f5f/i),
    'is hexadecimal text of what openssl enc wrote: turn it into bytes (xxd -r -p), or send what openssl enc wrote',
  ],
  [
    matches(/^\s*VTJGc2RHVmtYM/),
    'is base64 text of base64 text: decode it once (openssl base64 -d), or send what openssl enc wrote',
  ],
  [
    // As openssl breaks lines, or a mail program that quotes them.
    matches(/^[> \t]*U2FsdGVkX1/m),
    'is base64 text of openssl enc with other text in front: only the base64 lines count',
  ],
];

function bytesInFront(text: string): string | null {
  const offset = text.indexOf(MAGIC.toString('latin1'));
  if (offset <= 0) return null;
  return `has ${offset} bytes in front of what openssl enc wrote, as an archive, an upload form or an editor puts them there`;
}

/** What is said of it, a clause; null for what nothing was done to. */
export function describeDisguise(beginning: Buffer): string | null {
  const text = beginning.toString('latin1', 0, REACH);
  const what = bytesInFront(text) ?? DISGUISES.find(([shows]) => shows(text))?.[1];
  return what === undefined ? null : `the payload ${what}`;
}
