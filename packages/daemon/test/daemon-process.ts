/** Runs the real program as a child process and waits for what it says. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

const MAIN = join(import.meta.dirname, '../src/main.ts');
const PROGRAM = ['--conditions=@sealdrop/source', MAIN];
const DEADLINE = 60_000;
/** Tests start the program a hundred times: it need not strip the same types each time. */
const COMPILE_CACHE = { NODE_COMPILE_CACHE: join(tmpdir(), 'sealdropd-test-compile-cache') };

export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface Transcript {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command that ends by itself. */
export function sealdropd(...words: readonly string[]): Transcript {
  return sealdropdWrapped(['env'], ...words);
}

/** The same by a program with its first arguments, like `unshare --net`. */
export function sealdropdWrapped([wrapper = '', ...first]: readonly string[], ...words: readonly string[]): Transcript {
  const { status, stdout, stderr } = spawnSync(wrapper, [...first, process.execPath, ...PROGRAM, ...words], {
    encoding: 'utf8',
    env: { ...COMPILE_CACHE, ...process.env },
  });
  return { status, stdout, stderr };
}

/** The same, without holding up this process: it may serve what the command asks for. */
export async function sealdropdInBackground(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Transcript> {
  const env = { ...COMPILE_CACHE, ...process.env, ...environment };
  const child = spawn(process.execPath, [...PROGRAM, ...words], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { status: child.exitCode, stdout, stderr };
}

type Signal = 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGKILL';

type Wanted = Partial<Record<string, unknown>> | ((line: LogLine) => boolean);

function matches(line: LogLine, wanted: Wanted): boolean {
  if (typeof wanted === 'function') return wanted(line);
  return Object.entries(wanted).every(([field, value]) => JSON.stringify(line[field]) === JSON.stringify(value));
}

/** A running `sealdropd run`. */
export class DaemonProcess {
  readonly lines: LogLine[] = [];
  /** The same as it came. */
  readonly raw: string[] = [];
  readonly stderr: Promise<string>;
  #complaints = '';
  #hasEnded = false;
  readonly #child: ChildProcess;
  readonly #exited: Promise<{ readonly status: number | null; readonly signal: string | null }>;
  readonly #listeners = new Set<() => void>();

  /** @param wrapper a program with its first arguments that runs the daemon, like `setpriv` */
  constructor(configFile: string, environment: Readonly<Record<string, string>> = {}, wrapper: readonly string[] = []) {
    const command = [process.execPath, ...PROGRAM, 'run', '--config', configFile];
    const [program, ...words] = wrapper.length === 0 ? command : [...wrapper, ...command];
    const child = spawn(program ?? process.execPath, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...COMPILE_CACHE, ...process.env, ...environment },
    });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.#complaints += chunk;
      this.#tell();
    });
    const reader = createInterface({ input: child.stdout });
    reader.on('line', (line) => {
      this.raw.push(line);
      this.lines.push(JSON.parse(line) as LogLine);
      this.#tell();
    });
    const ended = Promise.all([once(child, 'close'), once(reader, 'close')]);
    this.stderr = ended.then(() => this.#complaints);
    this.#exited = ended.then(() => {
      this.#hasEnded = true;
      this.#tell();
      return { status: child.exitCode, signal: child.signalCode };
    });
  }

  /** Starts the daemon and waits until it is ready. */
  static async start(configFile: string, environment?: Readonly<Record<string, string>>): Promise<DaemonProcess> {
    const daemon = new DaemonProcess(configFile, environment);
    await daemon.saying({ message: 'ready' });
    return daemon;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  said(wanted: Wanted): readonly LogLine[] {
    return this.lines.filter((line) => matches(line, wanted));
  }

  /** The `count`th line that matches, as soon as it was said. Each that comes before it is a sign of life and gives the next one its time. */
  async saying(wanted: Wanted, count = 1): Promise<LogLine> {
    let deadline = AbortSignal.timeout(DEADLINE);
    let before = 0;
    for (;;) {
      const found = this.said(wanted);
      const last = found[count - 1];
      if (last !== undefined) return last;
      if (found.length > before) deadline = AbortSignal.timeout(DEADLINE);
      before = found.length;
      if (deadline.aborted || this.#hasEnded) break;
      await this.#news(deadline);
    }
    const log = this.lines.map((line) => JSON.stringify(line)).join('\n');
    throw new Error(
      `never said ${typeof wanted === 'function' ? String(wanted) : JSON.stringify(wanted)}; it said:\n${log}\n${this.#complaints}`,
    );
  }

  /** Waits until a fault strikes, like `claim.rename:hang` (`fault-points.ts`). */
  async struck(fault: string): Promise<void> {
    const deadline = AbortSignal.timeout(DEADLINE);
    while (!this.#complaints.includes(`fault ${fault}\n`)) {
      if (deadline.aborted || this.#hasEnded)
        throw new Error(`${fault} never struck; it complained:\n${this.#complaints}`);
      await this.#news(deadline);
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #news(deadline: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const listener = (): void => {
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
      deadline.addEventListener('abort', listener, { once: true });
    });
  }

  signal(name: Signal): void {
    this.#child.kill(name);
  }

  exited(): Promise<{ readonly status: number | null; readonly signal: string | null }> {
    return this.#exited;
  }

  /** SIGTERM, and the exit status. */
  async stop(): Promise<number | null> {
    this.signal('SIGTERM');
    return (await this.#exited).status;
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#exited;
  }
}
