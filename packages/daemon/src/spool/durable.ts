/**
 * Every change of the spool and of delivery directories goes through these functions: each is one step that either has happened, for good,
 * or has not. A rename or a new name is only safe from a power cut once its directory is synced (fsync(2), "Calling
 * fsync() does not necessarily ensure that the entry in the directory containing the file has also reached disk").
 */
import { randomUUID } from 'node:crypto';
import { type BigIntStats, constants, type Dirent } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SealdropError } from '@sealdrop/core';
import { errnoOf, unlessErrno } from './errno.ts';
import { reach, type StepOf } from './fault-points.ts';
import { callsAt, IN_POOL, synchronize } from './file-calls.ts';

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;
const NEW_CONTENT = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;

/** A call on an open file says at a failure what failed, but not where. */
async function naming(path: string, attempt: () => Promise<void>): Promise<void> {
  try {
    await attempt();
  } catch (error) {
    throw errnoOf(error) === null ? error : Object.assign(error as Error, { path });
  }
}

export async function syncDirectory(directory: string, step?: StepOf<'sync'>): Promise<void> {
  if (step !== undefined) await reach(step, 'sync');
  await syncTogether(directory);
}

/** By directory: the sync that is under way, and the one that begins after it for all who came meanwhile. */
const underWay = new Map<string, Promise<void>>();
const following = new Map<string, Promise<void>>();

/**
 * Many envelopes want the same few directories synced: each is served by a sync that began after it came, and shares it with whoever came before that.
 * An error is everyone's.
 */
function syncTogether(directory: string): Promise<void> {
  const next = following.get(directory);
  if (next !== undefined) return next;
  const running = underWay.get(directory);
  if (running === undefined) return beginSync(directory);
  const begin = (): Promise<void> => {
    following.delete(directory);
    return beginSync(directory);
  };
  const queued = running.then(begin, begin);
  following.set(directory, queued);
  return queued;
}

function beginSync(directory: string): Promise<void> {
  const sync = syncNow(directory).finally(() => underWay.delete(directory));
  underWay.set(directory, sync);
  return sync;
}

function syncNow(directory: string): Promise<void> {
  return syncFile(directory, constants.O_RDONLY | constants.O_DIRECTORY);
}

/** Puts on disk what was written to a file, by whomever. */
export async function syncFile(path: string, flags = constants.O_RDONLY): Promise<void> {
  const { open, close } = callsAt(path);
  const descriptor = await open(path, flags);
  try {
    await synchronize(descriptor);
  } finally {
    await close(descriptor);
  }
}

/** A new private directory (mode 0700); its parent must exist. */
export async function makeDirectory(directory: string, step: StepOf<'directory'>): Promise<void> {
  await makeInnerDirectory(directory, step);
  await syncDirectory(dirname(directory));
}

/** The same within another new directory: its name is safe once that is synced for what comes into it next. */
export async function makeInnerDirectory(directory: string, step: StepOf<'directory'>): Promise<void> {
  await reach(step, 'mkdir');
  await callsAt(directory).makeDirectory(directory, PRIVATE_DIRECTORY);
  await reach(step, 'sync');
}

/** Moves a file or directory within one file system; both directories are synced. */
export async function moveDurably(from: string, to: string, step: StepOf<'move'>): Promise<void> {
  await reach(step, 'rename');
  // Of a file that is replaced, the blocks are freed.
  const { rename } = step === 'publish-over' ? IN_POOL : callsAt(to);
  await rename(from, to);
  await reach(step, 'sync-to');
  await syncDirectory(dirname(to));
  await reach(step, 'sync-from');
  if (dirname(from) !== dirname(to)) await syncDirectory(dirname(from));
}

/** Writes a small JSON record whole or not at all, over an older one if there is one. */
export async function writeRecord(path: string, record: object, step: StepOf<'record'>): Promise<void> {
  const temporary = `${path}.tmp`;
  const { open, write, close, rename } = callsAt(path);
  await reach(step, 'create');
  const descriptor = await open(temporary, NEW_CONTENT, PRIVATE_FILE);
  try {
    await reach(step, 'write');
    await naming(temporary, () => write(descriptor, `${JSON.stringify(record, null, 2)}\n`));
    await reach(step, 'sync');
    await naming(temporary, () => synchronize(descriptor));
  } finally {
    await close(descriptor);
  }
  await reach(step, 'rename');
  await rename(temporary, path);
  await reach(step, 'sync-directory');
  await syncDirectory(dirname(path));
}

