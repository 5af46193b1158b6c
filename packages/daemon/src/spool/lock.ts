import { createHash } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
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
  const path = realpathSync(root);
  const { dev, ino } = statSync(path, { bigint: true });
  const name = createHash('sha256').update(`${dev}:${ino}`).digest('hex');
  const server = createServer((socket) => socket.destroy());
  try {
    await listen(server, `\0sealdropd:${name}`);
  } catch (error) {
    if (errnoOf(error) !== 'EADDRINUSE') throw error;
    throw new SealdropError('already-exists', `${root}: another sealdropd owns this spool`, {
      hint: 'Stop the other daemon, or give this one a spool of its own.',
    });
  }
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
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
