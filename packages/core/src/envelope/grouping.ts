/** Which names of a directory belong together. */
import { isTemporaryName, parseName } from './member-name.ts';
import type { MemberRole, ParsedName } from './member-name.ts';

/** Names in one directory that belong together, complete or not. */
export interface EnvelopeGroup {
  readonly layout: 'flat' | 'folder';
  /** The stem (`report.csv`) of a flat one; the payload's stem, or an empty string when there is none yet, of a folder. */
  readonly stem: string;
  /** More than one name in a list makes the envelope ambiguous. */
  readonly names: Readonly<Record<MemberRole, readonly string[]>>;
}

export interface GroupedNames {
  readonly groups: readonly EnvelopeGroup[];
  /** Names that play no part in any envelope. Temporary upload names are in neither list. */
  readonly strays: readonly string[];
}

function namesByRole(members: readonly ParsedName[]): Record<MemberRole, string[]> {
  const names: Record<MemberRole, string[]> = { payload: [], 'wrapped-key': [], note: [], manifest: [], signature: [] };
  for (const member of members) names[member.role].push(member.name);
  return names;
}

function flatGroup(stem: string, members: readonly ParsedName[]): EnvelopeGroup {
  return { layout: 'flat', stem, names: namesByRole(members) };
}

function folderGroup(members: readonly ParsedName[]): EnvelopeGroup {
  const stem = members.find((member) => member.role === 'payload')?.stem ?? '';
  return { layout: 'folder', stem, names: namesByRole(members) };
}

/**
 * Sorts the file names of one directory into envelopes.
 *
 * A directory that holds at most one file of each role is one envelope whatever the stems, if it is a `folder` or if one of
 * its names has no stem (`key.bin.enc`). Otherwise files go together by stem; names without a stem then make a group
 * of their own, which takes the payloads of a `folder` that no other key claims.
 *
 * @param place `landing` where flat envelopes arrive side by side; `folder` where the directory may itself be one envelope.
 */
export function groupNames(names: Iterable<string>, place: 'landing' | 'folder'): GroupedNames {
  const { groups, strays } = groupOneByOne([...names], place);
  return { groups: [...groups], strays };
}

/**
 * `groupNames` for a directory of a hundred thousand: each group is made when its turn comes, and takes next to no memory before.
 * @param names must stay as they are until then
 * @returns groups that can be gone through once
 */
export function groupOneByOne(
  names: readonly string[],
  place: 'landing' | 'folder',
): { readonly groups: Iterable<EnvelopeGroup>; readonly strays: readonly string[] } {
  const { flat, bare, strays, variety } = sortNames(names);
  if (bare.length === 0 && (place === 'landing' || variety === 'doubled' || flat.size <= 1)) {
    return { groups: flat.groups(), strays };
  }
  if (variety === 'single') return { groups: [folderGroup(membersAmong(names))], strays };
  if (place === 'landing') return { groups: inTurn(flat.groups(), folderGroup(bare)), strays };
  const groups = [...flat.groups()];
  const withKey = new Set(groups.filter((group) => group.names['wrapped-key'].length > 0).map((group) => group.stem));
  const claimed = membersAmong(names).filter(({ stem }) => stem !== null && !withKey.has(stem));
  const rest = groups.filter((group) => withKey.has(group.stem));
  return { groups: [...rest, folderGroup([...bare, ...claimed])], strays };
}

function* inTurn(groups: Iterable<EnvelopeGroup>, last: EnvelopeGroup): Generator<EnvelopeGroup> {
  yield* groups;
  yield last;
}

interface SortedNames {
  readonly flat: FlatNames;
  readonly bare: readonly ParsedName[];
  readonly strays: readonly string[];
  /** `single` when there is at most one name of each role. */
  readonly variety: 'single' | 'doubled';
}

function sortNames(names: readonly string[]): SortedNames {
  const flat = new FlatNames(names);
  const bare: ParsedName[] = [];
  const strays: string[] = [];
  const roles = new Set<MemberRole>();
  let variety: SortedNames['variety'] = 'single';
  for (const [index, name] of names.entries()) {
    if (isTemporaryName(name)) continue;
    const member = parseName(name);
    if (member === null) {
      strays.push(name);
      continue;
    }
    if (roles.has(member.role)) variety = 'doubled';
    roles.add(member.role);
    if (member.stem === null) bare.push(member);
    else flat.add(index, member.stem);
  }
  return { flat, bare, strays, variety };
}

/** Names by their stems. Of each only the place of the next one is kept: lists and objects for a hundred thousand of them are tens of megabytes. */
class FlatNames {
  readonly #names: readonly string[];
  /** By stem, in the order of their first names: where the last one is. */
  readonly #last = new Map<string, number>();
  /** Where the next name of the same stem is; after the last comes the first. */
  readonly #next: Uint32Array;

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#next = new Uint32Array(names.length);
  }

  /** How many stems. */
  get size(): number {
    return this.#last.size;
  }

  add(index: number, stem: string): void {
    const last = this.#last.get(stem) ?? index;
    this.#next[index] = last === index ? index : (this.#next[last] ?? index);
    this.#next[last] = index;
    this.#last.set(stem, index);
  }

  *groups(): Generator<EnvelopeGroup> {
    for (const [stem, last] of this.#last) yield flatGroup(stem, this.#upTo(last));
  }

  #upTo(last: number): readonly ParsedName[] {
    const members: ParsedName[] = [];
    let index = last;
    do {
      index = this.#next[index] ?? last;
      const member = parseName(this.#names[index] ?? '');
      if (member !== null) members.push(member);
    } while (index !== last);
    return members;
  }
}

function membersAmong(names: readonly string[]): readonly ParsedName[] {
  return names.filter((name) => !isTemporaryName(name)).flatMap((name) => parseName(name) ?? []);
}
