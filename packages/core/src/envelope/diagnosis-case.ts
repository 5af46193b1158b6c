/** What every conclusion of a diagnosis draws on. */
import { basename } from 'node:path';
import type { DiagnosisFacts } from './diagnosis-facts.ts';
import type { DiagnosisEffort, Repair } from './diagnosis.ts';
import { plaintextNameOf } from './naming.ts';
import type { EnvelopeMembers } from './naming.ts';
import { describeChanges } from './repair-words.ts';
import type { StatedFacts } from './repair-words.ts';
import type { RatedCandidate } from './search-candidates.ts';
import type { UnwrapFinding } from './unwrap-search.ts';

export interface Case {
  readonly members: EnvelopeMembers;
  readonly facts: DiagnosisFacts;
  readonly calls?: number;
  readonly iterations?: number;
}

/** One whose wrapped key opened. */
export interface OpenCase extends Case {
  readonly found: UnwrapFinding;
}

function capitalized(text: string): string {
  return /^[a-z]+ /.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

/** Sentences are sent to senders too, who need not know the receiver's directories: files are called by their names. */
export function sentences({ members }: Case, clauses: readonly string[]): string {
  const paths = Object.values(members).filter((path) => path !== null);
  return clauses
    .filter((clause) => clause !== '')
    .map((clause) => paths.reduce((text: string, path: string) => text.replaceAll(path, basename(path)), clause))
    .map((clause) => `${capitalized(clause)}.`)
    .join(' ');
}

export function effortOf({ calls = 0, iterations = 0 }: Case, tried: number): DiagnosisEffort {
  return { unwraps: calls, candidates: tried, iterations };
}

export function statedFacts({ facts }: Case): StatedFacts {
  const { statement, statementFault } = facts;
  const parameters = statementFault === null ? statement.parameters : null;
  return { parameters, oaep: statement.oaepCandidates };
}

function plaintextName({ members, facts }: Case): string {
  return facts.statement.manifest?.plaintext.name ?? plaintextNameOf(basename(members.payload));
}

const MAGIC_SIZE = 8;

function sizeWithHeader({ salt, ciphertext }: RatedCandidate['candidate']['variant']): number {
  return ciphertext.size + (salt.kind === 'header' ? MAGIC_SIZE + salt.length : 0);
}

/** A candidate as a repair, with what differs from the stated. */
export function repairOf(matter: OpenCase, { candidate }: RatedCandidate): Repair {
  const { facts, found } = matter;
  const { variant, secret, parameters } = candidate;
  const repair = {
    parameters,
    oaep: found.oaep,
    keyName: found.keyName,
    members: facts.order,
    wrappedKey: found.reading,
    keyFile: secret.reading,
    payload: variant.reading,
    payloadSize: variant.reading === 'as-sent' ? facts.payload.size : sizeWithHeader(variant),
    wrappedKeySize: found.size,
    plaintextName: plaintextName(matter),
  };
  return { ...repair, changes: describeChanges(statedFacts(matter), repair) };
}
