import { chmodSync, chownSync, copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeyPair } from './key-pair.ts';
import { LONGEST_SENDER_NAME, userNameOf } from './run-directory.ts';
import type { RunDirectory } from './run-directory.ts';
import { SftpHostError } from './sftp-host-error.ts';
import { addSystemUser } from './system-users.ts';

/** The senders' only directory, as they see it. */
export const UPLOAD_DIRECTORY = '/upload';

const SENDER_NAME = new RegExp(`^[a-z][a-z0-9-]{0,${LONGEST_SENDER_NAME - 1}}$`);

/** `drwxr-xr-x` */
const WRITABLE_BY_OWNER = 0o755;
/** `-rw-r--r--` */
const READABLE_BY_ALL = 0o644;

export interface Sender {
  readonly name: string;
  /** The system user that it logs in as. */
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  /** What it sees as `/`: root's, so that nothing can be made here. */
  readonly chroot: string;
  /** The landing directory as the host sees it; the sender sees `/upload` and starts there. It belongs to the sender. */
  readonly landing: string;
  /** OpenSSH's format, no passphrase; only root may read it. The public half is in `PRIVATE_KEY_FILE.pub`. */
  readonly privateKeyFile: string;
}

/** @throws SftpHostError `bad-sender` for a name that no user can have, or one that is there twice. */
export function checkSenderNames(names: readonly string[]): void {
  if (names.length === 0) throw new SftpHostError('bad-sender', 'at least one sender is needed');
  for (const [index, name] of names.entries()) {
    if (!SENDER_NAME.test(name)) {
      const rule = `1 to ${LONGEST_SENDER_NAME} of a-z, 0-9 and -, beginning with a letter`;
      throw new SftpHostError('bad-sender', `sender '${name}': a name is ${rule}`);
    }
    if (names.indexOf(name) !== index) throw new SftpHostError('bad-sender', `sender '${name}' is named twice`);
  }
}

/** Adds the sender's system user, key pair, chroot and landing directory. */
export async function addSender(run: RunDirectory, name: string): Promise<Sender> {
  const { name: user, uid, gid } = await addSystemUser(userNameOf(run, name));
  const chroot = join(run.senders, name);
  const landing = join(chroot, UPLOAD_DIRECTORY);
  makeDirectory(chroot);
  makeDirectory(landing);
  chownSync(landing, uid, gid);
  const privateKeyFile = join(run.client, name);
  await generateKeyPair(privateKeyFile, user);
  authorizeKey(`${privateKeyFile}.pub`, join(run.authorizedKeys, user));
  return { name, user, uid, gid, chroot, landing, privateKeyFile };
}

function makeDirectory(path: string): void {
  mkdirSync(path);
  chmodSync(path, WRITABLE_BY_OWNER);
}

function authorizeKey(publicKey: string, authorizedKeys: string): void {
  copyFileSync(publicKey, authorizedKeys);
  chmodSync(authorizedKeys, READABLE_BY_ALL);
}
