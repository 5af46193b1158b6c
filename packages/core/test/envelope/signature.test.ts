import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  loadSigningKey,
  loadVerificationKey,
  openEnvelope,
  publicKeyFingerprint,
  signManifest,
  toSealdropError,
  verifyManifestSignature,
  verifySignature,
} from '../../src/index.ts';
import type { EnvelopeMembers, SealOptions } from '../../src/index.ts';
import { newDirectory, newReceiver, seal } from './envelope-kit.ts';

const PLAINTEXT = Buffer.from('name,amount\nAda,12\n');
const receiver = await newReceiver();

function openssl(directory: string, ...words: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', words, { cwd: directory, encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${words.join(' ')}: ${stderr}`);
}

const GENPKEY = {
  rsa: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  pss: ['-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048'],
  'P-256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'P-384': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  Ed25519: ['-algorithm', 'ED25519'],
} as const;
type KeyKind = keyof typeof GENPKEY;

const FILES = ['-out', 'm.sig', 'm.json'];
const DIGEST_SIGN = ['dgst', '-sha256', '-sign', 'key.pem'];

/** As a sender signs `m.json`, by the kind of key. */
const SIGN: readonly (readonly [string, KeyKind, readonly string[]])[] = [
  ['RSA PKCS#1 v1.5', 'rsa', [...DIGEST_SIGN, ...FILES]],
  ['RSA PKCS#1 v1.5 with SHA-512', 'rsa', ['dgst', '-sha512', '-sign', 'key.pem', ...FILES]],
  ['RSA-PSS', 'rsa', [...DIGEST_SIGN, '-sigopt', 'rsa_padding_mode:pss', ...FILES]],
  [
    'RSA-PSS, salt of 20 bytes',
    'rsa',
    [...DIGEST_SIGN, '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:20', ...FILES],
  ],
  ['a key for RSA-PSS only', 'pss', [...DIGEST_SIGN, ...FILES]],
  ['ECDSA P-256', 'P-256', [...DIGEST_SIGN, ...FILES]],
  ['ECDSA P-384', 'P-384', [...DIGEST_SIGN, ...FILES]],
  ['Ed25519', 'Ed25519', ['pkeyutl', '-sign', '-rawin', '-inkey', 'key.pem', '-in', 'm.json', '-out', 'm.sig']],
];

/** A digest first, then its signature: what `pkeyutl -sign` does without -rawin. */
const PREHASH = [
  ['dgst', '-sha256', '-binary', '-out', 'm.sha256', 'm.json'],
  ['pkeyutl', '-sign', '-inkey', 'key.pem', '-in', 'm.sha256', '-out', 'm.sig', '-pkeyopt', 'digest:sha256'],
] as const;
const PKEYUTL_RAWIN = ['pkeyutl', '-sign', '-rawin', '-inkey', 'key.pem', '-in', 'm.json', '-out', 'm.sig'];
const PSS = ['-pkeyopt', 'rsa_padding_mode:pss'];

/** The same signatures by `openssl pkeyutl`, of the manifest and of its digest. */
const PKEYUTL_SIGN: readonly (readonly [string, KeyKind, readonly (readonly string[])[]])[] = [
  ['RSA PKCS#1 v1.5 of a digest', 'rsa', PREHASH],
  ['RSA PKCS#1 v1.5 of the manifest', 'rsa', [[...PKEYUTL_RAWIN, '-digest', 'sha256']]],
  ['RSA-PSS of a digest', 'rsa', [PREHASH[0], [...PREHASH[1], ...PSS]]],
  ['RSA-PSS of the manifest', 'rsa', [[...PKEYUTL_RAWIN, '-digest', 'sha256', ...PSS]]],
  ['ECDSA P-256 of a digest', 'P-256', PREHASH],
  ['ECDSA P-384 of the manifest', 'P-384', [[...PKEYUTL_RAWIN, '-digest', 'sha384']]],
];

interface Signer {
  readonly directory: string;
  readonly publicPem: Buffer;
  readonly privatePem: Buffer;
}

function newSigner(kind: KeyKind): Signer {
  const directory = newDirectory();
  openssl(directory, 'genpkey', ...GENPKEY[kind], '-out', 'key.pem');
  openssl(directory, 'pkey', '-in', 'key.pem', '-pubout', '-out', 'key.pub');
  const read = (name: string) => readFileSync(join(directory, name));
  return { directory, publicPem: read('key.pub'), privatePem: read('key.pem') };
}

