/** The keys that sign manifests and verify their signatures. */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SealdropError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

const MINIMUM_RSA_BITS = 2048;
/** P-256, P-384 and P-521 by OpenSSL's names. */
const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

const EDWARDS: ReadonlySet<string> = new Set(['ed25519', 'ed448']);
const RSA: ReadonlySet<string> = new Set(['rsa', 'rsa-pss']);

function reasonAgainst(key: KeyObject): string | null {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const kind = key.asymmetricKeyType ?? 'unknown';
  if (EDWARDS.has(kind) || CURVES.has(namedCurve)) return null;
  if (!RSA.has(kind)) return `is a key of the kind ${[kind, namedCurve].join(' ').trim()}, which is not supported`;
  return modulusLength < MINIMUM_RSA_BITS ? `is an RSA key of ${modulusLength} bits, which is too small` : null;
}

interface KeyFile {
  readonly subject: string;
  readonly code: ErrorCode;
}

function checked(key: KeyObject, { subject, code }: KeyFile): KeyObject {
  const reason = reasonAgainst(key);
  if (reason === null) return key;
  throw new SealdropError(code, `${subject}: ${reason}`, {
    hint: 'use RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519',
  });
}

function read(file: KeyFile, fault: string, load: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = load();
  } catch (error) {
    throw new SealdropError(file.code, `${file.subject}: ${fault}`, { cause: error });
  }
  return checked(key, file);
}

/**
 * A signer's public key from PEM (SubjectPublicKeyInfo, or an X.509 certificate, whose key is taken without checking the certificate).
 * @param subject what the bytes are called in messages, as a rule the file's name
 * @throws SealdropError `bad-public-key`
 */
export function loadVerificationKey(bytes: Uint8Array, subject: string): KeyObject {
  const pem = Buffer.from(bytes);
  const text = pem.toString('latin1');
  const file: KeyFile = { subject, code: 'bad-public-key' };
  if (text.includes('PRIVATE KEY-----')) {
    throw new SealdropError(file.code, `${subject}: holds a private key, not a public key`, {
      hint: 'give its public half: openssl pkey -in FILE -pubout -out signer.pub.pem',
    });
  }
  const isCertificate = text.includes('BEGIN CERTIFICATE-----');
  return read(file, 'holds no public key in PEM', () =>
    isCertificate ? new X509Certificate(pem).publicKey : createPublicKey(pem),
  );
}

/**
 * A private key in PEM that signs manifests.
 * @param passphrase opens an encrypted PEM
 * @throws SealdropError `bad-private-key`
 */
export function loadSigningKey(bytes: Uint8Array, subject: string, passphrase?: Uint8Array): KeyObject {
  const key = Buffer.from(bytes);
  const isEncrypted = /ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4,ENCRYPTED/m.test(key.toString('latin1'));
  const fault = isEncrypted
    ? `is encrypted, and ${passphrase === undefined ? 'no passphrase is given' : 'the passphrase does not open it'}`
    : 'holds no private key in PEM';
  return read({ subject, code: 'bad-private-key' }, fault, () =>
    createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase: Buffer.from(passphrase) }) }),
  );
}
