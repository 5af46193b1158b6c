/**
 * Which part a file plays in an envelope, by its name alone (DESIGN section 2). Pure functions over names: nothing here
 * touches a disk.
 */
import { SealdropError } from '../errors.ts';
import { quoteWord } from '../openssl/quoted-word.ts';

export type MemberRole = 'payload' | 'wrapped-key' | 'note' | 'manifest' | 'signature';

/** The file names (or paths) of one envelope, by the part each plays. */
export interface EnvelopeMembers {
  readonly payload: string;
  readonly wrappedKey: string;
  readonly note: string | null;
  readonly manifest: string | null;
  readonly signature: string | null;
}

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

const PAYLOAD_SUFFIX = '.enc';

/** Longest name of a file on Linux, in bytes (NAME_MAX, limits.h). */
export const MAXIMUM_NAME_LENGTH = 255;

/** Endings of the flat layout; the first that fits decides, so a wrapped-key name wins over a payload name. */
const SUFFIXES: readonly (readonly [string, MemberRole])[] = [
  ['.keypke.bin.enc', 'wrapped-key'],
  ['.key.bin.enc', 'wrapped-key'],
  ['.key.enc', 'wrapped-key'],
  ['.manifest.json.sig', 'signature'],
  ['.manifest.json', 'manifest'],
  [PAYLOAD_SUFFIX, 'payload'],
  ['.alg', 'note'],
  ['.alg.txt', 'note'],
  ['.algorithm', 'note'],
  ['.algorithm.txt', 'note'],
];

/** Names without a stem: those of the article, which belong to whatever payload lies beside them. */
const BARE_NAMES: ReadonlyMap<string, MemberRole> = new Map([
  ['keypke.bin.enc', 'wrapped-key'],
  ['key.bin.enc', 'wrapped-key'],
  ['key.enc', 'wrapped-key'],
  ['manifest.json', 'manifest'],
  ['manifest.json.sig', 'signature'],
]);
const BARE_NOTE = /^algorithm/i;

const TEMPORARY_NAME = /^\.|~$|\.(filepart|part|partial|tmp|temp|swp|crdownload|upload|uploading|writing|inprogress)$/i;

// Path separators, control characters (C0, DEL, C1) and characters that change the direction or line of what follows.
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const UNSAFE_CHARACTER = /[/\\\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd]/;

interface ParsedName {
  readonly name: string;
  readonly role: MemberRole;
  /** Null for a name that only a folder gives a meaning. */
  readonly stem: string | null;
}

function parseName(name: string): ParsedName | null {
  const bare = BARE_NAMES.get(name);
  if (bare !== undefined) return { name, role: bare, stem: null };
  const suffix = SUFFIXES.find(([ending]) => name.endsWith(ending) && name.length > ending.length);
  if (suffix !== undefined) return { name, role: suffix[1], stem: name.slice(0, -suffix[0].length) };
  return BARE_NOTE.test(name) ? { name, role: 'note', stem: null } : null;
}

type NamesByRole = Record<MemberRole, string[]>;

/** What no envelope has of a role: one list for all of them. */
const NONE: string[] = [];
Object.freeze(NONE);

function noNames(): NamesByRole {
  return { payload: NONE, 'wrapped-key': NONE, note: NONE, manifest: NONE, signature: NONE };
}

/** A hundred thousand names are mostly lists of one: a list that grows has room for seventeen. */
function addName(names: NamesByRole, { role, name }: ParsedName): void {
  if (names[role].length === 0) names[role] = [name];
  else names[role].push(name);
}

