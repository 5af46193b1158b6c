import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessErrno } from '../spool/durable.ts';
import { openAnchor } from '../spool/anchor.ts';

/** Folders deeper than this below a landing are not looked into. */
export const DEEPEST_FOLDER = 8;

/** What one directory of a landing holds. */
export interface Listing {
  /** Below the landing's directory; `''` for itself. */
  readonly folder: string;
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/**
 * The directories of a landing, itself first, as they are at the moment: symbolic links are listed as files and not followed.
 * @throws a system error when the landing itself cannot be listed
 */
export async function* listings(root: string): AsyncGenerator<Listing> {
  const pending = [''];
  for (let folder = pending.shift(); folder !== undefined; folder = pending.shift()) {
    const listing = folder === '' ? await list(root, folder) : await listIfThere(root, folder);
    if (listing === null) continue;
    yield listing;
    if (depthOf(folder) >= DEEPEST_FOLDER) continue;
    pending.push(...listing.folders.map((name) => join(folder, name)));
  }
}

function depthOf(folder: string): number {
  return folder === '' ? 0 : folder.split('/').length;
}

/** A folder may go, or turn into something else, while the scan is under way; one that is closed to us is passed by. */
function listIfThere(root: string, folder: string): Promise<Listing | null> {
  return unlessErrno(['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM'], () => list(root, folder));
}

async function list(root: string, folder: string): Promise<Listing> {
  const anchor = await openAnchor(root, folder);
  try {
    const entries = await readdir(anchor.path, { withFileTypes: true, encoding: 'buffer' });
    const named = entries.map((entry) => ({ name: entry.name.toString('utf8'), bytes: entry.name, entry }));
    // A name that is not UTF-8 could not be opened again under what it reads as.
    const usable = named.filter(({ name, bytes }) => Buffer.from(name, 'utf8').equals(bytes));
    return {
      folder,
      files: usable.filter(({ entry }) => !entry.isDirectory()).map(({ name }) => name),
      folders: usable.filter(({ entry }) => entry.isDirectory()).map(({ name }) => name),
    };
  } finally {
    await anchor.release();
  }
}
