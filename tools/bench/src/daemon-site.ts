/** sealdropd at work in a folder of its own: a landing, a spool, a delivery directory. */
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** As `npm run build` leaves it. */
const SEALDROPD = [join(import.meta.dirname, '../../../packages/daemon/bin/sealdropd.js')];

export interface SiteOptions {
  /** Where its folder is made. */
  readonly parent: string;
  /** As the configuration's `keys` name it; none for a local key. */
  readonly key?: string | undefined;
  /** PEM of the local key. */
  readonly privateKey?: string | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Of the configuration's top level. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /** Node's arguments that run the daemon. */
  readonly program?: readonly string[] | undefined;
}

export class DaemonSite {
  readonly directory: string;
  readonly landing: string;
  readonly delivery: string;
  readonly spool: string;
  readonly #options: SiteOptions;

  constructor(options: SiteOptions) {
    this.#options = options;
    this.directory = mkdtempSync(join(options.parent, 'sealdropd-bench-'));
    [this.landing, this.delivery, this.spool] = ['landing', 'delivery', 'spool'].map((name) => {
      const path = join(this.directory, name);
      mkdirSync(path, { mode: 0o700 });
      return path;
    }) as [string, string, string];
    const keyFile = join(this.directory, 'key.pem');
    writeFileSync(keyFile, options.privateKey ?? '', { mode: 0o600 });
    writeFileSync(this.#configuration, this.#settings(options.key ?? `file:${keyFile}`));
  }

  get #configuration(): string {
    return join(this.directory, 'sealdropd.yaml');
  }

  #settings(key: string): string {
    // The copies of a mold share their wrapped key.
    const landing = { name: 'acme', directory: this.landing, delivery: this.delivery, replay: 'allow' };
    return `${JSON.stringify({ spool: this.spool, keys: [key], landings: [landing], status: 'off', ...this.#options.settings })}\n`;
  }

  start(): RunningDaemon {
    const { environment = {}, program = SEALDROPD } = this.#options;
    const words = [...program, 'run', '--config', this.#configuration];
    return new RunningDaemon(spawn(process.execPath, words, { env: { ...process.env, ...environment }, stdio: PIPES }));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const PIPES: StdioOptions = ['ignore', 'pipe', 'inherit'];
const NEWLINE = 0x0a;
const DELIVERED = '"message":"delivered"';
const READY = '"message":"ready"';

/** Counts what the log says was delivered; the lines themselves are not kept. */
export class RunningDaemon {
  readonly pid: number;
  readonly began = performance.now();
  readonly #child: ChildProcess;
  readonly #changed = new EventTarget();
  /** What is no delivery and not the daemon's ordinary talk. */
  readonly #troubles: string[] = [];
  #delivered = 0;
  /** Milliseconds from the start to the first and to the latest delivery, without pauses. */
  #times = { first: 0, latest: 0 };
  /** Milliseconds. */
  #paused = 0;
  #ended = false;
  #isReady = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    let rest = Buffer.alloc(0);
    child.stdout?.on('data', (chunk: Buffer) => {
      const bytes = Buffer.concat([rest, chunk]);
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      rest = bytes.subarray(end);
      this.#read(bytes.toString('utf8', 0, end));
    });
    child.on('exit', () => {
      this.#ended = true;
      this.#changed.dispatchEvent(new Event('news'));
    });
  }

  #read(lines: string): void {
    const count = lines.split(DELIVERED).length - 1;
    this.#isReady ||= lines.includes(READY);
    this.#troubles.push(...lines.split('\n').filter((line) => /"level":"(warn|error)"/.test(line)));
    const now = performance.now() - this.began - this.#paused;
    if (count > 0) this.#times = { first: this.#delivered === 0 ? now : this.#times.first, latest: now };
    this.#delivered += count;
    this.#changed.dispatchEvent(new Event('news'));
  }

  get delivered(): number {
    return this.#delivered;
  }

  get isRunning(): boolean {
    return !this.#ended;
  }

  get troubles(): readonly string[] {
    return this.#troubles;
  }

  get times(): { readonly first: number; readonly latest: number } {
    return this.#times;
  }

  /** @throws Error when the daemon ends before, with what it complained of */
  async hasDelivered(count: number): Promise<void> {
    await this.#until(() => this.#delivered >= count);
  }

  /** All that was there at the start has been seen, and claimed where it was ready. */
  async hasScanned(): Promise<void> {
    await this.#until(() => this.#isReady);
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      if (this.#ended)
        throw new Error(`sealdropd ended after ${this.#delivered} envelopes: ${this.#troubles.join('\n')}`);
      await once(this.#changed, 'news');
    }
  }

  /** Stops the process for as long as other work takes; what it says at the end of that may be given the time of it, too. */
  async whilePaused<Result>(work: () => Promise<Result>): Promise<Result> {
    const began = performance.now();
    this.#child.kill('SIGSTOP');
    try {
      return await work();
    } finally {
      this.#child.kill('SIGCONT');
      this.#paused += performance.now() - began;
    }
  }

  /** Bytes: the most memory it held, and what it holds now (proc_pid_status(5)). */
  get memory(): { readonly peak: number; readonly now: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
    return { peak: field('VmHWM') * 1024, now: field('VmRSS') * 1024 };
  }

  /** @returns its exit status */
  async stop(): Promise<number | null> {
    if (!this.#ended) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await exited;
    }
    return this.#child.exitCode;
  }
}