const stranger = generateKeyPairSync('ed25519').publicKey;

async function sealed(options: Partial<SealOptions> = {}): Promise<EnvelopeMembers & { readonly manifest: string }> {
  const { members } = await seal(PLAINTEXT, { publicKey: receiver.publicKey, directory: newDirectory(), ...options });
  if (members.manifest === null) throw new Error('sealed without a manifest');
  return { ...members, manifest: members.manifest };
}

/** With a signature beside its manifest. */
function withSignature(
  members: EnvelopeMembers & { readonly manifest: string },
  signature: Uint8Array,
): EnvelopeMembers {
  const path = `${members.manifest}.sig`;
  writeFileSync(path, signature);
  return { ...members, signature: path };
}

describe('what openssl signs is verified', () => {
  test.each(SIGN)('%s', async (_what, kind, words) => {
    const { directory, publicPem } = newSigner(kind);
    const members = await sealed();
    writeFileSync(join(directory, 'm.json'), readFileSync(members.manifest));
    openssl(directory, ...words);
    const signed = withSignature(members, readFileSync(join(directory, 'm.sig')));
    const key = loadVerificationKey(publicPem, 'key.pub');
    const policy = { publicKeys: [stranger, key], missing: 'refuse' } as const;
    const opened = await openEnvelope(signed, { keys: [receiver.key], signature: policy });
    expect(opened.signedBy).toBe(publicKeyFingerprint(key));
    expect(Buffer.concat(await Array.fromAsync(opened.plaintext()))).toEqual(PLAINTEXT);
    expect(await verifySignature(signed, policy)).toBe(publicKeyFingerprint(key));
  });
});

describe('what openssl pkeyutl signs is verified', () => {
  test.each(PKEYUTL_SIGN)('%s', async (_what, kind, commands) => {
    const { directory, publicPem } = newSigner(kind);
    const members = await sealed();
    writeFileSync(join(directory, 'm.json'), readFileSync(members.manifest));
    for (const words of commands) openssl(directory, ...words);
    const signed = withSignature(members, readFileSync(join(directory, 'm.sig')));
    const key = loadVerificationKey(publicPem, 'key.pub');
    const policy = { publicKeys: [stranger, key], missing: 'refuse' } as const;
    expect(await verifySignature(signed, policy)).toBe(publicKeyFingerprint(key));
  });
});

describe('what is nearly a signature of openssl is refused', () => {
  const KINDS = ['rsa', 'pss', 'P-256', 'P-384', 'Ed25519'] as const;
  const CHANGES: readonly (readonly [string, (signature: Buffer) => Buffer])[] = [
    ['cut by a byte', (signature) => signature.subarray(0, -1)],
    ['with a byte behind', (signature) => Buffer.concat([signature, Buffer.of(10)])],
    [
      'with a bit changed',
      (signature) => Buffer.concat([signature.subarray(0, -1), Buffer.of((signature.at(-1) ?? 0) ^ 1)]),
    ],
  ];

  test.each(KINDS)('%s: cut, lengthened or changed, or of another manifest', async (kind) => {
    const { privatePem, publicPem } = newSigner(kind);
    const policy = { publicKeys: [loadVerificationKey(publicPem, 'key.pub')], missing: 'refuse' } as const;
    const members = await sealed({ signWith: loadSigningKey(privatePem, 'key.pem') });
    const signature = readFileSync(members.signature ?? '');
    await expect(verifySignature(members, policy)).resolves.not.toBeNull();
    for (const [what, change] of CHANGES) {
      const refusal = await verifySignature(withSignature(members, change(signature)), policy).catch(
        (thrown: unknown) => toSealdropError(thrown),
      );
      expect({ what, refusal }).toMatchObject({ what, refusal: { code: 'bad-signature' } });
    }
    const other = withSignature(await sealed(), signature);
    await expect(verifySignature(other, policy)).rejects.toMatchObject({ code: 'bad-signature' });
  });

  test('ECDSA as two numbers side by side rather than in DER', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const members = await sealed();
    const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
    const signed = withSignature(members, sign('sha256', readFileSync(members.manifest), key));
    const policy = { publicKeys: [publicKey], missing: 'refuse' } as const;
    await expect(verifySignature(signed, policy)).rejects.toMatchObject({ code: 'bad-signature' });
  });

  test('Ed25519 of the digest rather than of the manifest', async () => {
    const { directory, publicPem } = newSigner('Ed25519');
    const members = await sealed();
    writeFileSync(join(directory, 'm.json'), readFileSync(members.manifest));
    openssl(directory, ...PREHASH[0]);
    openssl(directory, 'pkeyutl', '-sign', '-rawin', '-inkey', 'key.pem', '-in', 'm.sha256', '-out', 'm.sig');
    const signed = withSignature(members, readFileSync(join(directory, 'm.sig')));
    const policy = { publicKeys: [loadVerificationKey(publicPem, 'key.pub')], missing: 'refuse' } as const;
    await expect(verifySignature(signed, policy)).rejects.toMatchObject({ code: 'bad-signature' });
  });
});

