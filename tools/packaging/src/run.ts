import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Runs a program; a failure carries what it said. */
export async function run(command: string, words: readonly string[], directory?: string): Promise<string> {
  const { stdout } = await promisify(execFile)(command, words, { cwd: directory, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}
