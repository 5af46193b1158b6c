import { createHash, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { SealdropError } from '../errors.ts';

/** Bits. The smallest size of AWS KMS (KeySpec RSA_2048), and the smallest that NIST SP 800-131A still allows. */
const MINIMUM_BITS = 2048;

const PEM_LABEL = /-----BEGIN ([A-Z0-9 ]+)-----/;

/** What other PEM blocks hold, and what to give instead; found by the block's own label (RFC 7468). */
const PEM_FAULTS: readonly (readonly [label: RegExp, fault: string, hint: string])[] = [
  [
    /PRIVATE KEY$/,
    'holds a private key, not a public key',
    'keep it to yourself and give its public half: openssl pkey -in FILE -pubout -out pubkey.pem',
  ],
  [
    /^(?:NEW )?CERTIFICATE REQUEST$/,
    'holds a certificate request, not a public key',
    'take the key out of it: openssl req -in FILE -noout -pubkey -out pubkey.pem',
  ],
];

type Reader = (bytes: Buffer) => KeyObject;

const fromCertificate: Reader = (bytes) => new X509Certificate(bytes).publicKey;
const fromPem: Reader = (bytes) => createPublicKey(bytes);
const fromSpki: Reader = (key) => createPublicKey({ key, format: 'der', type: 'spki' });
const fromPkcs1: Reader = (key) => createPublicKey({ key, format: 'der', type: 'pkcs1' });

class Fault extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string, cause?: unknown) {
    super(message, { cause });
    this.hint = hint;
  }
}

function readPem(bytes: Buffer, label: string): KeyObject {
  const known = PEM_FAULTS.find(([pattern]) => pattern.test(label));
  if (known !== undefined) throw new Fault(known[1], known[2]);
  try {
    return label.endsWith('CERTIFICATE') ? fromCertificate(bytes) : fromPem(bytes);
  } catch (error) {
    throw new Fault(`is damaged: the ${label.toLowerCase()} in it cannot be read`, 'ask for the file once more', error);
  }
}

function readDer(bytes: Buffer): KeyObject {
  for (const reader of [fromSpki, fromPkcs1, fromCertificate]) {
    try {
      return reader(bytes);
    } catch {
      // The next form may fit; that none does is said below.
    }
  }
  throw new Fault(
    'holds no public key',
    'give PEM or DER, as `sealdrop public-key` or `openssl pkey -pubout` write it',
  );
}

function checkRsa(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType === 'rsa-pss') {
    throw new Fault('is an RSA-PSS key, which can only verify signatures', 'use a plain RSA key');
  }
  if (key.asymmetricKeyType !== 'rsa') {
    throw new Fault(`is not an RSA key (${key.asymmetricKeyType})`, 'only RSA keys can wrap');
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits >= MINIMUM_BITS) return key;
  throw new Fault(`is an RSA key of ${bits} bits, which is too small`, `use one of at least ${MINIMUM_BITS} bits`);
}

function read(bytes: Buffer): KeyObject {
  if (bytes.length === 0) throw new Fault('is empty');
  const label = PEM_LABEL.exec(bytes.toString('latin1'))?.[1];
  return checkRsa(label === undefined ? readDer(bytes) : readPem(bytes, label));
}

/**
 * Reads an RSA public key of at least 2048 bits from the bytes of a file: PEM or DER; SubjectPublicKeyInfo (RFC 5280
 * §4.1), PKCS#1 (RFC 8017 appendix A.1.1) or an X.509 certificate, whose key is taken without checking the certificate.
 * @param subject what the bytes are called in messages, as a rule the file's name
 * @throws SealdropError `bad-public-key` with a plain reason
 */
export function loadPublicKey(bytes: Uint8Array, subject: string): KeyObject {
  try {
    return read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new SealdropError('bad-public-key', `${subject}: ${error.message}`, { hint: error.hint, cause: error.cause });
  }
}

/** SHA-256 of the SubjectPublicKeyInfo's DER in hexadecimal: what `openssl pkey -pubin -outform DER | sha256sum` prints. */
export function publicKeyFingerprint(key: KeyObject): string {
  const der = key.export({ format: 'der', type: 'spki' });
  return createHash('sha256').update(der).digest('hex');
}
