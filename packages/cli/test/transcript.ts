/** Runs the real program as a child process in a folder of its own, and says what it said and left behind. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

const MAIN = join(import.meta.dirname, '../src/main.ts');
/** `node` with these arguments is `sealdrop`, without a build. */
export const PROGRAM: readonly string[] = ['--conditions=@sealdrop/source', MAIN];

export interface Transcript {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  /** On top of an environment without AWS settings, colour or keys. */
  readonly env?: Readonly<Record<string, string>>;
}

export class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), 'sealdrop-cli-'));

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): Buffer {
    return readFileSync(this.path(name));
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(this.path(name), content);
  }

  /** Every file, hidden ones too, with its path from the folder; sorted. */
  files(under = '.'): readonly string[] {
    const entries = readdirSync(this.path(under), { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.folder.length + 1))
      .toSorted();
  }

  /** Runs the machine's openssl. */
  openssl(...args: readonly string[]): Buffer {
    return execFileSync('openssl', args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'ignore'] });
  }

  /** Runs a line of shell, as a sender would. */
  shell(line: string): string {
    return execFileSync('sh', ['-ec', line], { cwd: this.folder, stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  }

  environment(): Record<string, string> {
    // No instance metadata, no config files: what a test does not set is not there.
    return { PATH: process.env['PATH'] ?? '', HOME: this.folder, AWS_EC2_METADATA_DISABLED: 'true' };
  }

  start(args: readonly string[], options: RunOptions = {}): ChildProcess {
    return spawn(process.execPath, [...PROGRAM, ...args], {
      cwd: this.folder,
      env: { ...this.environment(), ...options.env },
    });
  }

  async sealdrop(args: readonly string[], options: RunOptions = {}): Promise<Transcript & { readonly bytes: Buffer }> {
    const child = this.start(args, options);
    // A program that ends without reading all its input is one of the cases.
    child.stdin?.on('error', () => {}).end(options.stdin ?? '');
    return finish(child);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits for the end of a started program. */
export async function finish(child: ChildProcess): Promise<Transcript & { readonly bytes: Buffer }> {
  if (child.stdout === null || child.stderr === null) throw new Error('started without pipes');
  const { promise, resolve, reject } = Promise.withResolvers<readonly [number | null, string | null]>();
  child.once('error', reject).once('close', (status, signal) => resolve([status, signal]));
  const [bytes, stderr, [status, signal]] = await Promise.all([buffer(child.stdout), buffer(child.stderr), promise]);
  return { status, signal, bytes, stdout: bytes.toString(), stderr: stderr.toString() };
}

/** What a test of words compares: exact status, stdout and stderr. */
export function said({ status, stdout, stderr }: Transcript): readonly [number | null, string, string] {
  return [status, stdout, stderr];
}
