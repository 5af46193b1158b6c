/** The door to diagnosing. What is behind it is a quarter of this package and seldom wanted, so it is loaded when it is first asked. */
import type { SealdropError } from '../errors.ts';
import type { KeyProvider } from '../keys/key-provider.ts';
import type { StatementOptions } from './diagnosis-facts.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { EnvelopeMembers } from './naming.ts';

export interface DiagnoseOptions extends StatementOptions {
  /** Tried in order. */
  readonly keys: readonly KeyProvider[];
  /**
   * HMACs that PBKDF2 may compute in all: 10,000,000 take 2 to 10 seconds of one core. Default `DIAGNOSIS_BUDGET`.
   */
  readonly budget?: number | undefined;
  /** What opening it failed with, by these very options: what that shows is not asked again. */
  readonly failure?: SealdropError | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Enough for every usual number of iterations with the key file as it was sent. */
export const DIAGNOSIS_BUDGET = 10_000_000;

/**
 * Diagnoses an envelope without decrypting it whole. Reads the payload's first 64 KiB and its end (base64 text, and what a manifest vouches
 * for: all of it); asks for at most 32 RSA operations, none twice, of which `MAXIMUM_REQUESTS` of keys that are not here.
 * @throws SealdropError `cancelled`, those of the operating system, and those of a key provider that could not be asked: what says nothing of
 * the envelope. All that is the sender's to mend is in the result.
 */
export async function diagnoseEnvelope(members: EnvelopeMembers, options: DiagnoseOptions): Promise<Diagnosis> {
  const { findDiagnosis } = await import('./find-diagnosis.ts');
  return findDiagnosis(members, { ...options, budget: options.budget ?? DIAGNOSIS_BUDGET });
}
