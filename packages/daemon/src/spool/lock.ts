import { createHash } from 'node:crypto';
import { closeSync, openSync, realpathSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SealdropError } from '@sealdrop/core';
import { errnoOf } from './durable.ts';

const LOCK = 'lock';
const PRIVATE_FILE = 0o600;
/** ms; Node's SQLite blocks the event loop meanwhile, and nothing has begun yet. */
const BUSY_TIMEOUT = 2000;
/** https://sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;

/** Held for as long as a daemon owns a spool. */
export interface SpoolLock {
  release(): Promise<void>;
}

/**
 * Makes this process the spool's only owner. The lock is a listening socket in Linux's abstract namespace (unix(7)): it has no file, and the kernel frees
 * it with the process, however that ends. So does it a lock on a file: of a network namespace, which each container has to itself, others cannot see the sockets.
 * @throws SealdropError `already-exists` when another daemon owns the spool
 */
export async function lockSpool(root: string): Promise<SpoolLock> {
  const server = createServer((socket) => socket.destroy());
  try {
    await listen(server, socketName(root));
  } catch (error) {
    if (errnoOf(error) === 'EADDRINUSE') throw ownedByAnother(root);
    throw error;
  }
  server.unref();
  const file = lockFile(join(root, LOCK));
  if (file === 'taken') {
    server.close();
    throw ownedByAnother(root);
  }
  const release = async (): Promise<void> => {
    file?.close();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  };
  return { release };
}

function ownedByAnother(root: string): SealdropError {
  return new SealdropError('already-exists', `${root}: another sealdropd owns this spool`, {
    hint: 'Stop the other daemon, or give this one a spool of its own.',
  });
}

/**
 * Node has no file locks of its own, SQLite does (fcntl(2), F_SETLK). They go with the first descriptor of the file that this process closes: nobody else may open it.
 * @returns null where files cannot be locked, as on a disk that turned read-only: there the socket has to do
 */
function lockFile(path: string): DatabaseSync | 'taken' | null {
  let database: DatabaseSync | null = null;
  try {
    closeSync(openSync(path, 'a', PRIVATE_FILE));
    // Whoever only looks whether it is locked holds it for a moment.
    database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT });
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    return isBusy(error) ? 'taken' : null;
  }
}

function isFileLocked(path: string): boolean {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(path, { readOnly: true });
    database.exec('SELECT count(*) FROM sqlite_schema');
    return false;
  } catch (error) {
    return isBusy(error);
  } finally {
    database?.close();
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

/** Whether some daemon owns the spool now; takes nothing from it. */
export async function isSpoolOwned(root: string): Promise<boolean> {
  return (await isSocketTaken(root)) || isFileLocked(join(root, LOCK));
}

async function isSocketTaken(root: string): Promise<boolean> {
  const socket = connect({ path: socketName(root) });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function socketName(root: string): string {
  const { dev, ino } = statSync(realpathSync(root), { bigint: true });
  return `\0sealdropd:${createHash('sha256').update(`${dev}:${ino}`).digest('hex')}`;
}

function listen(server: Server, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(name, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}
