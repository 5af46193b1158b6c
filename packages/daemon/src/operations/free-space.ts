import { SealdropError } from '@sealdrop/core';
import { askSoon, doesNotAnswer, SILENT } from '../spool/answering.ts';
import { unlessErrno } from '../spool/errno.ts';
import { callsAt, IN_POOL } from '../spool/file-calls.ts';
import type { Health } from './health.ts';
import type { Logger } from './logger.ts';

export interface FreeSpaceOptions {
  readonly health: Health;
  readonly logger: Logger;
}

const NOTHING_THERE = ['ENOENT', 'EACCES', 'EIO', 'ESTALE'];

/** Bytes that an ordinary user may still write where `path` lies; null where there is nothing. */
export async function freeSpaceAt(path: string): Promise<number | null> {
  return unlessErrno(NOTHING_THERE, () => IN_POOL.freeBytes(path));
}

/**
 * A sparse payload costs its sender nothing: to learn at its end that the plaintext has no room would fill the disk for everybody, again at each try.
 * @throws SealdropError `disk-full`
 */
export async function checkRoom(directory: string, bytes: number): Promise<void> {
  const free = await unlessErrno(NOTHING_THERE, () => callsAt(directory).freeBytes(directory));
  if (free === null || free >= bytes) return;
  throw new SealdropError('disk-full', `${directory}: ${free} bytes are free; the plaintext needs about ${bytes}`, {
    hint: 'Make room; it goes on by itself. Or lower maximumPayloadSize of the landing, and larger payloads are quarantined.',
    details: { free, bytes },
  });
}

/** Knows which directories have less space free than the configuration wants. */
export class FreeSpace {
  readonly #options: FreeSpaceOptions;
  #low = new Set<string>();

  constructor(options: FreeSpaceOptions) {
    this.#options = options;
  }

  /** Whether all of these directories had enough when last looked at. */
  enough(...paths: readonly string[]): boolean {
    return paths.every((path) => !this.#low.has(path));
  }

  /** Looks again. @returns whether some directory has enough again that had not */
  async look(paths: readonly string[], minimum: number): Promise<'as-before' | 'mended'> {
    const before = this.#low;
    const low = new Set<string>();
    const look = async (path: string): Promise<void> => {
      const free = await askSoon(path, () => freeSpaceAt(path));
      const error = free === SILENT ? doesNotAnswer(path) : shortage(path, free, minimum);
      if (error !== null) low.add(path);
      this.#tell(path, error);
    };
    await Promise.all([...new Set(paths)].map((path) => look(path)));
    for (const path of before) if (!paths.includes(path)) this.#options.health.forget(`disk:${path}`);
    this.#low = low;
    return [...before].some((path) => !low.has(path)) ? 'mended' : 'as-before';
  }

  #tell(path: string, error: SealdropError | null): void {
    const { health, logger } = this.#options;
    if (health.report(`disk:${path}`, error) === 'same') return;
    if (error === null) logger.info('enough free space again', { stage: 'disk', directory: path });
    else {
      const { code, message, hint } = error;
      const what = code === 'disk-full' ? 'too little free space' : 'a file system does not answer';
      logger.warn(`${what}; nothing new is claimed`, { stage: 'disk', code, reason: message, hint });
    }
  }
}

function shortage(path: string, free: number | null, minimum: number): SealdropError | null {
  if (free === null || free >= minimum) return null;
  return new SealdropError('disk-full', `${path}: ${free} bytes are free, less than minimumFreeSpace (${minimum})`, {
    hint: 'Make room, or lower minimumFreeSpace; claiming goes on by itself.',
    details: { free, minimum },
  });
}
