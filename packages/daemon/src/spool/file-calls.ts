/**
 * The short system calls on files, in two ways: on libuv's thread pool, or at once. To hand a call to another thread and to be woken when it is done costs some
 * ten times the call itself, and an envelope needs a hundred of them. So whatever lies on the spool's file system is asked at once; what may hang by itself (`nearness.ts`),
 * or waits for the disk, is for the pool: fsync(2), and freeing inodes and blocks, for which ext4 waits until its journal is written.
 */
import * as direct from 'node:fs';
import type { BigIntStats, Dir, Dirent } from 'node:fs';
import * as pool from 'node:fs/promises';
import { promisify } from 'node:util';
import { unlessErrno } from './errno.ts';
import { nearnessOf } from './nearness.ts';

type Path = string | Buffer;

export interface FileCalls {
  /** The entry itself, not what it points to; null when there is none. */
  readonly inspect: (path: Path) => Promise<BigIntStats | null>;
  readonly access: (path: string, mode: number) => Promise<void>;
  readonly makeDirectory: (path: string, mode: number) => Promise<void>;
  readonly rename: (from: Path, to: Path) => Promise<void>;
  readonly link: (existing: string, name: string) => Promise<void>;
  readonly unlink: (path: Path) => Promise<'removed' | 'not-there'>;
  readonly removeDirectory: (path: Path) => Promise<void>;
  /** @returns the descriptor */
  readonly open: (path: string, flags: number, mode?: number) => Promise<number>;
  readonly close: (descriptor: number) => Promise<void>;
  readonly write: (descriptor: number, text: string) => Promise<void>;
  /** Null when it is not there. */
  readonly read: (path: string) => Promise<string | null>;
  /** The beginning of an ordinary file, at most `limit` bytes; null when it is anything else. No link is followed, and nobody's pipe or lease waited for. */
  readonly readOrdinary: (path: string, limit: number) => Promise<Buffer | null>;
  /** What a directory holds, a part at a time, with names as the bytes that they are: the sender makes them, and millions if it likes. */
  readonly entries: (directory: Path) => Promise<AsyncIterable<Dirent<Buffer>>>;
  readonly freeBytes: (path: string) => Promise<number>;
}

const NOT_THERE = ['ENOENT', 'ENOTDIR'];

/** Names as bytes; so many entries are read from the kernel at a time. */
const LISTING = { encoding: 'buffer' as BufferEncoding, bufferSize: 1024 };
/** 64-bit inode numbers do not fit in a double. */
const BIG = { bigint: true } as const;
/** O_NONBLOCK: else a pipe, or another process's lease (fcntl(2), F_SETLEASE), keeps whoever opens it waiting. */
export const ORDINARY: number = direct.constants.O_RDONLY | direct.constants.O_NOFOLLOW | direct.constants.O_NONBLOCK;
/** fsync(2), always on the thread pool: it waits for the disk. */
export const synchronize: (descriptor: number) => Promise<void> = promisify(direct.fsync);
const openInPool = promisify(direct.open);
const closeInPool = promisify(direct.close);
const writeInPool = promisify(direct.writeFile);

/** For a call that may take long wherever it is. */
export const IN_POOL: FileCalls = {
  inspect: (path) => unlessErrno(NOT_THERE, () => pool.lstat(path, BIG)),
  access: (path, mode) => pool.access(path, mode),
  makeDirectory: async (path, mode) => {
    await pool.mkdir(path, { mode });
  },
  rename: (from, to) => pool.rename(from, to),
  link: (existing, name) => pool.link(existing, name),
  unlink: async (path) => removedUnlessNull(await unlessErrno(['ENOENT'], () => pool.unlink(path))),
  removeDirectory: (path) => pool.rmdir(path),
  open: (path, flags, mode) => openInPool(path, flags, mode),
  close: (descriptor) => closeInPool(descriptor),
  write: (descriptor, text) => writeInPool(descriptor, text),
  read: (path) => unlessErrno(NOT_THERE, () => pool.readFile(path, 'utf8')),
  readOrdinary: async (path, limit) => {
    await using file = await pool.open(path, ORDINARY);
    const status = await file.stat();
    if (!status.isFile()) return null;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(status.size, limit)), { position: 0 });
    return buffer.subarray(0, bytesRead);
  },
  // The types know no directory that is read as bytes; Node does.
  entries: async (directory) => (await pool.opendir(directory, LISTING)) as unknown as AsyncIterable<Dirent<Buffer>>,
  freeBytes: async (path) => freeBytesOf(await pool.statfs(path)),
};