/** Sets a file's permissions, and puts them and its content on disk. */
export async function setModeDurably(path: string, mode: number, step: StepOf<'mode'>): Promise<void> {
  await reach(step, 'chmod');
  await chmod(path, mode);
  await reach(step, 'sync');
  await syncFile(path);
}

/** Gives a file a further name; `taken` when that exists already. */
export async function linkDurably(existing: string, name: string, step: StepOf<'link'>): Promise<'linked' | 'taken'> {
  await reach(step, 'link');
  const made = await unlessErrno(['EEXIST'], async () => {
    await callsAt(name).link(existing, name);
    return 'linked' as const;
  });
  if (made === null) return 'taken';
  await reach(step, 'sync');
  await syncDirectory(dirname(name));
  return made;
}

/** Removes a name; nothing happens when there is none. */
export async function removeFile(path: string, step: StepOf<'remove'>): Promise<void> {
  await reach(step, 'unlink');
  const outcome = await callsAt(path).unlink(path);
  await reach(step, 'sync');
  if (outcome === 'removed') await syncDirectory(dirname(path));
}

/** Removes a directory of the spool with all it holds; symbolic links are removed, never followed. Nothing happens when there is none. */
export async function removeTree(directory: string, step: StepOf<'tree'>): Promise<void> {
  await removeUnsynced(directory, step);
  await reach(step, 'sync');
  await syncDirectory(dirname(directory));
}

/** The same for what may come back in a power cut, to be removed again. */
export async function removeUnsynced(directory: string, step: StepOf<'tree' | 'clear'>): Promise<void> {
  await reach(step, 'remove');
  await unlessErrno(['ENOENT'], () => emptyAndRemove(directory));
}

/** Where a removed file that is still open keeps a name (NFS), trying goes on to no end. */
const MOST_REFUSALS = 100;

/**
 * The sender may have made a tree so deep that the names of its lower parts are longer than any system call takes (PATH_MAX): each directory is
 * moved up to the top before it is looked into. Names are bytes: they need not be UTF-8. Entries are read a few at a time: there may be millions.
 * Another process may be removing the same tree: what it took meanwhile is gone, and what it moved up is found at the top.
 */
async function emptyAndRemove(top: string): Promise<void> {
  const pending: Buffer[] = [Buffer.from(top)];
  let refusals = 0;
  for (let directory = pending.at(-1); directory !== undefined; directory = pending.at(-1)) {
    const inner = (await unlessErrno(['ENOENT'], () => emptyOfFiles(directory, top))) ?? [];
    pending.push(...inner);
    if (inner.length > 0) continue;
    if (await isRemoved(directory)) pending.pop();
    else if ((refusals += 1) > MOST_REFUSALS) throw new SealdropError('io-error', `${top}: cannot be emptied`);
  }
}

async function isRemoved(directory: Buffer): Promise<boolean> {
  try {
    await callsAt(directory).removeDirectory(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOTEMPTY') return false;
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  return true;
}

/** @returns the directories that were in it, where they are now */
async function emptyOfFiles(directory: Buffer, top: string): Promise<readonly Buffer[]> {
  const inner: Buffer[] = [];
  for await (const entry of await entriesOf(directory)) {
    const path = Buffer.concat([directory, Buffer.from('/'), entry.name]);
    if (!entry.isDirectory()) await IN_POOL.unlink(path);
    else if (directory.equals(Buffer.from(top))) inner.push(path);
    else inner.push(...((await unlessErrno(['ENOENT'], () => raise(path, top))) ?? []));
  }
  return inner;
}

/** Never while `top` is being read: what is renamed into a directory meanwhile may be read too, or not (readdir(3)). */
async function raise(path: Buffer, top: string): Promise<readonly Buffer[]> {
  const raised = Buffer.from(join(top, `removing-${randomUUID()}`));
  await callsAt(path).rename(path, raised);
  return [raised];
}

/** What a directory holds, with names as bytes. */
export function entriesOf(directory: string | Buffer): Promise<AsyncIterable<Dirent<Buffer>>> {
  return callsAt(directory).entries(directory);
}

/** The entry itself, not what it points to; null when there is none. */
export function inspectEntry(path: string | Buffer): Promise<BigIntStats | null> {
  return callsAt(path).inspect(path);
}
