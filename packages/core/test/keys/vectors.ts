import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The interop vectors next to the repository; without them the tests fail at reading. */
export const VECTORS = join(import.meta.dirname, '../../../../../shared/vectors');

export interface Wrapping {
  readonly file: string;
  readonly rsaKeyFile: string;
  readonly oaepHash: string;
  readonly mgf1Hash: string;
  readonly oaepLabelHex?: string | null;
}

interface Vector {
  readonly id: string;
  readonly wrap: Wrapping;
  readonly keyFile: { readonly hex: string };
}

interface NegativeVector {
  readonly id: string;
  readonly stage: string;
  readonly wrap: Wrapping;
  readonly originalKeyFileHex: string;
  readonly originalPlaintextSha256: string;
}

export interface WycheproofGroup {
  readonly sha: string;
  readonly mgfSha: string;
  /** Bits. */
  readonly keySize: number;
  readonly privateKeyPem: string;
  readonly tests: readonly {
    readonly tcId: number;
    readonly msg: string;
    readonly ct: string;
    readonly label: string;
    readonly result: 'valid' | 'invalid' | 'acceptable';
  }[];
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(VECTORS, path), 'utf8'));
}

export const vectors = readJson('index.json') as readonly Vector[];
export const negatives = readJson('negative.json') as readonly NegativeVector[];

export function readVector(folder: 'envelopes' | 'negative', id: string, file: string): Buffer {
  return readFileSync(join(VECTORS, folder, id, file));
}

export function readWycheproof(file: string): readonly WycheproofGroup[] {
  return (readJson(join('wycheproof', file)) as { testGroups: readonly WycheproofGroup[] }).testGroups;
}

/** What a sender would state as openssl's options. */
export function oaepText({ oaepHash, mgf1Hash, oaepLabelHex }: Wrapping): string {
  return `rsa_oaep_md:${oaepHash} rsa_mgf1_md:${mgf1Hash} rsa_oaep_label:${oaepLabelHex ?? ''}`;
}
