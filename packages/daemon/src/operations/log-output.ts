import { type SealdropError, toSealdropError } from '@sealdrop/core';
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';

const STDOUT = 1;
const NEWLINE = '\n';

/** Told when lines can be written again: how many were lost, and why the last of them was. */
export type OnLost = (count: number, reason: SealdropError) => void;

/** Standard output, for the log: a disk that is full, or a reader that is gone, costs lines and never the daemon. */
export function logOutput(onLost: OnLost): Writable {
  const { stdout } = process;
  if (!(stdout instanceof Socket)) return new LogFile(onLost);
  // A reader that is gone does not come back to this pipe: from here on the stream drops what it is given.
  stdout.on('error', () => undefined);
  return stdout;
}

/** Node's own stream for a file is done with it at the first error; a disk may have room again. */
class LogFile extends Writable {
  readonly #onLost: OnLost;
  #lost = 0;
  #reason: SealdropError | null = null;
  /** What is before the next line: the start of one that was cut off must not be joined to it. */
  #before = '';

  constructor(onLost: OnLost) {
    super({ decodeStrings: false });
    this.#onLost = onLost;
  }

  override _write(line: string | Uint8Array, _: BufferEncoding, done: () => void): void {
    try {
      this.#writeWhole(Buffer.from(this.#before + line.toString()));
      this.#before = '';
      this.#tellLost();
    } catch (error) {
      this.#lost += 1;
      this.#reason = toSealdropError(error, 'standard output');
    }
    done();
  }

  #writeWhole(bytes: Buffer): void {
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(STDOUT, bytes, written);
      this.#before = NEWLINE;
    }
  }

  #tellLost(): void {
    const [count, reason] = [this.#lost, this.#reason];
    this.#lost = 0;
    this.#reason = null;
    if (reason !== null) this.#onLost(count, reason);
  }
}
