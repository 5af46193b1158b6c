import { SealdropError } from '@sealdrop/core';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** systemd-notify itself waits at most 5 s for systemd to take note (sd_notify_barrier(3)). */
const NOTIFY_TIMEOUT = 10_000;
const LONGEST_STATUS = 200;
const PINGS_PER_PERIOD = 3;

export interface ServiceManagerOptions {
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Told once when systemd cannot be told anything; nothing is ever thrown. */
  readonly onFault: (error: SealdropError) => void;
}

export interface WatchdogOptions {
  /** Whether the pipeline moved or is idle. While it says no, systemd hears nothing, and restarts the daemon in the end. */
  readonly alive: () => boolean;
  /** Told once each time that `alive` begins to say no. */
  readonly onStuck: () => void;
}

/**
 * Tells systemd how the service is (sd_notify(3)); without `NOTIFY_SOCKET` every call does nothing. Node.js has no datagram sockets of
 * AF_UNIX, so each message is one run of systemd-notify(1), which speaks in the name of its parent or needs `NotifyAccess=all`, and
 * waits until systemd has read it. Messages go out in order.
 */
export class ServiceManager {
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #onFault: (error: SealdropError) => void;
  #sending: Promise<void> = Promise.resolve();
  #waiting = 0;
  #faultTold = false;

  constructor({ environment = process.env, onFault }: ServiceManagerOptions) {
    this.#environment = environment;
    this.#onFault = onFault;
  }

  /** `Type=notify`: started up. Also the end of a reload. */
  ready(status: string): Promise<void> {
    return this.#send('READY=1', `STATUS=${oneLine(status)}`);
  }

  /** The reload that `ready` ends. `Type=notify-reload` wants the time on CLOCK_MONOTONIC, which is what hrtime reads. */
  reloading(): Promise<void> {
    return this.#send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): Promise<void> {
    return this.#send('STOPPING=1');
  }

  /** One line for `systemctl status`. */
  status(status: string): Promise<void> {
    return this.#send(`STATUS=${oneLine(status)}`);
  }

  /**
   * Pings at a third of `WATCHDOG_USEC`; does nothing where systemd asked for no watchdog.
   * @returns stops it
   */
  startWatchdog({ alive, onStuck }: WatchdogOptions): () => void {
    const period = watchdogPeriod(this.#environment);
    if (period === null || this.#socket === undefined) return () => {};
    let stuck = false;
    const ping = (): void => {
      const wasStuck = stuck;
      stuck = !alive();
      if (stuck && !wasStuck) onStuck();
      // One that waits behind others says the same as the next would.
      if (!stuck && this.#waiting === 0) void this.#send('WATCHDOG=1');
    };
    ping();
    const timer = setInterval(ping, period / PINGS_PER_PERIOD);
    timer.unref();
    return () => clearInterval(timer);
  }

  get #socket(): string | undefined {
    return this.#environment['NOTIFY_SOCKET'];
  }

  #send(...assignments: readonly string[]): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined || socket === '') return Promise.resolve();
    this.#waiting += 1;
    this.#sending = this.#sending.then(async () => {
      await this.#notify(socket, assignments);
      this.#waiting -= 1;
    });
    return this.#sending;
  }

  async #notify(socket: string, assignments: readonly string[]): Promise<void> {
    const env = { PATH: this.#environment['PATH'] ?? '/usr/bin:/bin', NOTIFY_SOCKET: socket };
    try {
      await run('systemd-notify', [...assignments], { env, timeout: NOTIFY_TIMEOUT });
      this.#faultTold = false;
    } catch (error) {
      if (this.#faultTold) return;
      this.#faultTold = true;
      this.#onFault(notToldError(error));
    }
  }
}

function notToldError(error: unknown): SealdropError {
  const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
  const stderr = error instanceof Error && 'stderr' in error ? oneLine(String(error.stderr)) : '';
  return new SealdropError(
    missing ? 'not-found' : 'io-error',
    `systemd-notify: ${missing ? 'not installed' : stderr || 'failed'}: systemd does not hear that the service is ready or alive`,
    {
      hint: missing ? 'install the package systemd, or run the service with Type=exec and no WatchdogSec' : undefined,
      cause: error,
    },
  );
}

/** ms; null where no watchdog is asked for, or one for another process. */
function watchdogPeriod(environment: Readonly<Record<string, string | undefined>>): number | null {
  const pid = environment['WATCHDOG_PID'];
  if (pid !== undefined && pid !== String(process.pid)) return null;
  const microseconds = Number(environment['WATCHDOG_USEC']);
  return Number.isSafeInteger(microseconds) && microseconds > 0 ? microseconds / 1000 : null;
}

/** A line break would begin another assignment. */
function oneLine(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, LONGEST_STATUS);
}
