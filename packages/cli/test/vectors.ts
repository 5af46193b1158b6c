/** The interop vectors (../shared/vectors) as a person would hand them to the command line. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const VECTORS = join(import.meta.dirname, '../../../../shared/vectors');

/** What a recipient is told of the encryption. */
interface Said {
  readonly cipher: string;
  readonly kdf: 'PBKDF2' | 'EVP_BytesToKey' | 'none';
  readonly md: string | null;
  readonly iter: number | null;
  readonly salted: boolean;
  readonly saltLen: number | null;
  readonly armored: 'lines' | 'oneline' | null;
}

interface Wrap {
  readonly rsaKeyFile: string;
  readonly oaepHash: string;
  readonly mgf1Hash: string;
  readonly oaepLabelHex?: string | null;
}

export interface GoodVector extends Said {
  readonly id: string;
  readonly wrap: Wrap;
  readonly saltGivenHex: string | null;
  readonly padding: boolean;
  readonly passwordFrom: 'file' | 'kfile' | 'arg' | 'k' | 'stdin' | 'fd' | 'env' | null;
  readonly rawKeyForm: 'hex' | 'bytes' | null;
  readonly ivGivenHex: string | null;
  readonly plaintextSha256: string;
}

export interface BadVector {
  readonly id: string;
  readonly stage: 'unwrap' | 'password' | 'header' | 'decrypt' | 'silent';
  readonly wrap: Wrap;
  readonly said: Said;
  readonly silentOutputSha256: string | null;
  readonly originalPlaintextSha256: string;
}

function readList(name: string): readonly unknown[] {
  const list = JSON.parse(readFileSync(join(VECTORS, name), 'utf8')) as readonly unknown[];
  if (list.length === 0) throw new Error(`${name} holds no vectors`);
  return list;
}

export const readGoodVectors = () => readList('index.json') as readonly GoodVector[];
export const readBadVectors = () => readList('negative.json') as readonly BadVector[];

export function copyVectors(kind: 'envelopes' | 'negative', to: string): void {
  cpSync(join(VECTORS, kind), to, { recursive: true });
}

export const keyOption = (rsaKeyFile: string): readonly string[] => ['--key', `file:${join(VECTORS, rsaKeyFile)}`];

/** `--oaep`, which only what neither default hash opens needs. */
export function oaepOption(wrap: Wrap): readonly string[] {
  const text = oaepText(wrap);
  return text === 'sha1' || text === 'sha256' ? [] : ['--oaep', text];
}

export function oaepText({ oaepHash, mgf1Hash, oaepLabelHex }: Wrap): string {
  if (oaepHash === mgf1Hash && (oaepLabelHex ?? null) === null) return oaepHash;
  const label = (oaepLabelHex ?? null) === null ? '' : ` rsa_oaep_label:${oaepLabelHex}`;
  return `rsa_oaep_md:${oaepHash} rsa_mgf1_md:${mgf1Hash}${label}`;
}

/** LibreSSL 3.3.6 calls the 16-byte IV form `chacha` too. */
function cipherFlag({ cipher, kdf }: Said): string {
  return cipher === 'chacha' && kdf === 'PBKDF2' ? '-chacha20' : `-${cipher}`;
}

function derivationFlags({ kdf, iter, md }: Said): readonly string[] {
  if (kdf === 'none') return [];
  return kdf === 'PBKDF2' ? ['-pbkdf2', `-iter ${iter}`, `-md ${md}`] : [`-md ${md}`];
}

const ARMOR_FLAGS = { lines: ['-a'], oneline: ['-a', '-A'] } as const;

function saidFlags(said: Said): readonly string[] {
  const armor = said.armored === null ? [] : ARMOR_FLAGS[said.armored];
  const length = said.salted && said.saltLen !== 8 ? [`-saltlen ${said.saltLen}`] : [];
  return [cipherFlag(said), ...derivationFlags(said), ...length, ...armor];
}

/** `-nosalt` where the data has no salt and none was given; a raw key knows no salt at all. */
function saltFlags({ salted, kdf }: Said, saltGivenHex: string | null): readonly string[] {
  if (saltGivenHex !== null) return [`-S ${saltGivenHex}`];
  return salted || kdf === 'none' ? [] : ['-nosalt'];
}

const PASSPHRASE_FLAGS = {
  file: [],
  stdin: ['-pass stdin'],
  fd: ['-pass fd:3'],
  kfile: ['-kfile key.bin'],
  arg: ['-pass "pass:$(cat key.bin)"'],
  k: ['-k "$(cat key.bin)"'],
  env: ['-pass env:KEYTEXT'],
} as const;

const RAW_KEY_FLAGS = {
  hex: ['-K "$(cat key.bin)"'],
  bytes: [`-K "$(od -An -v -tx1 key.bin | tr -d ' \\n')"`],
} as const;

/** openssl's flags as the fields of a vector state them. */
export function goodFlags(vector: GoodVector): string {
  const { saltGivenHex, padding, passwordFrom, rawKeyForm, ivGivenHex } = vector;
  return [
    ...saidFlags(vector),
    ...saltFlags(vector, saltGivenHex),
    ...(padding ? [] : ['-nopad']),
    ...(ivGivenHex === null ? [] : [`-iv ${ivGivenHex}`]),
    ...(rawKeyForm === null ? [] : RAW_KEY_FLAGS[rawKeyForm]),
    ...(passwordFrom === null ? [] : PASSPHRASE_FLAGS[passwordFrom]),
  ].join(' ');
}

/** The flags that the recipient of a bad one is told. */
export function badFlags({ said }: BadVector): string {
  return [...saidFlags(said), ...saltFlags(said, null)].join(' ');
}
