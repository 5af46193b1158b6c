import * as direct from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { EnvelopeFile, EnvelopeFiles } from '@sealdrop/core';
import { atOnce, ORDINARY, synchronize } from './file-calls.ts';
import { nearnessOf } from './nearness.ts';

/** Bytes. To read or write more in one call may take long: cold pages come from the disk, and dirty ones must go there first. */
const SHORT = 64 * 1024;
const NEW = direct.constants.O_WRONLY | direct.constants.O_CREAT | direct.constants.O_EXCL;

const readInPool = promisify(direct.read);
const writeInPool = promisify(direct.write);

/** A file on the spool's file system. */
class NearFile implements EnvelopeFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  async read(buffer: Uint8Array, options: { readonly position: number | null }) {
    if (buffer.length > SHORT) return readInPool(this.#descriptor, buffer, 0, buffer.length, options.position);
    return { bytesRead: await atOnce(() => direct.readSync(this.#descriptor, buffer, options)) };
  }

  async write(bytes: Uint8Array) {
    if (bytes.length > SHORT) return writeInPool(this.#descriptor, bytes);
    return { bytesWritten: await atOnce(() => direct.writeSync(this.#descriptor, bytes)) };
  }

  sync(): Promise<void> {
    return synchronize(this.#descriptor);
  }

  close(): Promise<void> {
    return atOnce(() => direct.closeSync(this.#descriptor));
  }
}

/** For opening envelopes: members and part files that lie on the spool's file system are reached at once, as far as that is short. */
export const ENVELOPE_FILES: EnvelopeFiles = {
  open: async (path, flags, mode) => {
    if (nearnessOf(path) === 'far') return open(path, flags, mode);
    return new NearFile(await atOnce(() => direct.openSync(path, flags === 'r' ? ORDINARY : NEW, mode)));
  },
  stat: async (path) => (nearnessOf(path) === 'far' ? stat(path) : atOnce(() => direct.statSync(path))),
};
