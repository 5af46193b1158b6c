import { createPrivateKey, type KeyObject } from 'node:crypto';
import { open } from 'node:fs/promises';
import { SealdropError, toSealdropError } from '../errors.ts';

/** Bits; the sizes that AWS KMS has too (KeySpec RSA_2048, RSA_3072, RSA_4096). */
const RSA_KEY_SIZES: readonly number[] = [2048, 3072, 4096];

/** Bytes. A 4096-bit key in PEM has about 3,300; bundles with certificates stay far below this. */
const MAXIMUM_FILE_SIZE = 64 * 1024;

interface PemFile {
  readonly path: string;
  readonly text: string;
}

function bad(path: string, fault: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
  return new SealdropError('bad-private-key', `${path}: ${fault}`, options);
}

/** Reads no more than the limit, so that a device or a huge file given by mistake does no harm. */
async function readSmallFile(path: string): Promise<Buffer> {
  try {
    await using file = await open(path, 'r');
    const buffer = Buffer.alloc(MAXIMUM_FILE_SIZE + 1);
    let size = 0;
    for (let bytesRead = -1; bytesRead !== 0 && size < buffer.length; size += bytesRead) {
      ({ bytesRead } = await file.read(buffer, size, buffer.length - size, null));
    }
    if (size > MAXIMUM_FILE_SIZE) throw bad(path, `larger than ${MAXIMUM_FILE_SIZE} bytes, so not a key`);
    return buffer.subarray(0, size);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') throw bad(path, 'is a directory');
    throw toSealdropError(error, path);
  }
}

const PEM_FAULTS: readonly (readonly [pattern: RegExp, fault: string, hint: string])[] = [
  [/ PUBLIC KEY-----/, 'holds a public key, not a private key', 'give the file that the public key was made from'],
  [/BEGIN CERTIFICATE-----/, 'holds a certificate, not a private key', 'give the private key of the certificate'],
  [
    /BEGIN OPENSSH PRIVATE KEY/,
    'is in OpenSSH format, not PEM',
    'convert a copy of it: ssh-keygen -p -m PKCS8 -f COPY',
  ],
  [/BEGIN (?:EC|DSA) PRIVATE KEY/, 'not an RSA key', 'make one: openssl genrsa -aes256 -out key.pem 3072'],
];

const PRIVATE_KEY = /-----BEGIN (?:RSA |ENCRYPTED )?PRIVATE KEY-----/;
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4,ENCRYPTED/m;

/** Says plainly what a file is that holds no private key. */
function describeOther({ path, text }: PemFile): SealdropError {
  if (text.trim() === '') return bad(path, 'is empty');
  const known = PEM_FAULTS.find(([pattern]) => pattern.test(text));
  if (known !== undefined) return bad(path, known[1], { hint: known[2] });
  return bad(path, 'is not a PEM file', {
    hint: 'a binary (DER) key becomes PEM with: openssl pkey -inform DER -in FILE -out key.pem',
  });
}

/** The first line; without its CR only as a second try, since openssl's own `-passin file:` keeps the CR. */
function passphrasesOf(file: Buffer): readonly Buffer[] {
  const end = file.indexOf('\n');
  const line = end === -1 ? file : file.subarray(0, end);
  return line.at(-1) === 0x0d ? [line, line.subarray(0, -1)] : [line];
}

async function decryptPem(pem: PemFile, passphraseFile: string | undefined): Promise<KeyObject> {
  if (passphraseFile === undefined) {
    throw bad(pem.path, 'is encrypted, and no passphrase file is given', {
      hint: 'name a passphrase file: its first line is the passphrase',
    });
  }
  let cause: unknown;
  for (const passphrase of passphrasesOf(await readSmallFile(passphraseFile))) {
    try {
      return createPrivateKey({ key: pem.text, passphrase });
    } catch (error) {
      cause = error;
    }
  }
  throw bad(pem.path, `does not open with the passphrase in ${passphraseFile}`, {
    hint: 'check the passphrase; if openssl accepts it, the cipher is too old: openssl pkey -aes256 -in FILE -out key.pem',
    cause,
  });
}

function parsePlainPem({ path, text }: PemFile): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw bad(path, 'is damaged: the private key in it cannot be read', { cause: error });
  }
}

function checkRsa(key: KeyObject, path: string): KeyObject {
  if (key.asymmetricKeyType === 'rsa-pss') {
    throw bad(path, 'an RSA-PSS key can only sign, not decrypt', { hint: 'make a plain RSA key: openssl genrsa' });
  }
  if (key.asymmetricKeyType !== 'rsa') {
    throw bad(path, `not an RSA key (${key.asymmetricKeyType})`, { hint: 'only RSA keys unwrap: openssl genrsa' });
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < Math.min(...RSA_KEY_SIZES)) {
    throw bad(path, `an RSA key of ${bits} bits is too small`, { hint: 'use 2048, 3072 or 4096 bits' });
  }
  if (!RSA_KEY_SIZES.includes(bits)) {
    throw bad(path, `an RSA key of ${bits} bits is not supported`, { hint: 'use 2048, 3072 or 4096 bits' });
  }
  return key;
}

/**
 * Reads an RSA private key from PEM: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 appendix A.1.2), or either of them encrypted
 * (RFC 5958 §3 and openssl's `Proc-Type: 4,ENCRYPTED`).
 * @throws SealdropError `bad-private-key` with a plain reason; `not-found`, `not-permitted` naming the file
 */
export async function readPrivateKey(path: string, passphraseFile: string | undefined): Promise<KeyObject> {
  const pem = { path, text: (await readSmallFile(path)).toString('latin1') };
  if (!PRIVATE_KEY.test(pem.text)) throw describeOther(pem);
  const key = ENCRYPTED.test(pem.text) ? await decryptPem(pem, passphraseFile) : parsePlainPem(pem);
  return checkRsa(key, path);
}