const AT_ONCE: FileCalls = {
  inspect: (path) => unlessErrno(NOT_THERE, () => atOnce(() => inspectAtOnce(path))),
  access: (path, mode) => atOnce(() => direct.accessSync(path, mode)),
  makeDirectory: (path, mode) =>
    atOnce(() => {
      direct.mkdirSync(path, { mode });
    }),
  rename: (from, to) => atOnce(() => direct.renameSync(from, to)),
  link: (existing, name) => atOnce(() => direct.linkSync(existing, name)),
  unlink: async (path) => {
    const entry = await atOnce(() => inspectAtOnce(path));
    if (entry === null) return 'not-there';
    if (entry.nlink === 1n) return IN_POOL.unlink(path);
    return removedUnlessNull(await unlessErrno(['ENOENT'], async () => direct.unlinkSync(path)));
  },
  removeDirectory: (path) => IN_POOL.removeDirectory(path),
  open: (path, flags, mode) => atOnce(() => direct.openSync(path, flags, mode)),
  close: (descriptor) => atOnce(() => direct.closeSync(descriptor)),
  write: (descriptor, text) => atOnce(() => direct.writeFileSync(descriptor, text)),
  // To look first costs less than an exception, and most records are not there.
  read: (path) =>
    unlessErrno(NOT_THERE, () =>
      atOnce(() => (inspectAtOnce(path) === null ? null : direct.readFileSync(path, 'utf8'))),
    ),
  readOrdinary: (path, limit) => atOnce(() => readOrdinaryAtOnce(path, limit)),
  entries: (directory) => atOnce(() => entriesOf(direct.opendirSync(directory, LISTING))),
  freeBytes: (path) => atOnce(() => freeBytesOf(direct.statfsSync(path))),
};

function removedUnlessNull(outcome: void | null): 'removed' | 'not-there' {
  return outcome === null ? 'not-there' : 'removed';
}

function inspectAtOnce(path: Path): BigIntStats | null {
  return direct.lstatSync(path, { ...BIG, throwIfNoEntry: false }) ?? null;
}

function readOrdinaryAtOnce(path: string, limit: number): Buffer | null {
  const descriptor = direct.openSync(path, ORDINARY);
  try {
    const status = direct.fstatSync(descriptor);
    if (!status.isFile()) return null;
    const buffer = Buffer.alloc(Math.min(status.size, limit));
    return buffer.subarray(0, direct.readSync(descriptor, buffer));
  } finally {
    direct.closeSync(descriptor);
  }
}

/** Between the parts the event loop may get its turn. */
async function* entriesOf(directory: Dir): AsyncGenerator<Dirent<Buffer>> {
  try {
    for (let entry = directory.readSync(); entry !== null; entry = await atOnce(() => directory.readSync())) {
      yield entry as unknown as Dirent<Buffer>;
    }
  } finally {
    directory.closeSync();
  }
}

function freeBytesOf({ bavail, bsize }: { readonly bavail: number; readonly bsize: number }): number {
  return bavail * bsize;
}

/** How to make calls about `path`. */
export function callsAt(path: Path): FileCalls {
  return nearnessOf(typeof path === 'string' ? path : path.toString()) === 'near' ? AT_ONCE : IN_POOL;
}

/** Milliseconds after which the event loop gets its turn: signals, timers, KMS, the status page. */
const LONGEST_TURN = 5;
let turnBegan = 0;

/** For a call that is short as long as the spool's file system is in order. */
export async function atOnce<T>(call: () => T): Promise<T> {
  if (performance.now() - turnBegan > LONGEST_TURN) await nextTurn();
  return call();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => {
      turnBegan = performance.now();
      resolve();
    });
  });
}
