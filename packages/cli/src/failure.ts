import type { Blame, ErrorCode } from '@sealdrop/core';
import { UsageError } from './usage-error.ts';

/** A failure as people and machines are told of it. */
export interface Failure {
  readonly code: ErrorCode;
  readonly blame: Blame;
  readonly message: string;
  readonly hint: string | null;
  readonly details: Readonly<Record<string, string | number>>;
}

/** Cures that only the command line knows, besides the error's own. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  'weak-key': 'or accept the risk with --allow-weak-key',
  'implausible-plaintext': 'sealdrop diagnose says more; --allow-noise takes it as it is',
  'bad-decrypt': 'sealdrop diagnose finds out why',
  internal: 'please report it, with what SEALDROP_DEBUG=1 shows',
};

/** Turns anything thrown into a failure; core is loaded only for errors that are not about the command line. */
export async function toFailure(error: unknown): Promise<Failure> {
  if (error instanceof UsageError) {
    return { code: 'usage', blame: 'receiver', message: error.message, hint: error.hint ?? null, details: {} };
  }
  const { toSealdropError } = await import('@sealdrop/core');
  const { code, blame, message, hint, details } = toSealdropError(error);
  const cures = [hint, ADVICE[code]].filter((cure) => cure !== undefined);
  return { code, blame, message, hint: cures.length === 0 ? null : cures.join('; '), details };
}
