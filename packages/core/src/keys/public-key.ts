import { createHash, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { SealdropError } from '../errors.ts';

/** Bits. The smallest size of AWS KMS (KeySpec RSA_2048), and the smallest that NIST SP 800-131A still allows. */
const MINIMUM_BITS = 2048;

function bad(fault: string, hint?: string, cause?: unknown): SealdropError {
  return new SealdropError('bad-public-key', fault, { hint, cause });
}

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----/;

/** What other PEM blocks are, and what to give instead; looked up by the block's own label (RFC 7468). */
const PEM_FAULTS: readonly (readonly [label: RegExp, fault: string, hint: string])[] = [
  [
    /PRIVATE KEY$/,
    'holds a private key, not a public key',
    'keep it to yourself and give its public half: openssl pkey -in FILE -pubout -out pubkey.pem',
  ],
  [
    /^CERTIFICATE REQUEST$/,
    'holds a certificate request, not a public key',
    'take the key out of it: openssl req -in FILE -noout -pubkey -out pubkey.pem',
  ],
];

type Reader = (bytes: Buffer) => KeyObject;

const fromCertificate: Reader = (bytes) => new X509Certificate(bytes).publicKey;
const fromPem: Reader = (bytes) => createPublicKey(bytes);
const fromSpki: Reader = (key) => createPublicKey({ key, format: 'der', type: 'spki' });
const fromPkcs1: Reader = (key) => createPublicKey({ key, format: 'der', type: 'pkcs1' });

function readPem(bytes: Buffer, label: string): KeyObject {
  const known = PEM_FAULTS.find(([pattern]) => pattern.test(label));
  if (known !== undefined) throw bad(known[1], known[2]);
  try {
    return label.endsWith('CERTIFICATE') ? fromCertificate(bytes) : fromPem(bytes);
  } catch (error) {
    throw bad(`is damaged: the ${label.toLowerCase()} in it cannot be read`, 'ask for the file once more', error);
  }
}

function readDer(bytes: Buffer): KeyObject {
  for (const read of [fromSpki, fromPkcs1, fromCertificate]) {
    try {
      return read(bytes);
    } catch {
      // The next form may fit; that none does is said below.
    }
  }
  throw bad(
    'holds no public key',
    'a public key is PEM or DER, as `sealdrop public-key` or `openssl pkey -pubout` write it',
  );
}

function checkRsa(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType === 'rsa-pss')
    throw bad('is an RSA-PSS key, which can only verify signatures', 'use a plain RSA key');
  if (key.asymmetricKeyType !== 'rsa')
    throw bad(`is not an RSA key (${key.asymmetricKeyType})`, 'only RSA keys can wrap');
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits >= MINIMUM_BITS) return key;
  throw bad(`is an RSA key of ${bits} bits, which is too small`, `use one of at least ${MINIMUM_BITS} bits`);
}

/**
 * Reads an RSA public key from the bytes of a file: PEM or DER; SubjectPublicKeyInfo (RFC 5280 §4.1), PKCS#1
 * (RFC 8017 appendix A.1.1) or an X.509 certificate, whose key is taken without checking the certificate.
 * @throws SealdropError `bad-public-key`; the message begins with a verb, for the caller to put the file's name before
 */
export function loadPublicKey(bytes: Uint8Array): KeyObject {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length === 0) throw bad('is empty');
  const label = PEM_BLOCK.exec(buffer.toString('latin1'))?.[1];
  return checkRsa(label === undefined ? readDer(buffer) : readPem(buffer, label));
}

/** SHA-256 over the DER of the SubjectPublicKeyInfo, lower-case hexadecimal: what `openssl pkey -pubin -outform DER | sha256sum` prints. */
export function publicKeyFingerprint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('hex');
}
