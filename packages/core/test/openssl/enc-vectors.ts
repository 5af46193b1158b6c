/** The interop vectors (../shared/vectors), as far as the payload is concerned. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EncParameters, KeyDerivation, Salt } from '../../src/index.ts';

const VECTORS = join(import.meta.dirname, '../../../../../shared/vectors');

export interface EncVector {
  readonly id: string;
  readonly group: string;
  readonly keyFile: { readonly hex: string };
  readonly encCommand: string;
  readonly cipher: string;
  readonly kdf: 'PBKDF2' | 'EVP_BytesToKey' | 'none';
  readonly md: string | null;
  readonly mdGiven: boolean;
  readonly iter: number | null;
  readonly salted: boolean;
  readonly saltLen: number;
  readonly saltGivenHex: string | null;
  readonly padding: boolean;
  readonly armored: 'lines' | 'oneline' | null;
  readonly passwordFrom: 'file' | 'kfile' | 'arg' | 'k' | 'stdin' | 'fd' | 'env' | null;
  readonly passwordHex: string | null;
  readonly rawKeyForm: 'hex' | 'bytes' | null;
  readonly ivGivenHex: string | null;
  readonly derivedKeyHex: string;
  readonly derivedIvHex: string;
  readonly plaintextSize: number;
  readonly plaintextSha256: string;
  readonly data: { readonly file: string; readonly size: number };
}

type Said = Pick<EncVector, 'cipher' | 'kdf' | 'md' | 'iter' | 'salted' | 'saltLen' | 'armored'>;

export interface NegativeVector {
  readonly id: string;
  readonly stage: 'unwrap' | 'password' | 'header' | 'decrypt' | 'silent';
  readonly said: Said;
  readonly wrap: { readonly file: string; readonly rsaKeyFile: string; readonly oaepHash: string };
  readonly data: { readonly file: string };
  readonly silentOutputSha256: string | null;
}

export function readVectorFile(...path: readonly string[]): Buffer {
  return readFileSync(join(VECTORS, ...path));
}

function readJson(...path: readonly string[]): unknown {
  return JSON.parse(readVectorFile(...path).toString('utf8'));
}

function checkNotEmpty<Vector>(vectors: readonly Vector[]): readonly Vector[] {
  if (vectors.length === 0) throw new Error('the interop vectors are missing');
  return vectors;
}

export function readEncVectors(): readonly EncVector[] {
  return checkNotEmpty(readJson('index.json') as readonly EncVector[]);
}

export function readNegativeVectors(): readonly NegativeVector[] {
  return checkNotEmpty(readJson('negative.json') as readonly NegativeVector[]);
}

export interface CbcTest {
  readonly tcId: number;
  readonly comment: string;
  readonly key: string;
  readonly iv: string;
  readonly msg: string;
  readonly ct: string;
  readonly result: 'valid' | 'invalid';
}

export function readCbcTests(): readonly (CbcTest & { readonly keySize: number })[] {
  const { testGroups } = readJson('wycheproof', 'aes_cbc_pkcs5_test.json') as {
    testGroups: { keySize: number; tests: CbcTest[] }[];
  };
  return checkNotEmpty(testGroups.flatMap(({ keySize, tests }) => tests.map((test) => ({ ...test, keySize }))));
}

export const ARMOR = { lines: 'lines', oneline: 'one-line' } as const;
const RULES = {
  file: 'file',
  stdin: 'file',
  fd: 'file',
  kfile: 'kfile',
  arg: 'argument',
  k: 'argument',
  env: 'argument',
} as const;

function derivationOf(said: Said, rawKeyForm: EncVector['rawKeyForm']): KeyDerivation {
  if (said.kdf === 'none') return { method: 'raw-key', form: rawKeyForm ?? 'hex' };
  const digest = said.md ?? '';
  return said.kdf === 'PBKDF2'
    ? { method: 'pbkdf2', digest, iterations: said.iter ?? 0 }
    : { method: 'evp-bytes-to-key', digest };
}

function saltOf(said: Said, saltGivenHex: string | null): Salt {
  if (saltGivenHex !== null) return { kind: 'given', bytes: Uint8Array.from(Buffer.from(saltGivenHex, 'hex')) };
  return said.salted ? { kind: 'header', length: said.saltLen } : { kind: 'none' };
}

/** LibreSSL 3.3.6 calls the 16-byte IV form `chacha` too. */
function cipherOf({ cipher, kdf }: Said): string {
  return cipher === 'chacha' && kdf === 'PBKDF2' ? 'chacha20' : cipher;
}

/** The parameters that the fields of a vector state (not its command line). */
export function parametersOf(vector: EncVector): EncParameters {
  const { ivGivenHex } = vector;
  return {
    cipher: cipherOf(vector),
    keyDerivation: derivationOf(vector, vector.rawKeyForm),
    salt: saltOf(vector, vector.saltGivenHex),
    iv: ivGivenHex === null ? null : Uint8Array.from(Buffer.from(ivGivenHex, 'hex')),
    padding: vector.padding ? 'pkcs7' : 'none',
    armor: vector.armored === null ? 'none' : ARMOR[vector.armored],
    passphraseRule: RULES[vector.passwordFrom ?? 'file'],
  };
}

/** The parameters that the receiver of a negative vector is told. */
export function saidParameters({ said }: NegativeVector): EncParameters {
  return {
    cipher: said.cipher,
    keyDerivation: derivationOf(said, null),
    salt: saltOf(said, null),
    iv: null,
    padding: 'pkcs7',
    armor: said.armored === null ? 'none' : ARMOR[said.armored],
    passphraseRule: 'file',
  };
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
