/** Files that appear whole under their final name or not at all. */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { link, lstat, open, rename, rm, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SealdropError, toSealdropError } from '../errors.ts';

/** Whether an existing file of the final name is an error or is replaced. */
export type ExistingFile = 'refuse' | 'replace';

const RANDOM_BYTES = 6;
/** Leaves room for the dot, the random part and `.part` in a name of 255 bytes, whatever a character's length in UTF-8. */
const KEPT_CHARACTERS = 50;

/** A dot name in the same directory, so that a rename stays within one file system and landing scans pass it over. */
export function temporaryPathFor(finalPath: string): string {
  const name = basename(finalPath).slice(0, KEPT_CHARACTERS);
  return join(dirname(finalPath), `.${name}.${randomBytes(RANDOM_BYTES).toString('hex')}.part`);
}

/**
 * Makes a file appear under `finalPath` whole or not at all: `write` creates and fills a new file under a temporary dot name in
 * the same directory, which is then fsynced, linked (`refuse`: `already-exists` when taken) or renamed (`replace`) to
 * its final name, and the directory is fsynced. When anything fails, no file is left.
 */
export async function createOutputFile(
  finalPath: string,
  existing: ExistingFile,
  write: (temporaryPath: string) => Promise<void>,
): Promise<void> {
  // Better now than after hours of work; the link decides in the end.
  if (existing === 'replace') await checkReplaceable(finalPath);
  else if (await pathExists(finalPath)) throw alreadyExists(finalPath);
  const temporaryPath = temporaryPathFor(finalPath);
  try {
    await write(temporaryPath);
    await synchronize(temporaryPath);
    await moveIntoPlace(temporaryPath, finalPath, existing);
  } catch (error) {
    await removeQuietly(temporaryPath);
    throw asOutputError(error, { temporaryPath, finalPath });
  }
  await synchronize(dirname(finalPath));
}

/** Removes the file that a failed attempt made, if anything: the attempt's own error is the one to be told. */
export async function removeQuietly(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined);
}

/** Gives a finished file its final name; with `refuse` the kernel decides that the name is free (link(2) fails on an existing one). */
export async function moveIntoPlace(temporaryPath: string, finalPath: string, existing: ExistingFile): Promise<void> {
  if (existing === 'replace') {
    await checkReplaceable(finalPath);
    return rename(temporaryPath, finalPath);
  }
  try {
    await link(temporaryPath, finalPath);
  } catch (error) {
    if (!isWithoutHardLinks(error)) throw error;
    // FAT, exFAT and some network file systems: an empty file reserves the name, and the rename replaces it atomically.
    await (await open(finalPath, 'wx')).close();
    return rename(temporaryPath, finalPath).catch(async (failure: unknown) => {
      await removeQuietly(finalPath);
      throw failure;
    });
  }
  await unlink(temporaryPath);
}

/**
 * A rename puts a file in the place of a device or a pipe just as well, and root's `/dev/null` is gone.
 * @throws SealdropError `cannot-create` for anything but a file, a link, or nothing
 */
export async function checkReplaceable(path: string): Promise<void> {
  const status = await lstat(path).catch(() => null);
  if (status === null || status.isFile() || status.isSymbolicLink()) return;
  if (status.isDirectory()) throw new SealdropError('cannot-create', `${path}: is a directory`);
  throw new SealdropError('cannot-create', `${path}: is ${kindOf(status)}, not a file`, {
    hint: `write to standard output, and from there to it: --output - > ${path}`,
  });
}

function kindOf(status: Stats): string {
  if (status.isFIFO()) return 'a named pipe';
  return status.isSocket() ? 'a socket' : 'a device';
}

function isWithoutHardLinks(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EPERM' || code === 'ENOTSUP' || code === 'EOPNOTSUPP' || code === 'ENOSYS';
}

export async function pathExists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

export function alreadyExists(path: string, cause?: unknown): SealdropError {
  return new SealdropError('already-exists', `${path}: already exists`, {
    hint: 'name another output, or replace it with --force',
    cause,
  });
}

interface OutputPaths {
  readonly temporaryPath: string;
  readonly finalPath: string;
}

/** Errors about the temporary file speak of the final one: nobody has ever seen the other name. */
function asOutputError(error: unknown, { temporaryPath, finalPath }: OutputPaths): SealdropError {
  const known = toSealdropError(error, temporaryPath);
  if (known.code === 'already-exists') return alreadyExists(finalPath, error);
  if (!known.message.startsWith(temporaryPath)) return known;
  if (known.code === 'not-found') {
    return new SealdropError('cannot-create', `${finalPath}: its directory does not exist`, { cause: error });
  }
  const { hint, details } = known;
  const code = isUnusablePath(error) ? 'cannot-create' : known.code;
  return new SealdropError(code, `${finalPath}${known.message.slice(temporaryPath.length)}`, {
    hint,
    details,
    cause: error,
  });
}

/** A path that will never do, as opposed to a disk that may recover. */
function isUnusablePath(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EISDIR' || code === 'ENAMETOOLONG' || code === 'EINVAL';
}

/** fsync(2) of a file or a directory: without the directory's, a power cut may take the new name back. */
export async function synchronize(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
