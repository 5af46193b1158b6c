import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { cleanSftpHosts } from './remove-run.ts';
import { DEFAULT_BASE_DIRECTORY } from './run-directory.ts';
import { SftpHostError } from './sftp-host-error.ts';
import type { SftpHostErrorCode } from './sftp-host-error.ts';
import { DEFAULT_SENDERS, checkRoot, startSftpHost } from './sftp-host.ts';
import type { SftpHost } from './sftp-host.ts';

/** From sysexits(3). */
const EX_USAGE = 64;
const EX_UNAVAILABLE = 69;
const EX_NOPERM = 77;

const EXIT_STATUS: Readonly<Record<SftpHostErrorCode, number>> = {
  'bad-sender': EX_USAGE,
  'bad-directory': EX_USAGE,
  'not-root': EX_NOPERM,
  'missing-program': EX_UNAVAILABLE,
  'command-failed': EX_UNAVAILABLE,
  'sshd-failed': EX_UNAVAILABLE,
};

const HELP = `Usage: node tools/sftp-host/src/main.ts [OPTION]...

Runs a real OpenSSH server on loopback that serves SFTP alone, each sender in a chroot of its own, until SIGINT, SIGTERM
or SIGHUP; then its users and files are removed. Needs root. Prints how to connect and where the uploads appear.

  --senders A,B,...    the senders (default: ${DEFAULT_SENDERS.join(',')})
  --port N             port on 127.0.0.1 (default: a free one)
  --directory DIR      keep the files below DIR; there and above, all may pass but only root may write
                       (default: ${DEFAULT_BASE_DIRECTORY})
  --clean              remove what killed runs have left below DIR (users, files, sshd), then end
  --help               print this
`;

interface Arguments {
  readonly action: 'run' | 'clean' | 'help';
  readonly senders: readonly string[];
  readonly port: number;
  readonly baseDirectory: string;
}

/** Wrong arguments. */
class UsageError extends Error {}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function parseOptions(argv: readonly string[]) {
  const options = {
    senders: { type: 'string', default: DEFAULT_SENDERS.join(',') },
    port: { type: 'string', default: '0' },
    directory: { type: 'string', default: DEFAULT_BASE_DIRECTORY },
    clean: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const;
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

function parseArguments(argv: readonly string[]): Arguments {
  const { senders, port, directory, clean, help } = parseOptions(argv);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new UsageError(`--port ${port}: not a port number`);
  const action = clean ? 'clean' : 'run';
  return { action: help ? 'help' : action, senders: senders.split(','), port: Number(port), baseDirectory: directory };
}

function describeHost(host: SftpHost): string {
  const senders = host.senders.flatMap(({ name, landing, user }) => [
    `${name} (user ${user})`,
    `  connect: sftp -F ${host.clientConfig} ${name}`,
    `  landing: ${landing}`,
  ]);
  return [`port:      ${host.port}`, `directory: ${host.directory}`, ...senders, ''].join('\n');
}

async function runHost(options: Arguments): Promise<void> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const ended = Promise.race(signals.map((signal) => once(process, signal)));
  const host = await startSftpHost(options);
  try {
    process.stdout.write(describeHost(host));
    process.stderr.write('sftp-host: ready; Ctrl-C ends it and removes its users and files\n');
    await ended;
  } finally {
    await host.close();
  }
}

async function cleanHosts({ baseDirectory }: Arguments): Promise<void> {
  checkRoot();
  const removed = await cleanSftpHosts(baseDirectory);
  process.stdout.write(removed.map((path) => `removed ${path}\n`).join(''));
}

function statusOf(error: unknown): number {
  if (error instanceof UsageError) return EX_USAGE;
  return error instanceof SftpHostError ? EXIT_STATUS[error.code] : 1;
}

// A reader that is gone, as in `| head`, must not keep users and files from being removed.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  const options = parseArguments(process.argv.slice(2));
  if (options.action === 'help') process.stdout.write(HELP);
  else if (options.action === 'clean') await cleanHosts(options);
  else await runHost(options);
} catch (error) {
  process.stderr.write(`sftp-host: ${messageOf(error)}\n`);
  process.exitCode = statusOf(error);
}
