/** What a sender does who has nothing but openssl: the article's steps, in a folder of their own. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from './host.ts';

/** The paths of one envelope's members, before they are uploaded. */
export interface Triple {
  readonly payload: string;
  readonly wrappedKey: string;
  readonly note: string;
}

export type Member = keyof Triple;
export const MEMBERS: readonly Member[] = ['payload', 'wrappedKey', 'note'];

export interface SealOptions {
  readonly plaintext: string | Uint8Array;
  readonly flags?: readonly string[];
  readonly note?: string;
  readonly publicKey?: string;
}

/** Makes the three files with openssl. */
export function seal(host: Pick<Host, 'folder' | 'publicKey'>, options: SealOptions): Triple {
  const { plaintext, flags = ['-aes-256-cbc', '-pbkdf2'], publicKey = host.publicKey } = options;
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

/** Uploads a whole envelope by plain copies. */
export function upload(host: Pick<Host, 'landing'>, stem: string, triple: Triple): void {
  for (const member of MEMBERS) copyFileSync(triple[member], flatPath(host, stem, member));
}

export function uploadFolder(host: Host, folder: string, triple: Triple): void {
  mkdirSync(join(host.landing, folder));
  for (const member of MEMBERS) copyFileSync(triple[member], folderPath(host, folder, member));
}
