/** What a sender does who has nothing but openssl: the article's steps, in a folder of their own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Host } from './host.ts';

/** The paths of one envelope's members, before they are uploaded. */
export interface Triple {
  readonly payload: string;
  readonly wrappedKey: string;
  readonly note: string;
}

export type Member = keyof Triple;
export const MEMBERS: readonly Member[] = ['payload', 'wrappedKey', 'note'];

const USUAL_FLAGS = ['-aes-256-cbc', '-pbkdf2'] as const;

export interface SealOptions {
  readonly plaintext: string | Uint8Array;
  readonly flags?: readonly string[];
  readonly note?: string;
  readonly publicKey?: string;
  /** Other flags for openssl, by which it does not open either. */
  readonly foreignTo?: string;
}

/** A note with usual flags: hostile ones are not for openssl. */
const MERELY_WRONG = /^-aes-256-cbc -(pbkdf2|md sha256)\s*$/;

/** Makes the three files with openssl. One whose note is wrong does not open by it: with a wrong key a padding is valid by chance once in 256 times. */
export function seal(host: Pick<Host, 'folder' | 'publicKey'>, options: SealOptions): Triple {
  const triple = sealOnce(host, options);
  const { plaintext, note = '', foreignTo } = options;
  const wrong = [MERELY_WRONG.test(note) ? note : undefined, foreignTo].filter((flags) => flags !== undefined);
  const opensAsNoise = (flags: string): boolean =>
    openWith(flags.trim().split(/\s+/), triple.payload, keyFileOf(triple))?.equals(Buffer.from(plaintext)) === false;
  return wrong.some(opensAsNoise) ? seal(host, options) : triple;
}

/** With the wrapped key of another envelope, that does not open it either. */
export function sealWithForeignKey(host: Pick<Host, 'folder' | 'publicKey'>, plaintext: string): Triple {
  const [one, other] = [seal(host, { plaintext }), seal(host, { plaintext })];
  if (openWith(USUAL_FLAGS, one.payload, keyFileOf(other)) !== null) return sealWithForeignKey(host, plaintext);
  return { ...one, wrappedKey: other.wrappedKey };
}

function openWith(flags: readonly string[], payload: string, keyFile: string): Buffer | null {
  const { status, stdout } = spawnSync('openssl', ['enc', '-d', ...flags, '-in', payload, '-pass', `file:${keyFile}`]);
  return status === 0 ? stdout : null;
}

function keyFileOf({ payload }: Triple): string {
  return join(dirname(payload), 'key.bin');
}

function sealOnce(host: Pick<Host, 'folder' | 'publicKey'>, options: SealOptions): Triple {
  const { plaintext, flags = USUAL_FLAGS, publicKey = host.publicKey } = options;
  const folder = mkdtempSync(join(host.folder, 'sender-'));
  const at = (name: string): string => join(folder, name);
  writeFileSync(at('plain'), plaintext);
  openssl('rand', '-base64', '-out', at('key.bin'), '32');
  openssl('enc', ...flags, '-in', at('plain'), '-out', at('payload'), '-pass', `file:${at('key.bin')}`);
  const oaep = ['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', 'rsa_oaep_md:sha256'];
  openssl('pkeyutl', '-encrypt', '-pubin', '-inkey', publicKey, '-in', at('key.bin'), '-out', at('wrapped'), ...oaep);
  writeFileSync(at('note'), options.note ?? `openssl enc ${flags.join(' ')}\n`);
  return { payload: at('payload'), wrappedKey: at('wrapped'), note: at('note') };
}

export function openssl(...words: readonly string[]): void {
  execFileSync('openssl', words, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Where a member lands in the flat layout. */
export function flatPath(host: Pick<Host, 'landing'>, stem: string, member: Member): string {
  const endings = { payload: '.enc', wrappedKey: '.key.enc', note: '.alg' };
  return join(host.landing, stem + endings[member]);
}

/** Where a member lands in a folder, by the article's names. */
export function folderPath(host: Host, folder: string, member: Member): string {
  const names = { payload: 'data.csv.enc', wrappedKey: 'keypke.bin.enc', note: 'algorithm.txt' };
  return join(host.landing, folder, names[member]);
}

/** Uploads an envelope by plain copies; without the members that are undefined. */
export function upload(
  host: Pick<Host, 'landing'>,
  stem: string,
  members: Readonly<Partial<Record<Member, string | undefined>>>,
): void {
  for (const member of MEMBERS) {
    const path = members[member];
    if (path !== undefined) copyFileSync(path, flatPath(host, stem, member));
  }
}

export function uploadFolder(host: Host, folder: string, triple: Triple): void {
  mkdirSync(join(host.landing, folder));
  for (const member of MEMBERS) copyFileSync(triple[member], folderPath(host, folder, member));
}
