import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { signalProcess } from './processes.ts';
import type { RunDirectory } from './run-directory.ts';
import type { Sender } from './senders.ts';
import { LOOPBACK } from './sshd.ts';

/** `sftp -l` counts kilobits of 1024 bits a second (sftp(1), openssh/misc.c bandwidth_limit). */
const KILOBITS_A_KIBIBYTE = 8;

export interface SftpOptions {
  /** Not faster than this, in KiB a second (`sftp -l`). */
  readonly rateKiB?: number;
  /** Kills the client, as `SftpSession.kill` does. */
  readonly signal?: AbortSignal;
  /** Where relative local paths begin; the caller's working directory when absent. */
  readonly localDirectory?: string;
}

export interface SftpResult {
  /** The exit status: 0 when each command succeeded; `null` when the client was killed. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running `sftp` command. */
export interface SftpSession {
  /** The `sftp` process, which has an `ssh` of its own, in a process group of its own. */
  readonly child: ChildProcess;
  readonly result: Promise<SftpResult>;
  /** Kills `sftp` and its `ssh` (SIGKILL), as when the sender's machine loses power. */
  kill(): void;
}

export interface SftpInvocation {
  readonly clientConfig: string;
  readonly sender: string;
  readonly commands: readonly string[];
  readonly options?: SftpOptions;
}

/** Starts `sftp -b -` with the commands of a batch; it ends at the first one that fails, unless that begins with `-`. */
export function startSftpClient({ clientConfig, sender, commands, options = {} }: SftpInvocation): SftpSession {
  const limit = options.rateKiB === undefined ? [] : ['-l', String(options.rateKiB * KILOBITS_A_KIBIBYTE)];
  const child = spawn('sftp', [...limit, '-F', clientConfig, '-b', '-', sender], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    ...(options.localDirectory === undefined ? {} : { cwd: options.localDirectory }),
  });
  const kill = () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      signalProcess(-child.pid, 'SIGKILL');
  };
  if (options.signal?.aborted) kill();
  options.signal?.addEventListener('abort', kill, { once: true });
  // A client that ends early breaks the pipe; its exit status tells.
  finished(child.stdin).catch(() => {});
  child.stdin.end(commands.map((command) => `${command}\n`).join(''));
  const streams = [text(child.stdout), text(child.stderr)] as const;
  const result = Promise.all([once(child, 'close'), ...streams]).then(([[status], stdout, stderr]) => {
    options.signal?.removeEventListener('abort', kill);
    return { status: status as number | null, stdout, stderr };
  });
  return { child, result, kill };
}

/**
 * The name as one word of a batch command. sftp(1) takes words as a shell does and then looks for `*`, `?` and `[`, and
 * only then takes what is left for a name (openssh/sftp.c makeargv, undo_glob_escape). Write `./-name`
 * for a name that begins with a dash.
 * @throws RangeError for a line break: no batch can name it, but `put *` or `put -r` of local files can.
 */
export function quoteForSftp(name: string): string {
  if (/[\r\n\0]/.test(name)) throw new RangeError('an sftp batch cannot hold a name with a line break');
  return name.replaceAll(/[^\w./@%+,:=\u0080-\u{10FFFF}-]/gu, String.raw`\$&`);
}

/** Writes the configuration with which `sftp -F FILE NAME` connects as the sender of that name, and nobody's else counts. */
export function writeClientConfig(run: RunDirectory, senders: readonly Sender[], port: number): void {
  const [type = '', key = ''] = readFileSync(`${run.hostKey}.pub`, 'utf8').split(' ');
  writeFileSync(run.knownHosts, `[${LOOPBACK}]:${port} ${type} ${key}\n`);
  const hosts = senders.flatMap(({ name, user, privateKeyFile }) => [
    `Host ${name}`,
    `  User ${user}`,
    `  IdentityFile ${privateKeyFile}`,
  ]);
  const everywhere = [
    'Host *',
    `  HostName ${LOOPBACK}`,
    `  Port ${port}`,
    `  UserKnownHostsFile ${run.knownHosts}`,
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking yes',
    '  IdentitiesOnly yes',
    '  IdentityAgent none',
    '  PreferredAuthentications publickey',
    '  BatchMode yes',
    // The default, which withstands quantum computers, takes half as long again to connect.
    '  KexAlgorithms curve25519-sha256',
    '',
  ];
  writeFileSync(run.clientConfig, [...hosts, ...everywhere].join('\n'));
}
