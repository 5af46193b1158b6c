import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { SftpHostError } from './sftp-host-error.ts';
import { findProcess } from './processes.ts';
import { LONGEST_USER_NAME } from './system-users.ts';

/**
 * Where runs keep their files unless told otherwise: sshd chroots only where every component of the path is root's and
 * nobody else may write there (sshd_config(5), ChrootDirectory), which rules out /tmp. And it looks for authorized keys with
 * the sender's rights, which rules out /root.
 */
export const DEFAULT_BASE_DIRECTORY = '/var/lib';

/** Begins the names of all users and directories of all runs. */
const PREFIX = 'sealdrop-test-';
const RUN_ID_BYTES = 3;
const RUN_NAME = new RegExp(`^${PREFIX}[0-9a-f]{${2 * RUN_ID_BYTES}}$`);

/** What is left for the sender's name in `sealdrop-test-012345-NAME`. */
export const LONGEST_SENDER_NAME = LONGEST_USER_NAME - PREFIX.length - 2 * RUN_ID_BYTES - 1;

/** Others may pass through, since sshd reads authorized keys and senders' files with the sender's own rights, but not list. */
const PASSABLE = 0o711;
const READABLE = 0o755;
const PRIVATE = 0o700;
const WRITABLE_BY_OTHERS = 0o022;
const PASSABLE_FOR_OTHERS = 0o001;

/** One run's files. Its name begins the names of its users too, so that either leads to the other. */
export interface RunDirectory {
  readonly path: string;
  readonly sshdConfig: string;
  readonly sshdLog: string;
  readonly hostKey: string;
  readonly authorizedKeys: string;
  /** Only root may look inside. */
  readonly client: string;
  readonly clientConfig: string;
  readonly knownHosts: string;
  readonly senders: string;
}

export function layOut(path: string): RunDirectory {
  const client = join(path, 'client');
  return {
    path,
    sshdConfig: join(path, 'sshd_config'),
    sshdLog: join(path, 'sshd.log'),
    hostKey: join(path, 'host_key'),
    authorizedKeys: join(path, 'authorized-keys'),
    client,
    clientConfig: join(client, 'ssh_config'),
    knownHosts: join(client, 'known_hosts'),
    senders: join(path, 'senders'),
  };
}

/**
 * Makes the files of a run of this process, all of root's.
 * @throws SftpHostError `bad-directory` where sshd would not chroot.
 */
export function createRunDirectory(baseDirectory: string): RunDirectory {
  const base = resolveBaseDirectory(baseDirectory);
  const run = layOut(join(base, PREFIX + randomBytes(RUN_ID_BYTES).toString('hex')));
  mkdirSync(run.path);
  writeFileSync(ownerFile(run), JSON.stringify(findProcess(process.pid)));
  for (const directory of [run.authorizedKeys, run.senders, run.client]) mkdirSync(directory);
  // Not by mkdir's mode: the umask may be any.
  chmodSync(run.path, PASSABLE);
  chmodSync(run.authorizedKeys, PASSABLE);
  chmodSync(run.senders, READABLE);
  chmodSync(run.client, PRIVATE);
  return run;
}

/** The user's name for a sender of the run. */
export function userNameOf(run: RunDirectory, sender: string): string {
  return userPrefixOf(run) + sender;
}

/** Begins the names of the run's users and of no others. */
export function userPrefixOf(run: RunDirectory): string {
  return `${basename(run.path)}-`;
}

/**
 * The runs whose process has ended without closing them.
 * @throws SftpHostError `bad-directory` where no run can have been.
 */
export function findAbandonedRuns(baseDirectory: string): readonly RunDirectory[] {
  const base = resolveBaseDirectory(baseDirectory);
  const names = readdirSync(base).filter((name) => RUN_NAME.test(name));
  return names.map((name) => layOut(join(base, name))).filter((run) => !isOwnerAlive(run));
}

function isOwnerAlive(run: RunDirectory): boolean {
  try {
    const { pid, startTime } = JSON.parse(readFileSync(ownerFile(run), 'utf8')) as Record<string, unknown>;
    return findProcess(Number(pid))?.startTime === startTime;
  } catch {
    return false;
  }
}

function ownerFile(run: RunDirectory): string {
  return join(run.path, 'owner.json');
}

function resolveBaseDirectory(directory: string): string {
  const path = resolve(directory);
  const faults = [spellingFaultOf(path), ...withParents(path).map((component) => ownershipFaultOf(component))];
  const fault = faults.find((found) => found !== undefined);
  if (fault === undefined) return path;
  const cure = 'choose one like /var/lib, where all may pass but only root may write, all the way up';
  throw new SftpHostError('bad-directory', `${directory}: sshd cannot chroot below it: ${fault}; ${cure}`);
}

function withParents(path: string): readonly string[] {
  return path === '/' ? [path] : [path, ...withParents(dirname(path))];
}

/** The paths stand in configuration files, where these need no quotes and are no patterns or tokens. */
function spellingFaultOf(path: string): string | undefined {
  return /^[\w./-]+$/.test(path) ? undefined : 'its path has other characters than A-Z, a-z, 0-9 and ._/-';
}

function ownershipFaultOf(path: string): string | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined || !status.isDirectory()) return `${path} is not a directory`;
  if (status.uid !== 0) return `${path} belongs to uid ${status.uid}, not to root`;
  if ((status.mode & WRITABLE_BY_OTHERS) !== 0) return `others than root may write in ${path}`;
  if ((status.mode & PASSABLE_FOR_OTHERS) === 0) return `senders may not pass through ${path}`;
  return undefined;
}
