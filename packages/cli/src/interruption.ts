import { EXIT } from './exit-status.ts';

/** Exit statuses as a shell reports them: 128 + the signal's number (signal(7)). */
const SIGNAL_STATUS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
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
  const interrupt = (reason: InterruptionReason) => {
    first ??= reason;
    controller.abort();
  };
  for (const [name, exitStatus] of Object.entries(SIGNAL_STATUS)) {
    process.once(name, () => interrupt({ exitStatus, message: 'interrupted; no partial file is left' }));
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => interrupt(outputFailure(error)));
  return { signal: controller.signal, reason: () => first };
}
