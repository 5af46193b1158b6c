import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { hold, letGo } from './nearness.ts';

/** What opening a folder says when it went, or turned into something else, since it was seen. */
export const FOLDER_GONE: readonly string[] = ['ENOENT', 'ENOTDIR', 'ELOOP'];

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;

/**
 * A directory below a landing, held open. The sender may exchange any folder for a symbolic link between two of our steps; a path through the
 * open directory's own descriptor (proc(5), `/proc/self/fd`) cannot be led astray.
 */
export interface Anchor {
  /** A path for use while the anchor is held. */
  readonly path: string;
  release(): Promise<void>;
}

/**
 * Opens `folder` (relative, `''` for the root itself) below `root`, following no symbolic link below the root.
 * @throws a system error: one of `FOLDER_GONE` when it is not there (any more)
 */
export async function openAnchor(root: string, folder: string): Promise<Anchor> {
  let handle = await open(root, DIRECTORY);
  for (const step of folder.split('/').filter((part) => part !== '')) handle = await descend(handle, step);
  const path = pathOf(handle);
  hold(path, await deviceOf(handle));
  const release = (): Promise<void> => {
    letGo(path);
    return handle.close();
  };
  return { path, release };
}

async function descend(parent: FileHandle, name: string): Promise<FileHandle> {
  try {
    return await open(join(pathOf(parent), name), DIRECTORY | constants.O_NOFOLLOW);
  } finally {
    await parent.close();
  }
}

async function deviceOf(handle: FileHandle): Promise<bigint> {
  try {
    return (await handle.stat({ bigint: true })).dev;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function pathOf(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`;
}
