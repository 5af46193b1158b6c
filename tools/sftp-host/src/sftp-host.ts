import { existsSync } from 'node:fs';
import { generateKeyPair } from './key-pair.ts';
import { removeRun } from './remove-run.ts';
import { DEFAULT_BASE_DIRECTORY, createRunDirectory } from './run-directory.ts';
import type { RunDirectory } from './run-directory.ts';
import { addSender, checkSenderNames } from './senders.ts';
import type { Sender } from './senders.ts';
import { startSftpClient, writeClientConfig } from './sftp-client.ts';
import type { SftpOptions, SftpResult, SftpSession } from './sftp-client.ts';
import { SftpHostError } from './sftp-host-error.ts';
import { SSHD_PROGRAM, startSshd } from './sshd.ts';
import type { Sshd } from './sshd.ts';

export const DEFAULT_SENDERS: readonly string[] = ['acme', 'globex'];

export interface SftpHostOptions {
  /** `acme` and `globex` when absent. */
  readonly senders?: readonly string[];
  /** A free port when absent or 0. */
  readonly port?: number;
  /**
   * The run's directory is made below this one; `/var/lib` when absent. It and all above it must be root's and writable by
   * nobody else, else sshd refuses to chroot there (so not /tmp), and passable for all (so not /root).
   */
  readonly baseDirectory?: string;
}

export interface SftpHost {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly senders: readonly Sender[];
  /**
   * The run's own directory, on the landings' file system, gone after `close`: a place for a spool and for deliveries, in
   * directories that you make. Anyone may pass through, only root may list it.
   */
  readonly directory: string;
  /** `sftp -F clientConfig acme` connects as acme; for other clients there is the sender's `privateKeyFile`. */
  readonly clientConfig: string;
  /** @throws RangeError when there is none of that name. */
  sender(name: string): Sender;
  /** Runs the real `sftp` with the commands, as the sender of that name, to its end. */
  sftp(sender: string, commands: readonly string[], options?: SftpOptions): Promise<SftpResult>;
  /** Like `sftp`, but hands back the running client, so that it can be killed midway. */
  startSftp(sender: string, commands: readonly string[], options?: SftpOptions): SftpSession;
  /** What sshd logged: who logged in, or why not. (What they did goes to a /dev/log that no chroot has.) */
  log(): string;
  /**
   * Kills clients, sshd, its sessions and whatever else runs as one of the users, then removes the users and all files.
   * Calling it again does nothing.
   */
  close(): Promise<void>;
}

/**
 * Brings up a real OpenSSH sshd on loopback, which serves nothing but SFTP, each sender in a chroot of its own.
 * Needs root and Debian's openssh-server and openssh-client. Leaves nothing behind when it fails.
 * @throws SftpHostError
 */
export async function startSftpHost(options: SftpHostOptions = {}): Promise<SftpHost> {
  const { senders: names = DEFAULT_SENDERS, port = 0, baseDirectory = DEFAULT_BASE_DIRECTORY } = options;
  checkRoot();
  checkSshd();
  checkSenderNames(names);
  const run = createRunDirectory(baseDirectory);
  try {
    await generateKeyPair(run.hostKey, 'sftp-host');
    const senders: Sender[] = [];
    for (const name of names) senders.push(await addSender(run, name));
    const sshd = await startSshd({ run, senders, port });
    writeClientConfig(run, senders, sshd.port);
    return openHost(run, senders, sshd);
  } catch (error) {
    await removeRun(run);
    throw error;
  }
}

/** @throws SftpHostError `not-root` */
export function checkRoot(): void {
  if (process.geteuid?.() !== 0) {
    throw new SftpHostError('not-root', 'only root may add users and chroot: run it as root, for example with sudo');
  }
}

function checkSshd(): void {
  if (!existsSync(SSHD_PROGRAM)) {
    throw new SftpHostError(
      'missing-program',
      `${SSHD_PROGRAM} is missing: apt-get install openssh-server openssh-client`,
    );
  }
}

function openHost(run: RunDirectory, senders: readonly Sender[], sshd: Sshd): SftpHost {
  const { clientConfig } = run;
  const sessions = new Set<SftpSession>();
  let closed: Promise<void> | undefined;
  const sender = (name: string) => {
    const found = senders.find((candidate) => candidate.name === name);
    if (found === undefined) throw new RangeError(`no sender '${name}'`);
    return found;
  };
  const startSftp: SftpHost['startSftp'] = (name, commands, options = {}) => {
    const session = startSftpClient({ clientConfig, sender: sender(name).name, commands, options });
    sessions.add(session);
    session.child.once('close', () => sessions.delete(session));
    return session;
  };
  const close = async () => {
    for (const session of sessions) session.kill();
    await removeRun(run);
  };
  return {
    port: sshd.port,
    senders,
    directory: run.path,
    clientConfig,
    sender,
    sftp: (...args) => startSftp(...args).result,
    startSftp,
    log: sshd.log,
    close: () => (closed ??= close()),
  };
}
