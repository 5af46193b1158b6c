import type { SealdropError } from '@sealdrop/core';

/** sysexits(3) */
export const EXIT = { ok: 0, usage: 64, noInput: 66, internal: 70, tryAgain: 75, configuration: 78 } as const;

/** What the process says to systemd or a shell when it cannot start. */
export function exitStatusOf(error: SealdropError): number {
  if (error.code === 'internal') return EXIT.internal;
  if (error.code === 'usage') return EXIT.usage;
  if (error.code === 'not-found') return EXIT.noInput;
  if (error.blame === 'passing' || error.code === 'already-exists') return EXIT.tryAgain;
  return EXIT.configuration;
}
