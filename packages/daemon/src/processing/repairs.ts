import type { Diagnosis, ErrorCode, Repair } from '@sealdrop/core';
import type { LandingConfig } from '../config/schema.ts';

/** Failures that are about trust: what somebody signed or a MAC vouches for is not put right. */
const NOT_REPAIRED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['payload-changed', 'weak-key']);

/** How an envelope opens that does not open as it says. */
export interface CertainRepair {
  readonly repair: Repair;
  readonly diagnosis: Diagnosis;
}

/** The repair that may be made without asking anybody; null when there is none. */
export function certainRepair(
  diagnosis: Diagnosis,
  code: ErrorCode,
  { repair: setting }: Pick<LandingConfig, 'repair'>,
): CertainRepair | null {
  const { outcome, verdict, repair } = diagnosis;
  if (setting === 'off' || NOT_REPAIRED.has(code) || repair === null) return null;
  return outcome === 'opens-with-repair' && verdict === 'certain' ? { repair, diagnosis } : null;
}

/** Found by a diagnosis, to be made at the next attempt. After a crash they are found again. */
export type CertainRepairs = Map<string, CertainRepair>;
