import { EXIT } from './exit-status.ts';

/** Exit statuses as a shell reports them: 128 + the signal's number (signal(7)). */
const SIGNAL_STATUS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
const SIGNALS = Object.keys(SIGNAL_STATUS) as readonly (keyof typeof SIGNAL_STATUS)[];
const SIGPIPE_STATUS = 141;

export interface InterruptionReason {
  readonly exitStatus: number;
  /** Null when there is nobody to tell. */
  readonly message: string | null;
}

export interface Interruption {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP, and when standard output fails. */
  readonly signal: AbortSignal;
  /** Null while nothing has interrupted. */
  reason(): InterruptionReason | null;
  /** To be called when all is cleaned up: what then still keeps the process is a system call that no signal ends. */
  cleanedUp(): void;
}

/** Milliseconds for removing partial files; only a call that nobody can end takes longer. */
const LONGEST_CLEANUP = 10_000;
/** Milliseconds in which a process that only waits for threads to close is gone by itself, with its exit status. */
const LONGEST_FAREWELL = 500;

/**
 * Ends the process by the signal's own default, should it still be there then. Opening a named pipe waits for its other end in a
 * thread that even `process.exit` waits for.
 */
function endBy(name: NodeJS.Signals, milliseconds: number): void {
  const end = (): void => {
    process.removeAllListeners(name);
    process.kill(process.pid, name);
  };
  setTimeout(end, milliseconds).unref();
}

function outputFailure(error: NodeJS.ErrnoException): InterruptionReason {
  // Whoever read the output has seen enough; that is no fault (`sealdrop … | head`).
  if (error.code === 'EPIPE') return { exitStatus: SIGPIPE_STATUS, message: null };
  return { exitStatus: EXIT.ioError, message: `standard output cannot be written: ${error.message}` };
}

/**
 * Lets the first signal end the work in good order, so that no partial file stays; a second one of its kind then kills at once,
 * as nobody listens to it any more.
 */
export function watchInterruption(): Interruption {
  const controller = new AbortController();
  let first: InterruptionReason | null = null;
  let received: NodeJS.Signals | null = null;
  const interrupt = (reason: InterruptionReason) => {
    first ??= reason;
    controller.abort();
  };
  for (const name of SIGNALS) {
    process.once(name, () => {
      received ??= name;
      interrupt({ exitStatus: SIGNAL_STATUS[name], message: 'interrupted; no partial file is left' });
      endBy(name, LONGEST_CLEANUP);
    });
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => interrupt(outputFailure(error)));
  const cleanedUp = (): void => {
    if (received !== null) endBy(received, LONGEST_FAREWELL);
  };
  return { signal: controller.signal, reason: () => first, cleanedUp };
}
