import { constants } from 'node:fs';
import { access, lstat, open, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toSealdropError } from '@sealdrop/core';
import { printable } from '../operations/printable.ts';
import { unlessErrno } from '../spool/errno.ts';
import { formatPermissions } from '../spool/permissions.ts';
import { type Finding, ok, problem } from './finding.ts';
import type { LandingConfig } from './schema.ts';

const ALL_OF_OTHERS = 0o077;
const STICKY = 0o1000;
/** Of what lies in a landing now, so many are looked at. */
const MOST_ENTRIES = 1000;

const permissionHint = (what: string): string =>
  `Give the user who runs sealdropd (id ${process.geteuid?.()}) ${what}.`;

export async function checkSpool(spool: string): Promise<readonly Finding[]> {
  const status = await unlessErrno(['ENOENT'], () => stat(spool));
  if (status === null) {
    return [await checkDirectory(`spool ${spool}: is not there yet; its parent`, dirname(spool))];
  }
  const reach = await checkDirectory(`spool ${spool}`, spool);
  if ((status.mode & ALL_OF_OTHERS) === 0) return [reach];
  const hint = `Close it to all but the daemon's user: chmod 0700 ${spool}`;
  return [reach, problem(`spool ${spool}: others may look into it (mode ${formatPermissions(status)})`, hint)];
}

export async function checkState(state: string | undefined): Promise<readonly Finding[]> {
  return state === undefined ? [] : [await checkDirectory(`state ${state}`, state)];
}

export async function checkDelivery({ name, delivery }: LandingConfig): Promise<readonly Finding[]> {
  return [await checkDirectory(`landing ${name}: delivery ${delivery}`, delivery)];
}

export async function checkLanding({ name, directory }: LandingConfig, spool: string): Promise<readonly Finding[]> {
  const subject = `landing ${name}: directory ${directory}`;
  const reach = await checkDirectory(subject, directory);
  const place = await checkFileSystem(subject, directory, spool);
  if (reach.verdict === 'problem') return [reach, ...place];
  return [reach, ...place, ...(await checkSticky(subject, directory)), ...(await checkUploads(subject, directory))];
}

async function checkDirectory(subject: string, directory: string): Promise<Finding> {
  try {
    if (!(await stat(directory)).isDirectory()) return problem(`${subject}: is not a directory`);
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return ok(`${subject}: can be read and written`);
  } catch (error) {
    const { code, message } = toSealdropError(error, subject);
    const hint =
      code === 'not-found' ? `Make it: mkdir -p ${directory}` : permissionHint('read, write and search permission');
    return problem(message, hint);
  }
}

/** Claiming is renaming, and that works within one mount only (rename(2), EXDEV): a bind mount has the same device, but is another mount. */
async function checkFileSystem(subject: string, directory: string, spool: string): Promise<readonly Finding[]> {
  const here = await unlessErrno(['ENOENT', 'EACCES'], () => placeOf(directory));
  const there =
    (await unlessErrno(['ENOENT', 'EACCES'], () => placeOf(spool))) ??
    (await unlessErrno(['ENOENT', 'EACCES'], () => placeOf(dirname(spool))));
  if (here === null || there === null) return [];
  const hint = 'Put the spool and its landings on one file system: envelopes are claimed by renaming.';
  if (here.device !== there.device) {
    return [problem(`${subject}: is not on the file system of the spool ${spool}`, hint)];
  }
  if (here.mount !== there.mount) {
    return [problem(`${subject}: is on the file system of the spool, but reached by another mount of it`, hint)];
  }
  return [ok(`${subject}: is on the spool's file system`)];
}

async function placeOf(directory: string): Promise<{ readonly device: number; readonly mount: string | null }> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const { dev } = await handle.stat();
    const information = await readFile(`/proc/self/fdinfo/${handle.fd}`, 'latin1');
    return { device: dev, mount: /^mnt_id:\s*([0-9]+)$/m.exec(information)?.[1] ?? null };
  } finally {
    await handle.close();
  }
}

/** In a sticky directory only a file's owner, the directory's owner and root may rename it (unlink(2), EPERM). */
async function checkSticky(subject: string, directory: string): Promise<readonly Finding[]> {
  const status = await stat(directory);
  const user = process.geteuid?.();
  if ((status.mode & STICKY) === 0 || user === 0 || status.uid === user) return [];
  const hint = `Take the sticky bit away: chmod -t ${directory}`;
  return [
    problem(
      `${subject}: is sticky (mode ${formatPermissions(status)}), so files of the sender cannot be moved out of it`,
      hint,
    ),
  ];
}

/** What lies there already shows whether the SFTP server makes files and folders that the daemon can use. */
async function checkUploads(subject: string, directory: string): Promise<readonly Finding[]> {
  const entries = (await readdir(directory, { withFileTypes: true })).slice(0, MOST_ENTRIES);
  const closed = { file: null as string | null, folder: null as string | null };
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isFile() && !(await allows(path, constants.R_OK))) closed.file ??= entry.name;
    const wanted = constants.R_OK | constants.W_OK | constants.X_OK;
    if (entry.isDirectory() && !(await allows(path, wanted))) closed.folder ??= entry.name;
  }
  const findings: Finding[] = [];
  if (closed.file !== null) {
    const hint =
      'Let the SFTP server make files that the group may read (internal-sftp -u 0007, or -m 0660), in a directory of mode 2770.';
    findings.push(problem(`${subject}: ${printable(closed.file)} cannot be read`, hint));
  }
  if (closed.folder !== null) {
    const hint = 'Let the SFTP server make folders that the group may write to (internal-sftp -u 0007).';
    findings.push(problem(`${subject}: the folder ${printable(closed.folder)} cannot be read and written`, hint));
  }
  return findings;
}

async function allows(path: string, mode: number): Promise<boolean> {
  try {
    // The entry may have become a link since it was listed.
    if ((await lstat(path)).isSymbolicLink()) return true;
    await access(path, mode);
    return true;
  } catch (error) {
    return toSealdropError(error).code !== 'not-permitted';
  }
}
