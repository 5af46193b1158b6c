/** The machine's own openssl program. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const MAXIMUM_OUTPUT = 64 * 1024 * 1024;

/** A directory that is removed after the test file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sealdrop-openssl-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface OpensslResult {
  readonly status: number | null;
  readonly output: Buffer;
  readonly errors: string;
}

export function runOpenssl(words: readonly string[], input: Uint8Array): OpensslResult {
  const { status, stdout, stderr, error } = spawnSync('openssl', words, { input, maxBuffer: MAXIMUM_OUTPUT });
  // A program that refuses its arguments does not wait for its input.
  if (error !== undefined && !('code' in error && error.code === 'EPIPE')) throw error;
  return { status, output: stdout, errors: stderr.toString('utf8') };
}

/** What `openssl enc FLAGS` makes of the input; fails when it does. */
export function opensslEnc(words: readonly string[], input: Uint8Array): Buffer {
  const { status, output, errors } = runOpenssl(['enc', ...words], input);
  if (status !== 0) throw new Error(`openssl enc ${words.join(' ')}: ${errors}`);
  return output;
}

export function writeKeyFile(directory: string, content: Uint8Array | string): string {
  const path = join(directory, 'key.bin');
  writeFileSync(path, content);
  return path;
}
