import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadPublicKey, publicKeyFingerprint } from '../../src/index.ts';

let folder: string;

/** Runs the real openssl in the test's folder. */
function openssl(...commandLine: string[]): Buffer {
  return execFileSync('openssl', commandLine, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
}

const bytesOf = (name: string) => readFileSync(join(folder, name));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealdrop-public-key-'));
  openssl('genrsa', '-out', 'key.pem', '2048');
  openssl('pkey', '-in', 'key.pem', '-pubout', '-out', 'spki.pem');
  openssl('pkey', '-in', 'key.pem', '-pubout', '-outform', 'DER', '-out', 'spki.der');
  openssl('rsa', '-in', 'key.pem', '-RSAPublicKey_out', '-out', 'pkcs1.pem');
  openssl('rsa', '-in', 'key.pem', '-RSAPublicKey_out', '-outform', 'DER', '-out', 'pkcs1.der');
  openssl('req', '-x509', '-key', 'key.pem', '-subj', '/CN=test', '-days', '1', '-out', 'certificate.pem');
  openssl('x509', '-in', 'certificate.pem', '-outform', 'DER', '-out', 'certificate.der');
  openssl('req', '-new', '-key', 'key.pem', '-subj', '/CN=test', '-out', 'request.pem');
  openssl('genrsa', '-out', 'small.pem', '1024');
  openssl('pkey', '-in', 'small.pem', '-pubout', '-out', 'small.pub.pem');
  openssl('genpkey', '-algorithm', 'ed25519', '-out', 'ed25519.pem');
  openssl('pkey', '-in', 'ed25519.pem', '-pubout', '-out', 'ed25519.pub.pem');
  openssl('genpkey', '-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', 'pss.pem');
  openssl('pkey', '-in', 'pss.pem', '-pubout', '-out', 'pss.pub.pem');
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('every form that openssl writes holds the same key', () => {
  test.each(['spki.pem', 'spki.der', 'pkcs1.pem', 'pkcs1.der', 'certificate.pem', 'certificate.der'])('%s', (name) => {
    const key = loadPublicKey(bytesOf(name), name);
    expect(key.type).toBe('public');
    expect(key.export({ format: 'pem', type: 'spki' })).toBe(bytesOf('spki.pem').toString());
  });

  test('the fingerprint is the SHA-256 of what openssl writes as DER', () => {
    const key = loadPublicKey(bytesOf('certificate.pem'), 'certificate.pem');
    expect(publicKeyFingerprint(key)).toBe(createHash('sha256').update(bytesOf('spki.der')).digest('hex'));
  });

  test('text around the PEM block is passed over', () => {
    const text = `Our key, valid from January:\r\n\r\n${bytesOf('spki.pem').toString()}\r\nRegards\r\n`;
    expect(loadPublicKey(Buffer.from(text), 'mail.txt').asymmetricKeyType).toBe('rsa');
  });
});

describe('a file that holds no usable public key says why', () => {
  test.each([
    ['key.pem', 'key.pem: holds a private key, not a public key'],
    ['request.pem', 'request.pem: holds a certificate request, not a public key'],
    ['small.pub.pem', 'small.pub.pem: is an RSA key of 1024 bits, which is too small'],
    ['ed25519.pub.pem', 'ed25519.pub.pem: is not an RSA key (ed25519)'],
    ['pss.pub.pem', 'pss.pub.pem: is an RSA-PSS key, which can only verify signatures'],
  ])('%s', (name, message) => {
    expect(() => loadPublicKey(bytesOf(name), name)).toThrow(
      expect.objectContaining({ code: 'bad-public-key', message }),
    );
  });

  test.each([
    ['nothing', '', 'x: is empty'],
    ['text', 'hello', 'x: holds no public key'],
    [
      'a cut PEM block',
      '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n',
      'x: is damaged: the public key in it cannot be read',
    ],
  ])('%s', (_what, text, message) => {
    expect(() => loadPublicKey(Buffer.from(text), 'x')).toThrow(
      expect.objectContaining({ code: 'bad-public-key', message }),
    );
  });
});
