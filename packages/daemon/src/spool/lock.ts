import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync, realpathSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { SealdropError } from '@sealdrop/core';
import { errnoOf } from './errno.ts';

/** What flock(1) ends with when somebody else has the lock. */
const TAKEN = 1;

/** Held for as long as a daemon owns a spool. */
export interface SpoolLock {
  release(): Promise<void>;
}

/**
 * Makes this process the spool's only owner. The lock is a listening socket in Linux's abstract namespace (unix(7)): it has no file, and the kernel frees
 * it with the process, however that ends. So does it a lock on the directory: of a network namespace, which each container has to itself, others cannot see the sockets.
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
  const file = lockDirectory(root);
  if (file === 'taken') {
    server.close();
    throw ownedByAnother(root);
  }
  const release = async (): Promise<void> => {
    if (file !== null) closeSync(file);
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
 * Locks the spool's directory by flock(2). Node has no such call, flock(1) of util-linux does: the lock belongs to the open directory, which that program is
 * handed and this process keeps. Nothing is open for writing, so the disk can still be remounted.
 * @returns the descriptor; null where that program is missing: there the socket has to do
 */
function lockDirectory(root: string): number | 'taken' | null {
  const directory = openSync(root, 'r');
  const { status } = spawnSync('flock', ['--nonblock', '3'], { stdio: ['ignore', 'ignore', 'ignore', directory] });
  if (status === 0) return directory;
  closeSync(directory);
  return status === TAKEN ? 'taken' : null;
}

function isDirectoryLocked(root: string): boolean {
  const lock = lockDirectory(root);
  if (typeof lock === 'number') closeSync(lock);
  return lock === 'taken';
}

/** Whether some daemon owns the spool now; takes nothing from it. */
export async function isSpoolOwned(root: string): Promise<boolean> {
  return (await isSocketTaken(root)) || isDirectoryLocked(root);
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
