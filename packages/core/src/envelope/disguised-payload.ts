/** What another program made of a payload, or in place of one: to say of such bytes that they are not encrypted would accuse the sender wrongly. */
import { ARMORED_MAGIC, MAGIC } from '../openssl/header.ts';
import { findRepetition } from './ciphertext-repetition.ts';
import { matchSignature } from './file-signatures.ts';

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
    (text) =>
      text.startsWith(UTF16_MARK) && text.replaceAll('\0', '').startsWith(UTF16_MARK + MAGIC.toString('latin1')),
    'was written by > in Windows PowerShell, which took it for text and destroyed it: let openssl enc write it with -out',
  ],
  [
    matches(/^0+:? +(?:5361 ?6c74 ?6564 ?5f5f|53 61 6c 74 65 64 5f 5f)/i),
    'is a dump of what openssl enc wrote, as xxd and hexdump print it: send the file itself',
  ],
  [
    matches(/^\s*(?:<!doctype html|<html)/i),
    'is an HTML page, as a server or proxy sends it in place of a file; if it is the very file that was to be sent, whoever saw it could read it',
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
  const archive = matchSignature(Buffer.from(text, 'latin1'));
  if (archive?.packs === 'files')
    return `is ${archive.name}, packed after it was encrypted: unpack it, and send payloads as they are`;
  return `has ${offset} bytes in front of what openssl enc wrote, as an archive, an upload form or an editor puts them there`;
}

/** What is said of it, a clause; null for what nothing was done to. */
export function describeDisguise(beginning: Buffer): string | null {
  const text = beginning.toString('latin1', 0, REACH);
  const what = DISGUISES.find(([shows]) => shows(text))?.[1] ?? bytesInFront(text);
  return what === null ? null : `the payload ${what}`;
}

/** Bytes of ciphertext that are well-formed UTF-8, or all below 128, by chance at most once in 2^40 times. */
const TELLING_SIZE = 64;
const SEVEN_BITS = 0x7f;

/** What a program did that took a payload for text and kept its first bytes, which are text; a clause, null for nothing. */
export function describeRecoding(beginning: Buffer): string | null {
  // From the salt on, which grew as well.
  const ciphertext = beginning.subarray(MAGIC.length);
  if (ciphertext.length < TELLING_SIZE || findRepetition(ciphertext) !== null) return null;
  if (ciphertext.every((byte) => byte <= SEVEN_BITS)) {
    return 'the payload was sent by a way that keeps seven bits of each byte, which destroyed it: send it in binary mode, or as base64 text (-a)';
  }
  if (!isBeginningOfUtf8(ciphertext)) return null;
  return 'the payload was turned into UTF-8 by a program that took it for text in Latin-1: iconv -f UTF-8 -t ISO-8859-1 may undo it; send it in binary mode';
}

function isBeginningOfUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
