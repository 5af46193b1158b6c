import type { EnvelopeMembers, EnvelopeSource, ErrorCode, OpenedEnvelope, OpenOptions } from '@sealdrop/core';

/** Failures that are about trust: what somebody signed or a MAC vouches for is not put right. */
const NOT_REPAIRED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'bad-signature',
  'missing-signature',
  'payload-changed',
  'hostile-file',
  'collision',
]);

function hasPath(source: EnvelopeSource): source is EnvelopeMembers {
  return typeof source.payload === 'string';
}

/** The envelope opened in the way that a diagnosis is certain of; null when there is none such. */
export async function openByDiagnosis(
  failure: unknown,
  source: EnvelopeSource,
  options: OpenOptions,
): Promise<OpenedEnvelope | null> {
  const { diagnoseEnvelope, openRepaired, toSealdropError } = await import('@sealdrop/core');
  const error = toSealdropError(failure);
  const { code, blame } = error;
  if (blame !== 'sender' || NOT_REPAIRED.has(code) || !hasPath(source)) return null;
  const { outcome, verdict, repair } = await diagnoseEnvelope(source, { ...options, failure: error });
  if (outcome !== 'opens-with-repair' || verdict !== 'certain' || repair === null) return null;
  return openRepaired(source, repair, options);
}
