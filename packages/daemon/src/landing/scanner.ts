import { join } from 'node:path';
import { isTemporaryName } from '@sealdrop/core';
import { FOLDER_GONE, openAnchor } from '../spool/anchor.ts';
import { entriesOf } from '../spool/durable.ts';
import { errnoOf } from '../spool/errno.ts';

/** Folders deeper than this below a landing are not looked into. */
export const DEEPEST_FOLDER = 8;
/** Of one directory, so many entries are looked at in one scan, and so many of a landing: names fill memory, and the sender makes them. */
const MOST_ENTRIES = 200_000;
const MOST_OF_LANDING = 300_000;
/** So many folders are looked into in one scan. */
const MOST_FOLDERS = 10_000;
const CLOSED = new Set(['EACCES', 'EPERM']);

/** What one directory of a landing holds. */
export interface Listing {
  /** Below the landing's directory; `''` for itself. */
  readonly folder: string;
  /** Whether it, or a folder around it, has a name that uploads have until they are whole. */
  readonly stage: 'final' | 'temporary';
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** Entries that cannot belong to an envelope: their names are not UTF-8, or they are folders that lie too deep. */
  readonly unusable: readonly Buffer[];
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
  const anchor = await openAnchor(root, folder);
  try {
    return { folder, stage: stageOf(folder), ...(await readEntries(anchor.path, depthOf(folder), most)) };
  } finally {
    await anchor.release();
  }
}

async function readEntries(path: string, depth: number, most: number): Promise<Omit<Listing, 'folder' | 'stage'>> {
  const files: string[] = [];
  const folders: string[] = [];
  const unusable: Buffer[] = [];
  let count = 0;
  for await (const entry of await entriesOf(path)) {
    count += 1;
    if (count > most) return { files, folders, unusable, extent: 'cut' };
    const name = entry.name.toString('utf8');
    // A name that is not UTF-8 could not be opened again under what it reads as.
    if (!Buffer.from(name, 'utf8').equals(entry.name)) unusable.push(entry.name);
    else if (!entry.isDirectory()) files.push(name);
    else if (depth < DEEPEST_FOLDER) folders.push(name);
    else unusable.push(entry.name);
  }
  return { files, folders, unusable, extent: 'whole' };
}

function stageOf(folder: string): Listing['stage'] {
  return folder.split('/').some((part) => part !== '' && isTemporaryName(part)) ? 'temporary' : 'final';
}
