import { createHash } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { SealdropError } from '@sealdrop/core';
import { errnoOf } from './durable.ts';

/** Held for as long as a daemon owns a spool. */
export interface SpoolLock {
  release(): Promise<void>;
}

/**
 * Makes this process the spool's only owner. The lock is a listening socket in Linux's abstract namespace (unix(7)): it has no file, and the kernel frees
 * it with the process, however that ends.
 * @throws SealdropError `already-exists` when another daemon owns the spool
 */
export async function lockSpool(root: string): Promise<SpoolLock> {
  const server = createServer((socket) => socket.destroy());
  try {
    await listen(server, socketName(root));
  } catch (error) {
    if (errnoOf(error) !== 'EADDRINUSE') throw error;
    throw new SealdropError('already-exists', `${root}: another sealdropd owns this spool`, {
      hint: 'Stop the other daemon, or give this one a spool of its own.',
    });
  }
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** Whether some daemon owns the spool now; takes nothing from it. */
export async function isSpoolOwned(root: string): Promise<boolean> {
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
