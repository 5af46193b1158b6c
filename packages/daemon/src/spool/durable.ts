/**
 * Every change of the spool and of delivery directories goes through these functions: each is one step that either has happened, for good,
 * or has not. A rename or a new name is only safe from a power cut once its directory is synced (fsync(2), "Calling
 * fsync() does not necessarily ensure that the entry in the directory containing the file has also reached disk").
 */
import { constants } from 'node:fs';
import { link, lstat, mkdir, open, rename, rm, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;

/** The `code` of a failed system call (`ENOENT`, …); null for anything else. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  return 'syscall' in error ? error.code : null;
}

/** Runs `attempt`; an errno of `expected` is answered with null instead of being thrown. */
export async function unlessErrno<T>(expected: readonly string[], attempt: () => Promise<T>): Promise<T | null> {
  try {
    return await attempt();
  } catch (error) {
    if (expected.includes(errnoOf(error) ?? '')) return null;
    throw error;
  }
}

export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A new private directory (mode 0700); its parent must exist. */
export async function makeDirectory(directory: string): Promise<void> {
  await mkdir(directory, { mode: PRIVATE_DIRECTORY });
  await syncDirectory(dirname(directory));
}

/** Moves a file or directory within one file system; both directories are synced. */
export async function moveDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncDirectory(dirname(to));
  if (dirname(from) !== dirname(to)) await syncDirectory(dirname(from));
}

/** Writes a small JSON record whole or not at all, over an older one if there is one. */
export async function writeRecord(path: string, record: object): Promise<void> {
  const temporary = `${path}.tmp`;
  const handle = await open(temporary, 'w', PRIVATE_FILE);
  try {
    await handle.writeFile(`${JSON.stringify(record, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await moveDurably(temporary, path);
}

/** Gives a file a further name; `taken` when that exists already. */
export async function linkDurably(existing: string, name: string): Promise<'linked' | 'taken'> {
  const made = await unlessErrno(['EEXIST'], async () => {
    await link(existing, name);
    return 'linked' as const;
  });
  if (made === null) return 'taken';
  await syncDirectory(dirname(name));
  return made;
}

/** Removes a name; nothing happens when there is none. */
export async function removeFile(path: string): Promise<void> {
  const removed = await unlessErrno(['ENOENT'], async () => {
    await unlink(path);
    return true;
  });
  if (removed === true) await syncDirectory(dirname(path));
}

/** Removes a directory of the spool with all it holds; symbolic links are removed, never followed. */
export async function removeTree(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await syncDirectory(dirname(directory));
}

/** The entry itself, not what it points to; null when there is none. */
export function inspectEntry(path: string): ReturnType<typeof lstat64> {
  return lstat64(path);
}

function lstat64(path: string) {
  // 64-bit inode numbers do not fit in a double.
  return unlessErrno(['ENOENT', 'ENOTDIR'], () => lstat(path, { bigint: true }));
}
