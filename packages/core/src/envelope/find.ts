/** From what a person names (a folder, a stem, any one file of an envelope) to its members. STUB. */
import type { EnvelopeMembers } from './naming.ts';

/**
 * Finds the envelopes that `paths` name, each once, in the order they are first named. A path is a folder, a stem
 * (`in/report.csv` for `in/report.csv.enc`, …) or any one of an envelope's files; naming several of its files is naming it once.
 * @param parameters `known` when a note is not needed.
 * @throws SealdropError `not-found`, `incomplete-envelope`, `ambiguous-envelope`
 */
export async function findEnvelopes(
  _paths: readonly string[],
  _parameters: 'by-note' | 'known',
): Promise<readonly EnvelopeMembers[]> {
  throw new Error('not implemented yet');
}