describe('what Sealdrop signs is verified by openssl', () => {
  const DIGEST_VERIFY = ['dgst', '-sha256', '-verify', 'key.pub', '-signature'];
  test.each<readonly [KeyKind, (signature: string, manifest: string) => readonly string[]]>([
    ['rsa', (signature, manifest) => [...DIGEST_VERIFY, signature, manifest]],
    ['pss', (signature, manifest) => [...DIGEST_VERIFY, signature, '-sigopt', 'rsa_padding_mode:pss', manifest]],
    ['P-256', (signature, manifest) => [...DIGEST_VERIFY, signature, manifest]],
    ['P-384', (signature, manifest) => [...DIGEST_VERIFY, signature, manifest]],
    [
      'Ed25519',
      (signature, manifest) => [
        'pkeyutl',
        '-verify',
        '-rawin',
        '-pubin',
        '-inkey',
        'key.pub',
        '-sigfile',
        signature,
        '-in',
        manifest,
      ],
    ],
  ])('%s', async (kind, words) => {
    const { directory, privatePem, publicPem } = newSigner(kind);
    for (const layout of ['flat', 'folder'] as const) {
      const members = await sealed({ signWith: loadSigningKey(privatePem, 'key.pem'), layout });
      expect(members.signature).toBe(`${members.manifest}.sig`);
      openssl(directory, ...words(members.signature ?? '', members.manifest));
      const publicKeys = [loadVerificationKey(publicPem, 'key.pub')];
      expect(await verifySignature(members, { publicKeys, missing: 'refuse' })).not.toBeNull();
    }
  });
});

describe('a signature that does not hold', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const policy = { publicKeys: [publicKey], missing: 'refuse' } as const;
  const open = async (members: EnvelopeMembers) => openEnvelope(members, { keys: [receiver.key], signature: policy });

  test('is bad-signature when the manifest was changed by a blank', async () => {
    const members = await sealed({ signWith: privateKey });
    writeFileSync(members.manifest, readFileSync(members.manifest, 'utf8').replace('{', '{ '));
    await expect(open(members)).rejects.toMatchObject({ code: 'bad-signature', blame: 'sender' });
    await expect(open(members)).rejects.toThrow(members.manifest);
  });

  test('is bad-signature when it is by another key', async () => {
    const members = await sealed({ signWith: generateKeyPairSync('ed25519').privateKey });
    await expect(open(members)).rejects.toMatchObject({ code: 'bad-signature' });
    await expect(verifySignature(members, policy)).rejects.toMatchObject({ code: 'bad-signature' });
  });

  test.each([
    ['empty', Buffer.alloc(0)],
    ['noise', randomBytes(64)],
    ['text', Buffer.from('signed, the sender')],
  ])('is bad-signature when its file is %s', async (_what, signature) => {
    await expect(open(withSignature(await sealed(), signature))).rejects.toMatchObject({ code: 'bad-signature' });
  });

  test('is said to be text where it is', async () => {
    const members = await sealed({ signWith: privateKey });
    const signature = readFileSync(members.signature ?? '');
    for (const text of [signature.toString('base64'), `SHA2-256(x)= ${signature.toString('hex')}\r\n`]) {
      const refused = verifySignature(withSignature(members, Buffer.from(text)), policy);
      await expect(refused).rejects.toMatchObject({ hint: expect.stringContaining('the signature is text') });
    }
    const otherwise = verifySignature(withSignature(members, Buffer.concat([signature, signature])), policy);
    await expect(otherwise).rejects.toMatchObject({ hint: expect.not.stringContaining('is text') });
  });

  test('is bad-signature before a manifest that is no manifest is parsed', async () => {
    const members = await sealed({ signWith: privateKey });
    writeFileSync(members.manifest, 'not a manifest');
    await expect(open(members)).rejects.toMatchObject({ code: 'bad-signature' });
  });

  test('is bad-signature when the signed manifest says nothing of the payload that could not be true of another', async () => {
    const members = await sealed();
    const { mac: _mac, ...rest } = JSON.parse(readFileSync(members.manifest, 'utf8')) as Record<string, unknown>;
    const bytes = Buffer.from(JSON.stringify(rest));
    writeFileSync(members.manifest, bytes);
    const signed = withSignature(members, signManifest(bytes, privateKey));
    await expect(open(signed)).rejects.toMatchObject({
      code: 'bad-signature',
      message: expect.stringMatching('binds no payload'),
    });
  });

  test('does not save a payload that was changed', async () => {
    const members = await sealed({ signWith: privateKey });
    const payload = readFileSync(members.payload);
    payload[20] = (payload[20] ?? 0) ^ 1;
    writeFileSync(members.payload, payload);
    const opened = await open(members);
    await expect(opened.verifyPayload()).rejects.toMatchObject({ code: 'payload-changed' });
  });
});

