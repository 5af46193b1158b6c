import { runCommand } from './system-command.ts';

/** Writes an Ed25519 key pair in OpenSSH's own format, without a passphrase, to `file` and `file.pub`. */
export async function generateKeyPair(file: string, comment: string): Promise<void> {
  await runCommand('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file);
}
