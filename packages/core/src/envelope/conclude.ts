/** From what the trials showed to what is said of it. */
import { basename } from 'node:path';
import type { SealdropError } from '../errors.ts';
import type { ReadPassphrase } from './candidates.ts';
import { MINIMUM_PASSPHRASE_LENGTH } from './choose-passphrase.ts';
import { describeRepetition, isDamage } from './ciphertext-repetition.ts';
import {
  concludeAgainstManifest,
  concludeAppendedToItself,
  concludeDamaged,
  concludeFromFault,
  concludeNothingFits,
} from './conclude-closed.ts';
import type { OpenCase } from './diagnosis-case.ts';
import { effortOf, repairOf, sentences, statedFacts } from './diagnosis-case.ts';
import type { Diagnosis } from './diagnosis.ts';
import { describeAppearance, describeOdds, verdictOf } from './evidence.ts';
import type { Verdict } from './evidence.ts';
import { describeForeignPayload } from './foreign-payload.ts';
import { keyFileReading } from './key-file-readings.ts';
import { openingCommands } from './repair-commands.ts';
import { askToChange } from './repair-words.ts';
import { provenBits } from './search-candidates.ts';
import type { CandidateSearch, RatedCandidate } from './search-candidates.ts';

export interface SearchFacts {
  readonly search: CandidateSearch;
  readonly secrets: readonly ReadPassphrase[];
  readonly keyFileFault: SealdropError | null;
  readonly armorFault: SealdropError | null;
  /** What the manifest says against the best candidate; null when it vouches for it, or there is none. */
  readonly manifestFault: SealdropError | null;
}

function verdictOn(rated: RatedCandidate | null): Verdict {
  return rated === null ? 'none' : verdictOf(rated.bits);
}

/** Bits. Noise behind a line end does so much better than the plaintext in its place once in 65,536 times. */
const OUTWEIGHING_BITS = 16;

/** Undoing a damage gives so much more of a plaintext that what opens without can only be its beginning: modes without padding open anything. */
function outweighs(damaged: RatedCandidate, best: RatedCandidate | null): boolean {
  if (damaged.candidate.variant.damage === 'none') return false;
  return best === null || provenBits(damaged) >= best.bits + OUTWEIGHING_BITS;
}

/** The wrapped key opened, and the candidates were tried: what is certain goes before what is likely, and that before what nothing shows. */
export function concludeFromSearch(matter: OpenCase, tried: SearchFacts): Diagnosis {
  const { search, manifestFault } = tried;
  if (matter.facts.isAppendedToItself) return concludeAppendedToItself(matter, search);
  if (manifestFault !== null) return concludeAgainstManifest(matter, manifestFault, search);
  const proven = concludeFromEvidence(matter, search);
  if (proven !== null) return proven;
  const fault = faultOf(matter, tried);
  return fault.length > 0 ? concludeFromFault(matter, fault, search) : concludeUncertain(matter, tried);
}

/** Null when the evidence speaks for no candidate. */
function concludeFromEvidence(matter: OpenCase, search: CandidateSearch): Diagnosis | null {
  const { best, damaged } = search;
  const verdict = verdictOn(best);
  if (damaged !== null && (verdict !== 'certain' || outweighs(damaged, best))) {
    return concludeDamaged(matter, damaged, search);
  }
  const isProven = best !== null && (verdict === 'certain' || verdict === 'likely');
  return isProven ? opened(matter, best, search) : null;
}

function faultOf({ facts }: OpenCase, { armorFault, keyFileFault, search }: SearchFacts): readonly string[] {
  const said = describeForeignPayload(facts.payload) ?? repetitionOf(search.stated);
  if (said !== null) return [said];
  const fault = armorFault ?? keyFileFault;
  return fault === null ? [] : [fault.message, fault.hint ?? ''];
}

function repetitionOf(stated: RatedCandidate | null): string | null {
  if (stated === null) return null;
  const { variant, parameters } = stated.candidate;
  const { repeatsAfter } = variant;
  return isDamage(repeatsAfter, parameters.cipher) ? `the payload ${describeRepetition(repeatsAfter)}` : null;
}

function concludeUncertain(matter: OpenCase, tried: SearchFacts): Diagnosis {
  const { best, stated } = tried.search;
  if (stated !== null && Number.isFinite(stated.bits)) return undecided(matter, stated, tried);
  if (best !== null && verdictOn(best) === 'ambiguous') return opened(matter, best, tried.search);
  return concludeNothingFits(matter, tried.search);
}

