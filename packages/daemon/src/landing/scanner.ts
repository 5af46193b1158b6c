import { join } from 'node:path';
import { isTemporaryName } from '@sealdrop/core';
import { FOLDER_GONE, openAnchor } from '../spool/anchor.ts';
import { errnoOf } from '../spool/errno.ts';
import { type Entries, readEntries } from './entries.ts';

/** Folders deeper than this below a landing are not looked into. */
export const DEEPEST_FOLDER = 8;
/** Of one directory, so many entries are looked at in one scan, and so many of a landing: names fill memory, and the sender makes them. */
const MOST_ENTRIES = 200_000;
const MOST_OF_LANDING = 300_000;
/** So many folders are looked into in one scan. */
const MOST_FOLDERS = 10_000;
const CLOSED = new Set(['EACCES', 'EPERM']);

/** What one directory of a landing holds. */
export interface Listing extends Omit<Entries, 'extent'> {
  /** Below the landing's directory; `''` for itself. */
  readonly folder: string;
  /** Whether it, or a folder around it, has a name that uploads have until they are whole. */
  readonly stage: 'final' | 'temporary';
  /** `cut` when it holds more than is looked at in one scan, `closed` when we may not look. */
  readonly extent: 'whole' | 'cut' | 'closed';
}

/**
 * The directories of a landing, itself first, as they are at the moment: symbolic links are listed as files and not followed.
 * @throws a system error when the landing itself cannot be listed
 */
export async function* listings(root: string): AsyncGenerator<Listing> {
  const pending = [''];
  let left = MOST_OF_LANDING;
  for (let next = 0; next < pending.length && left > 0; next += 1) {
    const folder = pending[next] ?? '';
    const most = Math.min(MOST_ENTRIES, left);
    const listing = folder === '' ? await list(root, folder, most) : await listIfThere(root, folder, most);
    if (listing === null) continue;
    left -= listing.files.length + listing.folders.length + listing.unusable.length;
    const room = MOST_FOLDERS - pending.length;
    pending.push(...listing.folders.slice(0, room).map((name) => join(folder, name)));
    yield listing.folders.length > room ? { ...listing, extent: 'cut' } : listing;
  }
}

function depthOf(folder: string): number {
  return folder === '' ? 0 : folder.split('/').length;
}

/** A folder may go, or turn into something else, while the scan is under way. */
async function listIfThere(root: string, folder: string, most: number): Promise<Listing | null> {
  try {
    return await list(root, folder, most);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (FOLDER_GONE.includes(errno)) return null;
    if (!CLOSED.has(errno)) throw error;
    return { folder, stage: stageOf(folder), files: [], folders: [], unusable: [], extent: 'closed' };
  }
}

/** @param most entries */
async function list(root: string, folder: string, most: number): Promise<Listing> {
  const limits = { most, innerFolders: depthOf(folder) < DEEPEST_FOLDER ? 'usable' : 'unusable' } as const;
  const anchor = await openAnchor(root, folder);
  try {
    return { folder, stage: stageOf(folder), ...(await readEntries(anchor.path, limits)) };
  } finally {
    await anchor.release();
  }
}

function stageOf(folder: string): Listing['stage'] {
  return folder.split('/').some((part) => part !== '' && isTemporaryName(part)) ? 'temporary' : 'final';
}
