import { execFile, spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { KmsEmulator } from '../src/index.ts';

const execFileAsync = promisify(execFile);

/** Debian's comes first: an `aws` of a Python version manager may stand before it on PATH and not run. */
const DEBIAN_AWS = '/usr/bin/aws';

/**
 * The AWS command line.
 * @throws Error with the cure when there is none that runs.
 */
function findAws(): string {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'aws'));
  const found = [DEBIAN_AWS, ...onPath].find((file) => spawnSync(file, ['--version']).status === 0);
  if (found === undefined) throw new Error('no aws command that runs: apt-get install awscli');
  return found;
}

const aws = findAws();

export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a shell script in `directory` in which `aws` is the AWS command line, told of the emulator: by `--endpoint-url`,
 * since versions before 2.13 do not read AWS_ENDPOINT_URL_KMS. Any failing command of the script ends it.
 */
export async function runScript(kms: KmsEmulator, directory: string, script: string): Promise<Finished> {
  const prelude = `set -eu; aws() { '${aws}' --endpoint-url '${kms.endpoint}' "$@"; }`;
  const environment = { PATH: process.env['PATH'] ?? '', HOME: directory, ...kms.environment };
  try {
    const options = { cwd: directory, env: environment };
    const { stdout, stderr } = await execFileAsync('sh', ['-c', `${prelude}\n${script}`], options);
    return { status: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Error & { code?: unknown; stdout: string; stderr: string };
    if (typeof code !== 'number') throw error;
    return { status: code, stdout, stderr };
  }
}