function namesByRole(members: readonly ParsedName[]): NamesByRole {
  const names = noNames();
  for (const member of members) addName(names, member);
  return names;
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
  const list = [...names];
  const { flat, bare, strays, variety } = sortNames(list);
  const groups = [...flat.values()];
  if (bare.length === 0 && (place === 'landing' || variety === 'doubled' || groups.length <= 1)) {
    return { groups, strays };
  }
  if (variety === 'single') return { groups: [folderGroup(membersAmong(list))], strays };
  if (place === 'landing') return { groups: [...groups, folderGroup(bare)], strays };
  const withKey = new Set(groups.filter((group) => group.names['wrapped-key'].length > 0).map((group) => group.stem));
  const claimed = membersAmong(list).filter(({ stem }) => stem !== null && !withKey.has(stem));
  const rest = groups.filter((group) => withKey.has(group.stem));
  return { groups: [...rest, folderGroup([...bare, ...claimed])], strays };
}

interface SortedNames {
  /** By stem. */
  readonly flat: ReadonlyMap<string, EnvelopeGroup>;
  readonly bare: readonly ParsedName[];
  readonly strays: readonly string[];
  /** `single` when there is at most one name of each role. */
  readonly variety: 'single' | 'doubled';
}

/** There may be a hundred thousand: what is not kept of one is let go before the next. */
function sortNames(names: readonly string[]): SortedNames {
  const flat = new Map<string, FlatGroup>();
  const bare: ParsedName[] = [];
  const strays: string[] = [];
  const roles = new Set<MemberRole>();
  let variety: SortedNames['variety'] = 'single';
  for (const name of names) {
    if (isTemporaryName(name)) continue;
    const member = parseName(name);
    if (member === null) {
      strays.push(name);
      continue;
    }
    if (roles.has(member.role)) variety = 'doubled';
    roles.add(member.role);
    if (member.stem === null) bare.push(member);
    else addName(groupAt(flat, member.stem).names, member);
  }
  return { flat, bare, strays, variety };
}

interface FlatGroup {
  readonly layout: 'flat';
  readonly stem: string;
  readonly names: NamesByRole;
}

function groupAt(groups: Map<string, FlatGroup>, stem: string): FlatGroup {
  const known = groups.get(stem);
  if (known !== undefined) return known;
  const group: FlatGroup = { layout: 'flat', stem, names: noNames() };
  groups.set(stem, group);
  return group;
}

function membersAmong(names: readonly string[]): readonly ParsedName[] {
  return names.filter((name) => !isTemporaryName(name)).flatMap((name) => parseName(name) ?? []);
}

/** The roles a group still lacks: empty when it is complete. A note is not needed where the parameters are `known` otherwise. */
export function missingRoles(group: EnvelopeGroup, parameters: 'by-note' | 'known'): readonly MemberRole[] {
  const missing: MemberRole[] = [];
  const { names } = group;
  if (names.payload.length === 0) missing.push('payload');
  if (names['wrapped-key'].length === 0) missing.push('wrapped-key');
  if (parameters === 'by-note' && names.note.length + names.manifest.length === 0) missing.push('note');
  if (names.signature.length > 0 && names.manifest.length === 0) missing.push('manifest');
  return missing;
}

/** So many names stand in a message; a folder may hold a hundred thousand that fit. */
const MOST_NAMED = 4;

function firstOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  const named = names.slice(0, MOST_NAMED).join(', ');
  return more > 0 ? `${named} and ${more} more` : named;
}

const ROLE_WORDS: Readonly<Record<MemberRole, string>> = {
  payload: 'payload (*.enc)',
  'wrapped-key': 'wrapped key (*.key.enc, key.bin.enc, keypke.bin.enc)',
  note: 'algorithm note (*.alg, algorithm*) or manifest (*.manifest.json)',
  manifest: 'manifest (*.manifest.json) of the signature',
  signature: 'signature (*.manifest.json.sig)',
};

