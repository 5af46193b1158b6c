/** Keys, folders and envelopes for the tests of sealing and opening: all real, made anew. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { DEFAULT_PARAMETERS, oaepWith, openLocalKey, sealEnvelope } from '../../src/index.ts';
import type { KeyProvider, SealedEnvelope, SealOptions } from '../../src/index.ts';

const directories: string[] = [];

// Here and not where a directory is made: a hook that a running test adds is never called.
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A new directory that is removed after the test file. */
export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sealdrop-envelope-'));
  directories.push(directory);
  return directory;
}

export interface Receiver {
  readonly publicKey: KeyObject;
  /** Paths of PEM files. */
  readonly privatePath: string;
  readonly publicPath: string;
  readonly key: KeyProvider;
}

export async function newReceiver(modulusLength = 2048): Promise<Receiver> {
  const directory = newDirectory();
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength });
  const privatePath = join(directory, 'private.pem');
  const publicPath = join(directory, 'public.pem');
  writeFileSync(privatePath, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(publicPath, publicKey.export({ type: 'spki', format: 'pem' }));
  return { publicKey, privatePath, publicPath, key: await openLocalKey(privatePath) };
}

/** What lies under a directory: path to SHA-256 of the content, or to the kind of what is no file. */
export function tree(directory: string): Record<string, string> {
  const entries = readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted();
  return Object.fromEntries(entries.map((name) => [name, describeEntry(join(directory, name))]));
}

function describeEntry(path: string): string {
  const status = lstatSync(path);
  if (status.isFile()) return createHash('sha256').update(readFileSync(path)).digest('hex');
  return status.isDirectory() ? 'directory' : 'other';
}

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Seals bytes with the usual options, but for those given. */
export async function seal(
  plaintext: Uint8Array,
  options: Partial<SealOptions> & Pick<SealOptions, 'publicKey' | 'directory'>,
): Promise<SealedEnvelope> {
  return sealEnvelope(once(plaintext), {
    parameters: DEFAULT_PARAMETERS,
    oaep: oaepWith('sha256'),
    name: 'report.csv',
    layout: 'flat',
    manifest: 'write',
    existing: 'refuse',
    ...options,
  });
}