describe('no signature', () => {
  const { publicKey } = generateKeyPairSync('ed25519');

  test('is missing-signature where one is required, with a manifest or without', async () => {
    const policy = { publicKeys: [publicKey], missing: 'refuse' } as const;
    const members = await sealed();
    const options = { keys: [receiver.key], signature: policy };
    await expect(openEnvelope(members, options)).rejects.toMatchObject({ code: 'missing-signature', blame: 'sender' });
    const noteOnly = { ...members, manifest: null };
    await expect(openEnvelope(noteOnly, options)).rejects.toMatchObject({ code: 'missing-signature' });
  });

  test('is accepted where the policy says so, but a bad one is not', async () => {
    const signature = { publicKeys: [publicKey], missing: 'allow' } as const;
    const members = await sealed();
    const opened = await openEnvelope(members, { keys: [receiver.key], signature });
    expect(opened.signedBy).toBeNull();
    const forged = withSignature(members, randomBytes(64));
    await expect(openEnvelope(forged, { keys: [receiver.key], signature })).rejects.toMatchObject({
      code: 'bad-signature',
    });
  });

  test('is made without a manifest: usage', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    await expect(sealed({ manifest: 'omit', signWith: privateKey })).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('keys', () => {
  const pemOf = ({ publicKey }: { readonly publicKey: KeyObject }) =>
    Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }));
  const smallRsa = () => pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }));
  const otherCurve = () => pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }));

  test.each<readonly [string, () => Uint8Array, RegExp]>([
    ['a private key', () => newSigner('Ed25519').privatePem, /^s\.pem: holds a private key/],
    ['RSA of 1024 bits', smallRsa, /RSA key of 1024 bits, which is too small/],
    ['the curve secp256k1', otherCurve, /secp256k1, which is not supported/],
    ['nonsense', () => Buffer.from('nonsense'), /no public key in PEM/],
  ])('%s is bad-public-key for a signer', (_what, key, message) => {
    const load = () => loadVerificationKey(key(), 's.pem');
    expect(load).toThrow(expect.objectContaining({ code: 'bad-public-key', message: expect.stringMatching(message) }));
  });

  test('an encrypted private key opens with its passphrase, and says so without', () => {
    const { directory } = newSigner('P-256');
    openssl(directory, 'pkey', '-in', 'key.pem', '-aes256', '-passout', 'pass:secret', '-out', 'locked.pem');
    const locked = readFileSync(join(directory, 'locked.pem'));
    expect(loadSigningKey(locked, 'k', Buffer.from('secret')).type).toBe('private');
    const fails = (message: RegExp) =>
      expect.objectContaining({ code: 'bad-private-key', message: expect.stringMatching(message) });
    expect(() => loadSigningKey(locked, 'k')).toThrow(fails(/^k: is encrypted, and no passphrase is given/));
    expect(() => loadSigningKey(locked, 'k', Buffer.from('wrong'))).toThrow(fails(/does not open it/));
    expect(() => loadSigningKey(Buffer.from('x'), 'k')).toThrow(fails(/holds no private key/));
  });

  test('the signer is found among many', () => {
    const pairs = Array.from({ length: 5 }, () => generateKeyPairSync('ed25519'));
    const signature = signManifest(PLAINTEXT, pairs[3]?.privateKey ?? (undefined as never));
    const publicKeys = pairs.map(({ publicKey }) => publicKey);
    expect(verifyManifestSignature(PLAINTEXT, signature, publicKeys)).toBe(publicKeys[3]);
  });
});