interface Opening {
  readonly verdict: Verdict;
  /** Null when the verdict does not come from the evidence. */
  readonly bits: number | null;
  readonly clauses: readonly string[];
  readonly tried: number;
}

function opening(matter: OpenCase, rated: RatedCandidate, { verdict, bits, clauses, tried }: Opening): Diagnosis {
  const repair = repairOf(matter, rated);
  const isStated = repair.changes.length === 0;
  const { appearance } = rated.trial;
  const { members, facts } = matter;
  const noise = appearance.kind === 'noise' ? 'expected' : 'not-expected';
  return {
    outcome: isStated ? 'opens-as-stated' : 'opens-with-repair',
    verdict,
    sentence: sentences(matter, clauses),
    falseAlarmLog2: bits === null ? null : -bits,
    plaintext: describeAppearance(appearance),
    repair,
    commands: openingCommands({
      repair,
      members,
      wrappedKey: facts.wrappedKey,
      payload: facts.payload.beginning,
      noise,
      passphrase: isWeak(rated) ? 'weak' : 'strong',
    }),
    senderMessage: isStated ? null : askToChange(basename(members.payload), repair, statedFacts(matter)),
    effort: effortOf(matter, tried),
  };
}

function remarkOn({ trial }: RatedCandidate): string {
  const { appearance } = trial;
  if (appearance.kind === 'noise') {
    return 'its plaintext looks like noise, as compressed or encrypted data without a file signature do';
  }
  if (appearance.kind === 'file' && appearance.name.startsWith('another payload')) {
    return 'it was encrypted twice, and this opens the outer of the two: what comes out is another payload of openssl enc, to be decrypted once more with the key file and parameters of the inner one';
  }
  return '';
}

function isWeak({ candidate: { parameters, secret } }: RatedCandidate): boolean {
  return parameters.keyDerivation.method !== 'raw-key' && secret.passphrase.length < MINIMUM_PASSPHRASE_LENGTH;
}

function remarkOnPassphrase(rated: RatedCandidate): string {
  if (!isWeak(rated)) return '';
  const { length } = rated.candidate.secret.passphrase;
  return `its passphrase ${length === 0 ? 'is empty' : `has only ${length} bytes`}, so that others can open it too`;
}

const WITHOUT_MAC = ', though without a MAC nothing shows whether bytes in its middle were changed';

/** The evidence speaks for one candidate. */
function opened(matter: OpenCase, rated: RatedCandidate, { tried }: CandidateSearch): Diagnosis {
  const { bits } = rated;
  const verdict = verdictOf(bits);
  const { changes } = repairOf(matter, rated);
  const { statementFault, statement } = matter.facts;
  const asItIs = `it opens as it is${statement.manifest?.mac === undefined ? WITHOUT_MAC : ''}`;
  const otherwise = `it ${verdict === 'certain' ? 'opens' : 'may open'}, but not as it says: ${changes.join(', and ')}`;
  const clauses = [
    statementFault?.message ?? '',
    changes.length === 0 ? asItIs : otherwise,
    `the odds that this is chance are ${describeOdds(bits)}`,
    remarkOnPassphrase(rated),
    remarkOn(rated),
  ];
  return opening(matter, rated, { verdict, bits, clauses, tried });
}

/** What is stated gives a plaintext, and nothing shows whether it is the right one. */
function undecided(matter: OpenCase, stated: RatedCandidate, { search, secrets }: SearchFacts): Diagnosis {
  const { trial, bits } = stated;
  const looks =
    trial.appearance.kind === 'noise'
      ? 'the plaintext looks like noise, as a wrong key makes it, but compressed or encrypted data look no different'
      : `the plaintext is ${describeAppearance(trial.appearance)}`;
  const proof =
    trial.padding.kind === 'valid'
      ? 'its padding is valid, as it is by chance once in 256 times'
      : 'this cipher mode has no padding';
  const habit = secrets.find(({ isHabit }) => isHabit);
  const { tried } = search;
  if (habit === undefined) {
    const clauses = ['it opens as it is, and nothing shows whether rightly', looks, proof];
    return opening(matter, stated, { verdict: 'ambiguous', bits, clauses, tried });
  }
  const clauses = [
    'nothing in the payload shows which passphrase is right',
    looks,
    proof,
    `by the look of the key file, the payload was encrypted with it ${keyFileReading(habit.reading).words}`,
  ];
  const guess = { ...stated, candidate: { ...stated.candidate, secret: habit } };
  return opening(matter, guess, { verdict: 'ambiguous', bits: null, clauses, tried });
}