/** @throws SealdropError `incomplete-envelope` or `ambiguous-envelope`, naming what is missing or doubled. */
export function membersOf(group: EnvelopeGroup, parameters: 'by-note' | 'known'): EnvelopeMembers {
  const doubled = Object.entries(group.names).find(([, ofRole]) => ofRole.length > 1);
  const title = group.stem === '' ? 'the envelope' : `envelope ${group.stem}`;
  if (doubled !== undefined) {
    const [role, ofRole] = doubled as [MemberRole, readonly string[]];
    throw new SealdropError(
      'ambiguous-envelope',
      `${title} has more than one ${ROLE_WORDS[role]}: ${firstOf(ofRole)}`,
      {
        hint: 'keep one of them, or name the parts one by one',
      },
    );
  }
  const missing = missingRoles(group, parameters);
  if (missing.length > 0) {
    const words = missing.map((role) => ROLE_WORDS[role]).join(' and ');
    throw new SealdropError('incomplete-envelope', `${title} lacks its ${words}`, {
      details: { missing: missing.join(' ') },
    });
  }
  const { names } = group;
  return {
    payload: names.payload[0] ?? '',
    wrappedKey: names['wrapped-key'][0] ?? '',
    note: names.note[0] ?? null,
    manifest: names.manifest[0] ?? null,
    signature: names.signature[0] ?? null,
  };
}

/** Names that upload programs use until a file is whole: leading dot, `.filepart`, `.part`, `.tmp`, … */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY_NAME.test(name);
}

/** The plaintext's name where no manifest gives one: the payload's without `.enc`. */
export function plaintextNameOf(payloadName: string): string {
  const stem = payloadName.endsWith(PAYLOAD_SUFFIX)
    ? payloadName.slice(0, -PAYLOAD_SUFFIX.length)
    : `${payloadName}.plain`;
  return checkPlaintextName(stem);
}

/** @throws SealdropError `bad-name` unless it is a bare file name: no separators, leading dot or control characters, at most 255 bytes. */
export function checkPlaintextName(name: string): string {
  const reason = reasonAgainstName(name);
  if (reason === null) return name;
  throw new SealdropError('bad-name', `${quoteWord(name)} cannot be the plaintext's file name: ${reason}`);
}

/** Why it is no bare file name; null when it is one. */
export function reasonAgainstName(name: string): string | null {
  if (name === '') return 'it is empty';
  if (name.startsWith('.')) return 'it begins with a dot';
  if (UNSAFE_CHARACTER.test(name) || !name.isWellFormed()) return 'it holds a separator or a control character';
  return Buffer.byteLength(name) > MAXIMUM_NAME_LENGTH ? `it is longer than ${MAXIMUM_NAME_LENGTH} bytes` : null;
}

/** What the wrapped key's name says of the OAEP hash: `keypke` is SHA-256, `key.bin` is SHA-1 (the article's names). */
export function oaepHashInName(wrappedKeyName: string): 'sha1' | 'sha256' | null {
  if (wrappedKeyName.endsWith('keypke.bin.enc')) return 'sha256';
  return wrappedKeyName.endsWith('key.bin.enc') ? 'sha1' : null;
}

/** The names under which an envelope for plaintext `name` is written, in either layout. */
export function memberNames(name: string, oaepHash: string, layout: 'flat' | 'folder'): Record<MemberRole, string> {
  const keyName = oaepHash === 'sha256' ? 'keypke.bin.enc' : oaepHash === 'sha1' ? 'key.bin.enc' : 'key.enc';
  const payload = `${payloadStem(name)}${PAYLOAD_SUFFIX}`;
  if (layout === 'folder') {
    return {
      payload,
      'wrapped-key': keyName,
      note: 'algorithm.txt',
      manifest: 'manifest.json',
      signature: 'manifest.json.sig',
    };
  }
  const stem = payload.slice(0, -PAYLOAD_SUFFIX.length);
  return {
    payload,
    'wrapped-key': `${stem}.${keyName}`,
    note: `${stem}.alg`,
    manifest: `${stem}.manifest.json`,
    signature: `${stem}.manifest.json.sig`,
  };
}

/** `server.key` would become `server.key.enc`, a wrapped key's name: such a payload gets another stem, and the manifest the true name. */
function payloadStem(name: string): string {
  return parseName(`${name}${PAYLOAD_SUFFIX}`)?.role === 'payload' ? name : `${name}.data`;
}
