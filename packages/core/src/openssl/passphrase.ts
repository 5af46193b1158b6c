import { SealdropError } from '../errors.ts';
import type { PassphraseRule } from './parameters.ts';

/** Bytes. A key file under RSA-OAEP has less than 1,024 even with an 8192-bit key. */
export const MAXIMUM_KEY_FILE_SIZE = 16 * 1024;

/** openssl/apps/lib/apps.c `app_get_pass`: a buffer of APP_PASS_LEN = 1024 with its final NUL. */
const PASS_FILE_LIMIT = 1023;
/** openssl/apps/enc.c: `-kfile` reads into a buffer of 128. */
const KFILE_LIMIT = 127;

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;

function badKeyFile(fault: string): SealdropError {
  return new SealdropError('bad-key-file', `the key file ${fault}`, {
    hint: 'make it with: openssl rand -base64 32 > key.bin',
  });
}

/** @throws SealdropError `bad-key-file` when it has more than `MAXIMUM_KEY_FILE_SIZE` bytes */
export function checkKeyFileSize(keyFile: Uint8Array): void {
  if (keyFile.length > MAXIMUM_KEY_FILE_SIZE) {
    throw badKeyFile(`is too large: ${keyFile.length} bytes, the limit is ${MAXIMUM_KEY_FILE_SIZE}`);
  }
}

/** What C's `fgets` and `strlen` make of it: up to the first LF (exclusive) or NUL within the limit. */
function firstLine(keyFile: Uint8Array, limit: number): Uint8Array {
  const line = keyFile.subarray(0, limit);
  const end = line.findIndex((byte) => byte === LF || byte === NUL);
  return end === -1 ? line : line.subarray(0, end);
}

/** What a POSIX shell's `$(cat key.bin)` gives: NUL bytes dropped, trailing newlines stripped. A new buffer. */
export function commandSubstitution(bytes: Uint8Array): Buffer {
  const copy = Buffer.alloc(bytes.length);
  let length = 0;
  for (const byte of bytes) if (byte !== NUL) copy[length++] = byte;
  while (length > 0 && copy[length - 1] === LF) length--;
  return copy.subarray(0, length);
}

function stripLineEnd(line: Uint8Array): Uint8Array {
  let length = line.length;
  while (length > 0 && (line[length - 1] === CR || line[length - 1] === LF)) length--;
  return line.subarray(0, length);
}

/** `-pass file:` and `-kfile` both refuse a file that `fgets` takes for empty. */
function checkNotEmpty(keyFile: Uint8Array): void {
  if (keyFile.length === 0) throw badKeyFile('is empty');
  if (keyFile[0] === NUL) throw badKeyFile('begins with a NUL byte, which openssl refuses');
}

/**
 * The passphrase that openssl takes from a key file. It is always a copy: zero it when done.
 * An empty passphrase is a valid result of rule `file` (a key file that begins with LF): whether it is acceptable is the caller's to decide.
 * @param keyFile the bytes of the key file
 * @throws SealdropError `bad-key-file` when openssl refuses the file too, or it is too large
 */
export function readPassphrase(keyFile: Uint8Array, rule: PassphraseRule): Buffer {
  checkKeyFileSize(keyFile);
  switch (rule) {
    case 'argument':
      return commandSubstitution(keyFile);
    case 'file':
      checkNotEmpty(keyFile);
      return Buffer.from(firstLine(keyFile, PASS_FILE_LIMIT));
    case 'kfile': {
      checkNotEmpty(keyFile);
      const passphrase = stripLineEnd(firstLine(keyFile, KFILE_LIMIT));
      if (passphrase.length === 0) throw badKeyFile('begins with a line end, which openssl -kfile refuses');
      return Buffer.from(passphrase);
    }
    default:
      return rule satisfies never;
  }
}
