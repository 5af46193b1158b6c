/** What a third party does who has nothing but openssl (the article's steps). */
import type { Workspace } from './transcript.ts';

/** A key pair of the receiver: `private.pem` and `pubkey.pem`. */
export function makeKeyPair(workspace: Workspace): void {
  workspace.openssl('genrsa', '-out', 'private.pem', '2048');
  workspace.openssl('pkey', '-in', 'private.pem', '-pubout', '-out', 'pubkey.pem');
}

export interface SendOptions {
  /** Path of the plaintext from the workspace's folder. */
  readonly plaintext: string;
  /** Path of the envelope's stem. */
  readonly stem: string;
  readonly flags?: string;
  readonly publicKey?: string;
}

/** Makes `STEM.enc`, `STEM.keypke.bin.enc` and `STEM.alg`. */
export function send(workspace: Workspace, options: SendOptions): void {
  const { plaintext, stem, flags = '-aes-256-cbc -pbkdf2', publicKey = 'pubkey.pem' } = options;
  workspace.shell(`
    openssl rand -base64 32 > key.bin
    openssl enc ${flags} -in '${plaintext}' -out '${stem}.enc' -pass file:key.bin
    openssl pkeyutl -encrypt -pubin -inkey '${publicKey}' -in key.bin -out '${stem}.keypke.bin.enc' \\
      -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
    echo 'openssl enc ${flags}' > '${stem}.alg'
    rm key.bin
  `);
}
