/** What is said of an envelope that does not open: why, and what the sender is asked for. */
import { basename } from 'node:path';
import type { SealdropError } from '../errors.ts';
import { ARMORED_MAGIC, MAGIC, readAsText } from '../openssl/header.ts';
import { describeRepetition, isDamage } from './ciphertext-repetition.ts';
import type { Case, OpenCase } from './diagnosis-case.ts';
import { effortOf, repairOf, sentences, statedFacts } from './diagnosis-case.ts';
import type { Diagnosis } from './diagnosis.ts';
import { describeAppearance, describeOdds, verdictOf } from './evidence.ts';
import type { Verdict } from './evidence.ts';
import { askToSendAgain, describeChanges } from './repair-words.ts';
import { provenBits } from './search-candidates.ts';
import type { CandidateSearch, RatedCandidate } from './search-candidates.ts';
import { MAXIMUM_REQUESTS } from './unwrap-search.ts';
import type { UnwrapSearch } from './unwrap-search.ts';

interface Closed {
  readonly verdict: Verdict;
  readonly clauses: readonly string[];
  readonly falseAlarmLog2?: number | null;
  readonly plaintext?: string | null;
  readonly tried?: number;
}

function closed(matter: Case, said: Closed): Diagnosis {
  const { verdict, clauses, falseAlarmLog2 = null, plaintext = null, tried = 0 } = said;
  const sentence = sentences(matter, clauses);
  return {
    outcome: 'does-not-open',
    verdict,
    sentence,
    falseAlarmLog2,
    plaintext,
    repair: null,
    commands: null,
    senderMessage: askToSendAgain(basename(matter.members.payload), sentence),
    effort: effortOf(matter, tried),
  };
}

/** For what the files show by themselves. */
export function concludeWithoutTrial(matter: Case, clauses: readonly string[]): Diagnosis {
  return closed(matter, { verdict: 'certain', clauses });
}

export interface UnwrapFailure {
  readonly fault: SealdropError;
  readonly extent: UnwrapSearch['extent'];
  /** It was wrapped with a public key that is none of the receiver's. */
  readonly foreign: boolean;
}

const BITS_PER_BYTE = 8;

/** No key opens the wrapped key. */
export function concludeWithoutKey(matter: Case, { fault, extent, foreign }: UnwrapFailure): Diagnosis {
  const fingerprint = matter.facts.statement.manifest?.key.publicKeySha256;
  if (foreign) {
    const clause = `the manifest says that the key was wrapped with another public key, SHA-256 ${fingerprint}`;
    return closed(matter, { verdict: 'certain', clauses: [clause] });
  }
  const size = Number(fault.details['size'] ?? 0);
  if (fault.details['expectedSize'] !== undefined) {
    const clause = `the wrapped key was made for an RSA key of ${size * BITS_PER_BYTE} bits, and none of the keys has that size`;
    return closed(matter, { verdict: 'certain', clauses: [clause] });
  }
  if (fault.code !== 'unwrap-failed') {
    return closed(matter, { verdict: 'certain', clauses: [fault.message, fault.hint ?? ''] });
  }
  const tried =
    extent === 'complete'
      ? ''
      : ` that were tried, which are not all: no more than ${MAXIMUM_REQUESTS} requests are made for one envelope`;
  const clauses = [
    `the wrapped key opens with none of the keys and OAEP hashes${tried}`,
    'it was wrapped with PKCS#1 v1.5 padding (rsautl without -oaep), for another public key, or with an OAEP label, or it is damaged',
  ];
  return closed(matter, { verdict: 'ambiguous', clauses });
}

/** The fault of the payload or key file itself explains it. */
export function concludeFromFault(matter: OpenCase, clauses: readonly string[], search: CandidateSearch): Diagnosis {
  return closed(matter, { verdict: 'certain', clauses, tried: search.tried });
}

/** It decrypts, but is not what the sender vouched for. */
export function concludeAgainstManifest(matter: OpenCase, fault: SealdropError, search: CandidateSearch): Diagnosis {
  const clauses = [
    'the payload can be decrypted, but the manifest does not vouch for it',
    fault.message,
    fault.hint ?? '',
  ];
  return closed(matter, { verdict: 'certain', clauses, tried: search.tried });
}

export function concludeAppendedToItself(matter: OpenCase, search: CandidateSearch): Diagnosis {
  const clause = 'the payload was appended to itself: its second half begins like the first, and decrypts to garbage';
  return closed(matter, { verdict: 'certain', clauses: [clause], tried: search.tried });
}

/** In front of binary payloads, or of base64 text. */
function hasHeader(beginning: Buffer): boolean {
  return beginning.subarray(0, MAGIC.length).equals(MAGIC) || readAsText(beginning).startsWith(ARMORED_MAGIC);
}

const HEADLESS =
  'the payload does not begin with Salted__, as openssl enc writes it: it was made with -S or -K, of which the sender must tell all that was given, or by another program, or it is another file';

export function concludeNothingFits(matter: OpenCase, search: CandidateSearch): Diagnosis {
  const { size } = matter.facts.payload;
  const isBroken = search.stated?.trial.padding.kind === 'broken-block';
  const shape = isBroken ? `, and its ${size} bytes are not whole cipher blocks` : '';
  const clauses = [
    ...(hasHeader(matter.facts.payload.beginning) ? [] : [HEADLESS]),
    `the wrapped key opens, but no reading of the key file and none of the usual parameters (${search.tried} combinations) open the payload${shape}`,
    'either the payload was cut or changed on its way, or it was encrypted with another key file, another cipher or another number of iterations',
  ];
  return closed(matter, { verdict: 'none', clauses, tried: search.tried });
}

const DAMAGE_WORDS = {
  'text-mode-transfer':
    'the payload was transferred in text mode, which put a carriage return before every line feed: it must be sent again in binary mode',
  'damaged-header': 'the payload is damaged in its first bytes',
} as const;

function describeDamage({ candidate, trial }: RatedCandidate): string {
  const { damage, repeatsAfter } = candidate.variant;
  if (damage !== 'none') return DAMAGE_WORDS[damage];
  if (isDamage(repeatsAfter, candidate.parameters.cipher)) return `the payload ${describeRepetition(repeatsAfter)}`;
  return trial.padding.kind === 'broken-block'
    ? 'the payload ends within a cipher block: it was cut, or bytes were added or lost'
    : 'the beginning of the payload decrypts as it should, but its end does not: it was cut or changed, or encrypted with -nopad';
}

/** The key is right, and the payload is not what was encrypted. */
export function concludeDamaged(matter: OpenCase, damaged: RatedCandidate, search: CandidateSearch): Diagnosis {
  const bits = provenBits(damaged);
  const changes = describeChanges(statedFacts(matter), repairOf(matter, damaged));
  const clauses = [
    describeDamage(damaged),
    `key and parameters fit: the odds that this is chance are ${describeOdds(bits)}`,
    ...(changes.length === 0 ? [] : [`besides, ${changes.join(', and ')}`]),
  ];
  const plaintext = describeAppearance(damaged.trial.appearance);
  return closed(matter, { verdict: verdictOf(bits), clauses, falseAlarmLog2: -bits, plaintext, tried: search.tried });
}
