/** Files to measure with, all made anew: a key pair, a plaintext, and its envelope. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_PARAMETERS, formatFlags, readManifest, readPassphrase } from '@sealdrop/core';
import { outputOf } from './measure.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** As `npm run build` leaves it. */
export const SEALDROP: readonly string[] = [process.execPath, join(ROOT, 'packages/cli/bin/sealdrop.js')];

const NAME = 'plaintext';

export interface Workbench {
  readonly directory: string;
  /** Bytes of the plaintext. */
  readonly size: number;
  readonly plaintext: string;
  readonly publicKey: string;
  readonly privateKey: string;
  /** The envelope's members. */
  readonly payload: string;
  readonly wrappedKey: string;
  readonly manifest: string;
  /** The key file as the sender had it. */
  readonly keyFile: string;
  /** Hexadecimal, as `openssl dgst` takes the one and prints the other. */
  readonly macKey: string;
  readonly mac: string;
}

/** Not compressible, and made as fast as openssl encrypts. */
async function makePlaintext(path: string, size: number): Promise<void> {
  const cipher = 'openssl enc -aes-256-ctr -K 01 -iv 02';
  await outputOf(['sh', '-c', `head -c "$1" /dev/zero | ${cipher} 2>/dev/null > "$2"`, 'sh', String(size), path]);
}

async function makeKeys(directory: string): Promise<Pick<Workbench, 'publicKey' | 'privateKey'>> {
  const privateKey = join(directory, 'private.pem');
  const publicKey = join(directory, 'public.pem');
  await writeFile(privateKey, await outputOf(['openssl', 'genrsa', '2048']), { mode: 0o600 });
  await outputOf(['openssl', 'pkey', '-in', privateKey, '-pubout', '-out', publicKey]);
  return { publicKey, privateKey };
}

/** The article's step 6, with a local key in the place of KMS. */
async function unwrapKey(wrappedKey: string, privateKey: string): Promise<Buffer> {
  const padding = ['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', 'rsa_oaep_md:sha256'];
  return outputOf(['openssl', 'pkeyutl', '-decrypt', '-inkey', privateKey, '-in', wrappedKey, ...padding]);
}

/** DESIGN section 2: the key of the manifest's MAC. */
function macKeyOf(keyFile: Uint8Array): string {
  const hash = createHash('sha256').update(`sealdrop/v1/mac\n${formatFlags(DEFAULT_PARAMETERS)}\n${NAME}\n`);
  return hash.update(readPassphrase(keyFile, 'file')).digest('hex');
}

/** Makes a folder of that in `parent`; `remove` it in the end. */
export async function setUp(parent: string, size: number): Promise<Workbench> {
  const directory = await mkdtemp(join(parent, 'sealdrop-bench-'));
  try {
    const plaintext = join(directory, NAME);
    await makePlaintext(plaintext, size);
    const keys = await makeKeys(directory);
    await outputOf([...SEALDROP, 'encrypt', plaintext, '--public-key', keys.publicKey, '--quiet']);
    const payload = `${plaintext}.enc`;
    const wrappedKey = `${plaintext}.keypke.bin.enc`;
    const manifest = `${plaintext}.manifest.json`;
    const keyFile = join(directory, 'key.bin');
    const unwrapped = await unwrapKey(wrappedKey, keys.privateKey);
    await writeFile(keyFile, unwrapped, { mode: 0o600 });
    const mac = (await readManifest(manifest)).mac?.value ?? '';
    const files = { directory, plaintext, payload, wrappedKey, manifest, keyFile };
    return { ...keys, ...files, size, macKey: macKeyOf(unwrapped), mac };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

export async function remove({ directory }: Workbench): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}

export async function withWorkbench<Result>(
  parent: string,
  size: number,
  work: (bench: Workbench) => Promise<Result>,
): Promise<Result> {
  const bench = await setUp(parent, size);
  try {
    return await work(bench);
  } finally {
    await remove(bench);
  }
}
