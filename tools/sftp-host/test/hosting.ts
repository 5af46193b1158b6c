import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A directory on the sender's side, gone when the test ends. */
export function localDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sftp-sender-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** A file of random bytes, and those. */
export function writeRandomFile(directory: string, name: string | Buffer, size: number): Buffer {
  const content = randomBytes(size);
  writeFileSync(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name)]), content);
  return content;
}
