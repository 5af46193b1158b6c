import { access, readFile } from 'node:fs/promises';
import type { KeyObject } from 'node:crypto';
import { value } from './option-groups.ts';

const SIGNATURE = 'Signature:';

/** `--signer` of commands that verify. */
export const SIGNER_OPTION = {
  signer: {
    ...value,
    group: SIGNATURE,
    describe: "A sender's public key or certificate (PEM): the manifest must be signed by one of these",
  },
} as const;

/** `--sign` of commands that make envelopes. */
export const SIGN_OPTIONS = {
  sign: { ...value, group: SIGNATURE, describe: 'Sign the manifest with this private key (PEM: RSA, ECDSA, Ed25519)' },
  'sign-passphrase-file': {
    ...value,
    group: SIGNATURE,
    describe: 'File whose first line opens an encrypted PEM of --sign',
  },
} as const;

async function readBytes(path: string): Promise<Buffer> {
  return readFile(path).catch(async (error: unknown) => {
    const { toSealdropError } = await import('@sealdrop/core');
    throw toSealdropError(error, path);
  });
}

/** The keys that --signer names, which may be repeated; undefined when it is not given. */
export async function readSigners(signer: string | readonly string[] | undefined): Promise<KeyObject[] | undefined> {
  if (signer === undefined) return undefined;
  const { loadVerificationKey } = await import('@sealdrop/core');
  return Promise.all([signer].flat().map(async (path) => loadVerificationKey(await readBytes(path), path)));
}

/** The key that --sign names; undefined when it is not given. */
export async function readSigningKey(
  path: string | undefined,
  passphraseFile: string | undefined,
): Promise<KeyObject | undefined> {
  if (path === undefined) return undefined;
  const { loadSigningKey, readPassphrase } = await import('@sealdrop/core');
  const passphrase = passphraseFile === undefined ? undefined : readPassphrase(await readBytes(passphraseFile), 'file');
  return loadSigningKey(await readBytes(path), path, passphrase);
}

/** Where the signature of a manifest lies: beside it, with `.sig` (null when there is none). */
export async function signatureBeside(manifest: string | undefined): Promise<string | null> {
  if (manifest === undefined) return null;
  const path = `${manifest}.sig`;
  return access(path).then(
    () => path,
    () => null,
  );
}
