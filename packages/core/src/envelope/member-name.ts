/** Which part a file plays in an envelope, by its name alone (DESIGN section 2). */
export type MemberRole = 'payload' | 'wrapped-key' | 'note' | 'manifest' | 'signature';

export const PAYLOAD_SUFFIX = '.enc';

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

export interface ParsedName {
  readonly name: string;
  readonly role: MemberRole;
  /** Null for a name that only a folder gives a meaning. */
  readonly stem: string | null;
}

/** Null for a name that plays no part; a temporary one must have been told apart before. */
export function parseName(name: string): ParsedName | null {
  const bare = BARE_NAMES.get(name);
  if (bare !== undefined) return { name, role: bare, stem: null };
  const suffix = SUFFIXES.find(([ending]) => name.endsWith(ending) && name.length > ending.length);
  if (suffix !== undefined) return { name, role: suffix[1], stem: name.slice(0, -suffix[0].length) };
  return BARE_NOTE.test(name) ? { name, role: 'note', stem: null } : null;
}

/** Names that upload programs use until a file is whole: leading dot, `.filepart`, `.part`, `.tmp`, … */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY_NAME.test(name);
}
