/** How the files of an envelope are reached. */
import { open, stat } from 'node:fs/promises';

/** An open file; a `FileHandle` of node:fs/promises is one. */
export interface EnvelopeFile {
  /** `position` null: from where the last such read ended. */
  read(buffer: Uint8Array, options: { readonly position: number | null }): Promise<{ readonly bytesRead: number }>;
  write(bytes: Uint8Array): Promise<{ readonly bytesWritten: number }>;
  /** fsync(2). */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What is asked of a file system, with the errors of node:fs. */
export interface EnvelopeFiles {
  /** `wx`: a new file, with these permissions. */
  open(path: string, flags: 'r' | 'wx', mode?: number): Promise<EnvelopeFile>;
  /** Follows symbolic links. */
  stat(path: string): Promise<{ readonly size: number; isFile(): boolean; isDirectory(): boolean }>;
}

/** Through libuv's thread pool: nothing else in the process waits for a disk. */
export const POOLED_FILES: EnvelopeFiles = { open, stat };
