import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { RunDirectory } from './run-directory.ts';
import { UPLOAD_DIRECTORY } from './senders.ts';
import type { Sender } from './senders.ts';
import { SftpHostError } from './sftp-host-error.ts';

/** sshd must be started by its full path: it executes itself anew for each connection. */
export const SSHD_PROGRAM = '/usr/sbin/sshd';

/** It must not be reachable from other machines: anyone who may read the private keys may write to this disk. */
export const LOOPBACK = '127.0.0.1';

/** Where Debian's sshd locks up its unprivileged half; made by systemd, which may not be running. */
const PRIVILEGE_SEPARATION_DIRECTORY = '/run/sshd';

/** Another process may take a free port before sshd does. */
const PORT_ATTEMPTS = 5;

/** Milliseconds between two looks into sshd's log. */
const LOOK_AGAIN = 5;

export interface Sshd {
  readonly port: number;
  /** What sshd wrote to stderr. */
  readonly log: () => string;
}

export interface SshdOptions {
  readonly run: RunDirectory;
  readonly senders: readonly Sender[];
  /** A free port when 0. */
  readonly port: number;
}

/**
 * Starts sshd and waits until it listens.
 * @throws SftpHostError `sshd-failed`.
 */
export async function startSshd(options: SshdOptions): Promise<Sshd> {
  mkdirSync(PRIVILEGE_SEPARATION_DIRECTORY, { recursive: true });
  chmodSync(PRIVILEGE_SEPARATION_DIRECTORY, 0o755);
  for (let attempt = 1; ; attempt++) {
    const port = options.port || (await findFreePort());
    const outcome = await launch({ ...options, port });
    const log = () => readFileSync(options.run.sshdLog, 'utf8');
    if (outcome === 'listens') return { port, log };
    if (options.port !== 0 || attempt === PORT_ATTEMPTS || !log().includes('Address already in use')) {
      throw new SftpHostError('sshd-failed', `sshd: ${onOneLine(log())}`);
    }
  }
}

/** sshd ends its lines with CR LF. */
function onOneLine(log: string): string {
  return log.trim().replaceAll(/[\r\n]+/g, '; ');
}

async function launch({ run, senders, port }: SshdOptions): Promise<'listens' | 'ended'> {
  writeFileSync(run.sshdConfig, formatSshdConfig({ run, senders, port }));
  // A file, no pipe: sshd would wait for the reader of a full one, who may be busy in a spawnSync of `sftp`.
  const log = openSync(run.sshdLog, 'w');
  // In a group of its own, so that a Ctrl-C meant for the caller leaves it alone until the caller closes it.
  const child = spawn(SSHD_PROGRAM, ['-D', '-e', '-f', run.sshdConfig], {
    stdio: ['ignore', 'ignore', log],
    detached: true,
  });
  closeSync(log);
  await once(child, 'spawn');
  for (;;) {
    if (readFileSync(run.sshdLog, 'utf8').includes('Server listening on')) return 'listens';
    if (child.exitCode !== null || child.signalCode !== null) return 'ended';
    await setTimeout(LOOK_AGAIN);
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The configuration that sshd_config(5) describes for SFTP alone: key-only logins, a chroot, no forwarding. */
function formatSshdConfig({ run, senders, port }: SshdOptions): string {
  return [
    `Port ${port}`,
    `ListenAddress ${LOOPBACK}`,
    `HostKey ${run.hostKey}`,
    'PidFile none',
    `AuthorizedKeysFile ${run.authorizedKeys}/%u`,
    'AuthenticationMethods publickey',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin no',
    // PAM may know of sessions, limits and locked accounts of the machine that are none of these users' business.
    'UsePAM no',
    'UseDNS no',
    'StrictModes yes',
    'DisableForwarding yes',
    'PermitTTY no',
    'PermitUserRC no',
    // Tests log in many times at once; the default drops some of more than ten.
    'MaxStartups 1000',
    `AllowUsers ${senders.map(({ user }) => user).join(' ')}`,
    'Subsystem sftp internal-sftp',
    // The same modes whatever the caller's umask.
    `ForceCommand internal-sftp -d ${UPLOAD_DIRECTORY} -u 0022`,
    ...senders.flatMap(({ user, chroot }) => [`Match User ${user}`, `  ChrootDirectory ${chroot}`]),
    '',
  ].join('\n');
}
