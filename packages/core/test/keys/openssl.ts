import { spawnSync } from 'node:child_process';

/** Runs the machine's own openssl; a failure stops the test with its words. */
export function openssl(directory: string, ...args: readonly string[]): Buffer {
  const { status, stdout, stderr, error } = spawnSync('openssl', args, { cwd: directory });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`openssl ${args.join(' ')} failed: ${stderr.toString()}`);
  return stdout;
}
