/**
 * Detached signatures of the manifest's bytes, as stock openssl makes them: `openssl dgst -sha256 -sign key.pem` (RSA PKCS#1 v1.5, RSA-PSS
 * with `-sigopt rsa_padding_mode:pss`, ECDSA) and `openssl pkeyutl -sign -rawin` (Ed25519). Anyone who has the receiver's public key can make
 * an envelope; the signature says who did, and through the manifest's MAC it binds the payload.
 */
import { constants, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SealdropError } from '../errors.ts';
import { publicKeyFingerprint } from '../keys/public-key.ts';
import type { EnvelopeFiles } from './envelope-files.ts';
import type { Manifest } from './manifest.ts';
import { readMember } from './read-member.ts';
import { readManifest } from './statement.ts';

/** Who may have signed, and whether it is an error that nobody did. */
export interface SignaturePolicy {
  /** The signature must be by one of these (`loadVerificationKey`). */
  readonly publicKeys: readonly KeyObject[];
  /** Whether an envelope without a signature is `missing-signature`. */
  readonly missing: 'refuse' | 'allow';
}

/** Bytes. A signature of RSA-16384 has 2,048. */
const MAXIMUM_SIGNATURE_SIZE = 4096;
const [TAB, LF, CR, SPACE, DELETE] = [0x09, 0x0a, 0x0d, 0x20, 0x7f] as const;

/** `dgst -sha256` is the format; the longer hashes are taken from senders who must use them. */
const HASHES = ['sha256', 'sha384', 'sha512'] as const;
const RSA_PADDINGS = [
  { padding: constants.RSA_PKCS1_PADDING },
  { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO },
] as const;

/** Node throws where a key cannot have made such a signature at all. */
function isValid(attempt: () => boolean): boolean {
  try {
    return attempt();
  } catch {
    return false;
  }
}

interface Signed {
  readonly manifest: Uint8Array;
  readonly signature: Uint8Array;
  readonly key: KeyObject;
}

function fitsRsa({ manifest, signature, key }: Signed): boolean {
  return HASHES.some((hash) =>
    RSA_PADDINGS.some((padding) => isValid(() => verify(hash, manifest, { key, ...padding }, signature))),
  );
}

function fitsEcdsa({ manifest, signature, key }: Signed): boolean {
  return HASHES.some((hash) => isValid(() => verify(hash, manifest, key, signature)));
}

function fitsEdwards({ manifest, signature, key }: Signed): boolean {
  return isValid(() => verify(null, manifest, key, signature));
}

const FITS: Readonly<Record<string, (signed: Signed) => boolean>> = {
  rsa: fitsRsa,
  'rsa-pss': fitsRsa,
  ec: fitsEcdsa,
  ed25519: fitsEdwards,
  ed448: fitsEdwards,
};

/**
 * The key of `publicKeys` that made a detached signature of a manifest's bytes.
 * @throws SealdropError `bad-signature` when none did
 */
export function verifyManifestSignature(
  manifest: Uint8Array,
  signature: Uint8Array,
  publicKeys: readonly KeyObject[],
): KeyObject {
  const signer = publicKeys.find((key) => FITS[key.asymmetricKeyType ?? '']?.({ manifest, signature, key }));
  if (signer !== undefined) return signer;
  throw new SealdropError('bad-signature', 'the signature of the manifest is by none of the expected keys', {
    hint: isText(signature) ? SIGNED_IN_TEXT : SIGNED_OTHERWISE,
  });
}

const SIGNED_IN_TEXT =
  'the signature is text: ask the sender for the file that openssl wrote, without -hex, not as base64, and not of another program';
const SIGNED_OTHERWISE =
  'the manifest was changed after it was signed, or somebody else signed it, or something else than the manifest, or with -sha1: ask the sender before trusting it';

function isText(signature: Uint8Array): boolean {
  return (
    signature.length > 0 &&
    signature.every((byte) => byte === TAB || byte === LF || byte === CR || (byte >= SPACE && byte < DELETE))
  );
}

/**
 * A detached signature as openssl makes it: `openssl dgst -sha256 -sign` for RSA (PKCS#1 v1.5) and ECDSA, `openssl pkeyutl -sign -rawin` for
 * Ed25519. A key that is restricted to PSS signs with PSS.
 */
export function signManifest(manifest: Uint8Array, key: KeyObject): Buffer {
  const isEdwards = key.asymmetricKeyType === 'ed25519' || key.asymmetricKeyType === 'ed448';
  return sign(isEdwards ? null : 'sha256', manifest, key);
}

/** Checks the manifest's bytes as they are read: what is verified is what is parsed. */
export interface SignatureCheck {
  /** @throws SealdropError `bad-signature` */
  readonly checkManifest: (bytes: Uint8Array) => void;
  /** The fingerprint of the key that signed (`publicKeyFingerprint`); null when nothing was checked. */
  readonly signedBy: () => string | null;
}

const NO_CHECK: SignatureCheck = { checkManifest: () => {}, signedBy: () => null };

export interface SignedMembers {
  readonly manifest: string | null;
  readonly signature: string | null;
}

/** @throws SealdropError `missing-signature`, `bad-signature`, `not-found`, `not-permitted` */
export async function openSignature(
  { manifest, signature }: SignedMembers,
  policy: SignaturePolicy | undefined,
  files?: EnvelopeFiles,
): Promise<SignatureCheck> {
  if (policy === undefined) return NO_CHECK;
  if (manifest === null || signature === null) return withoutSignature(manifest, policy);
  const bytes = await readMember(signature, MAXIMUM_SIGNATURE_SIZE, files);
  let signedBy: string | null = null;
  const checkManifest = (contents: Uint8Array): void => {
    signedBy = publicKeyFingerprint(verifyManifestSignature(contents, bytes, policy.publicKeys));
  };
  return { checkManifest, signedBy: () => signedBy };
}

function withoutSignature(manifest: string | null, { missing }: SignaturePolicy): SignatureCheck {
  if (missing === 'allow') return NO_CHECK;
  const what = manifest === null ? 'no manifest, so nothing is signed' : `no signature (${manifest}.sig)`;
  throw new SealdropError('missing-signature', `the envelope has ${what}, and a signature is required`, {
    hint: 'ask the sender to sign the manifest: openssl dgst -sha256 -sign key.pem -out NAME.manifest.json.sig NAME.manifest.json',
  });
}

/**
 * A signed manifest that says nothing of the payload's bytes vouches for none: anyone could put another payload beside it.
 * @throws SealdropError `bad-signature`
 */
export function checkSignatureBinds(manifest: Manifest | null, signedBy: string | null): void {
  if (signedBy === null || manifest === null) return;
  if (manifest.mac !== undefined || manifest.payload.sha256 !== undefined) return;
  throw new SealdropError(
    'bad-signature',
    'the signed manifest has neither a MAC nor a SHA-256 of the payload, so that the signature binds no payload',
    { hint: 'ask the sender for a manifest with a MAC' },
  );
}

/**
 * Verifies the signature of an envelope's manifest alone: no key of the receiver is needed.
 * @returns SHA-256 of the public key (`publicKeyFingerprint`) that signed; null when there is no signature, and none is needed
 * @throws SealdropError `missing-signature`, `bad-signature`, `bad-manifest`
 */
export async function verifySignature(members: SignedMembers, policy: SignaturePolicy): Promise<string | null> {
  const { checkManifest, signedBy } = await openSignature(members, policy);
  if (members.manifest === null) return null;
  const manifest = await readManifest(members.manifest, checkManifest);
  checkSignatureBinds(manifest, signedBy());
  return signedBy();
}
