import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SftpHostError } from './sftp-host-error.ts';

const execFileAsync = promisify(execFile);

/** Where Debian has administrators' programs; sudo and cron may leave these out of PATH. */
const ADMINISTRATORS_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

const EXIT_CODE_NOT_FOUND = 'ENOENT';

/**
 * Runs a program of the system to its end and returns its stdout.
 * @throws SftpHostError `missing-program` or `command-failed`, with what the program said.
 */
export async function runCommand(program: string, ...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execFileAsync(program, args, { env: { PATH: ADMINISTRATORS_PATH, LC_ALL: 'C' } });
    return stdout;
  } catch (error) {
    const { code, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === EXIT_CODE_NOT_FOUND) throw new SftpHostError('missing-program', `${program} is not installed`);
    const reason = stderr.trim().replaceAll('\n', '; ') || `it ended with ${code}`;
    throw new SftpHostError('command-failed', `${program}: ${reason}`, { cause: error });
  }
}
