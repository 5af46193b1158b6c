/** Synchronous reads and writes for threads that do nothing else; failures name the file. */
import { readSync, writeSync } from 'node:fs';
import { SealdropError, toSealdropError } from '../errors.ts';

/** A file that some thread of the process holds open. */
export interface OpenFile {
  readonly descriptor: number;
  /** For messages. */
  readonly name: string;
}

/** Fills the buffer from the file's byte `position` on; less only at the end of the file. */
export function readAt({ descriptor, name }: OpenFile, buffer: Uint8Array, position: number): number {
  try {
    let length = 0;
    while (length < buffer.length) {
      const count = readSync(descriptor, buffer, length, buffer.length - length, position + length);
      if (count === 0) break;
      length += count;
    }
    return length;
  } catch (error) {
    throw toSealdropError(error, name);
  }
}

/** @throws SealdropError `hostile-file` when the file has become shorter than it was */
export function readExactlyAt(file: OpenFile, buffer: Uint8Array, position: number): void {
  const length = readAt(file, buffer, position);
  if (length < buffer.length) throw changedWhileRead(file, { size: position + length });
}

export function changedWhileRead(
  { name }: Pick<OpenFile, 'name'>,
  details: Readonly<Record<string, number>>,
): SealdropError {
  return new SealdropError('hostile-file', `${name}: changed while it was read`, {
    hint: 'it is perhaps still being uploaded: try again when it stands still',
    details,
  });
}

/** write(2) may write less than it was given. */
export function writeAt({ descriptor, name }: OpenFile, bytes: Uint8Array, position: number): void {
  try {
    let length = 0;
    while (length < bytes.length) {
      length += writeSync(descriptor, bytes, length, bytes.length - length, position + length);
    }
  } catch (error) {
    throw toSealdropError(error, name);
  }
}
