/** Trying candidates one after the other until the evidence is conclusive, or candidates or budget are at their end. */
import { setImmediate } from 'node:timers/promises';
import { formatFlags } from '../openssl/parameters.ts';
import { candidatesFor } from './candidates.ts';
import type { Candidate, CandidateSource } from './candidates.ts';
import { isDamage } from './ciphertext-repetition.ts';
import type { DerivedKeys } from './derived-keys.ts';
import { bitsAfterTrials, MAXIMUM_CANDIDATES, verdictOf } from './evidence.ts';
import { deriveKey } from '../openssl/key-derivation.ts';
import { tryCandidate } from './trial.ts';
import type { Trial } from './trial.ts';

export interface RatedCandidate {
  readonly candidate: Candidate;
  readonly trial: Trial;
  /** Evidence that it opens the payload to its end, after the cost of the trials. */
  readonly bits: number;
  /** Evidence that the beginning is right, whatever the end. */
  readonly beginningBits: number;
  readonly isStated: boolean;
}

export interface CandidateSearch {
  /** What is stated, if it could be tried at all. */
  readonly stated: RatedCandidate | null;
  /** The most evidence that it opens to its end. */
  readonly best: RatedCandidate | null;
  /** Certainly right at the beginning, but not to the end, or only after a damage was undone; null when there is none such. */
  readonly damaged: RatedCandidate | null;
  readonly tried: number;
}

export interface CandidateSearchOptions extends CandidateSource {
  readonly keys: DerivedKeys;
  readonly signal: AbortSignal | undefined;
}

/** Candidates after which other work of the process gets its turn. */
const TURN = 32;

async function materialFor({ parameters, variant, secret }: Candidate, keys: DerivedKeys): Promise<Buffer | null> {
  const inputs = { secret: secret.passphrase, salt: variant.saltBytes };
  if (parameters.keyDerivation.method !== 'raw-key') return keys.material({ parameters, ...inputs });
  const { key, iv } = await deriveKey(parameters, inputs);
  return Buffer.concat([key, iv]);
}

function isAsStated({ parameters, variant, secret }: Candidate, stated: CandidateSource['stated']): boolean {
  const isUnchanged = secret.reading === 'as-sent' && variant.reading === 'as-sent' && variant.damage === 'none';
  return isUnchanged && formatFlags(parameters) === formatFlags(stated);
}

function rate(candidate: Candidate, trial: Trial, stated: CandidateSource['stated']): RatedCandidate {
  const isStated = isAsStated(candidate, stated);
  const kind = isStated ? 'stated' : 'other';
  // See Trial.modeBits: what is right for the first block only does not tell one mode from another.
  const modeIsGiven = candidate.parameters.cipher === stated.cipher;
  const doubt = modeIsGiven ? 0 : Math.max(trial.beginningBits - trial.modeBits, 0);
  return {
    candidate,
    trial,
    bits: bitsAfterTrials(trial.bits - doubt, kind),
    beginningBits: bitsAfterTrials(trial.beginningBits - doubt, kind),
    isStated,
  };
}

/** Evidence that the key is right, whether or not the payload is whole. */
export function provenBits({ bits, beginningBits }: RatedCandidate): number {
  return Number.isFinite(bits) ? bits : beginningBits;
}

/** Nothing speaks against the payload, whether or not the key is right. */
function isWhole({ bits, candidate: { variant, parameters } }: RatedCandidate): boolean {
  return Number.isFinite(bits) && variant.damage === 'none' && !isDamage(variant.repeatsAfter, parameters.cipher);
}

class Search {
  stated: RatedCandidate | null = null;
  best: RatedCandidate | null = null;
  damaged: RatedCandidate | null = null;
  tried = 0;

  note(rated: RatedCandidate): void {
    this.tried += 1;
    if (rated.isStated) this.stated ??= rated;
    if (isWhole(rated)) {
      if (this.best === null || rated.bits > this.best.bits) this.best = rated;
      return;
    }
    const proven = provenBits(rated);
    if (verdictOf(proven) !== 'certain') return;
    // Of several damages, the one that explains most of the payload.
    if (this.damaged === null || proven > provenBits(this.damaged)) this.damaged = rated;
  }

  isConclusive(): boolean {
    if (this.damaged !== null) return true;
    return this.best !== null && verdictOf(this.best.bits) === 'certain';
  }
}

/** @throws SealdropError `cancelled`, and what deriving keys throws */
export async function searchCandidates(options: CandidateSearchOptions): Promise<CandidateSearch> {
  const search = new Search();
  for (const choice of candidatesFor(options)) {
    if (search.tried + choice.length > MAXIMUM_CANDIDATES) break;
    for (const candidate of choice) {
      const material = await materialFor(candidate, options.keys);
      if (material === null) continue;
      const { parameters, variant } = candidate;
      const depth = isAsStated(candidate, options.stated) ? 'full' : 'quick';
      const trial = tryCandidate({ parameters, material, ciphertext: variant.ciphertext, depth });
      search.note(rate(candidate, trial, options.stated));
    }
    if (search.isConclusive()) break;
    if (search.tried % TURN === 0) await setImmediate();
    options.signal?.throwIfAborted();
  }
  const { stated, best, damaged, tried } = search;
  return { stated, best, damaged, tried };
}
