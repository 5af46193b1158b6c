/** What the manifest says against a payload: its size before any key is used, its MAC and digest with the key that was found. */
import { toSealdropError } from '../errors.ts';
import type { SealdropError } from '../errors.ts';
import type { DiagnosisFacts } from './diagnosis-facts.ts';
import type { RatedCandidate } from './search-candidates.ts';
import { checkPayloadSize } from './verification.ts';
import { verifyPayloadFile } from './verify-payload.ts';

/** Bytes that a line end adds, which a repair takes off again. */
const LINE_END_SIZE = 2;

function faultOf(check: () => void): SealdropError | null {
  try {
    check();
    return null;
  } catch (error) {
    return toSealdropError(error);
  }
}

/** Null without a manifest, and when the size is right but for a line end. */
export function sizeFault({ statement, payload, payloadPath }: DiagnosisFacts): SealdropError | null {
  const { manifest } = statement;
  if (manifest === null) return null;
  const excess = payload.size - manifest.payload.size;
  return excess >= 0 && excess <= LINE_END_SIZE
    ? null
    : faultOf(() => checkPayloadSize(payload.size, manifest, payloadPath));
}

export interface VerifiedPart {
  /** Bytes of the payload file that count. */
  readonly size: number;
  readonly signal: AbortSignal | undefined;
}

/** Reads the payload whole, and decrypts nothing. Null when the manifest vouches for it as the candidate reads it, or there is none. */
export async function verificationFault(
  { statement, payloadPath }: DiagnosisFacts,
  { candidate }: RatedCandidate,
  { size, signal }: VerifiedPart,
): Promise<SealdropError | null> {
  const { manifest, plaintextName } = statement;
  if (manifest === null) return null;
  const { parameters, secret } = candidate;
  const how = { parameters, plaintextName, passphrase: secret.passphrase };
  try {
    await verifyPayloadFile({ manifest, path: payloadPath, size, ...how, signal, rest: 'ignore' });
    return null;
  } catch (error) {
    const fault = toSealdropError(error, payloadPath);
    if (fault.blame !== 'sender') throw fault;
    return fault;
  }
}
