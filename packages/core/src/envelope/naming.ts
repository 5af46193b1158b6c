/** Which part a file plays in an envelope, by its name alone (DESIGN section 2). Pure functions over names. STUB: bodies are being written. */

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
  /** The stem (`report.csv`) for a flat one; the payload's stem, or an empty string when there is none yet, for a folder. */
  readonly stem: string;
  /** More than one name in a list makes the envelope ambiguous. */
  readonly names: Readonly<Record<MemberRole, readonly string[]>>;
}

export interface GroupedNames {
  readonly groups: readonly EnvelopeGroup[];
  /** Names that play no part in any envelope. Temporary upload names are in neither list. */
  readonly strays: readonly string[];
}

/**
 * Sorts the file names of one directory into envelopes.
 * @param place `landing` where flat envelopes arrive side by side; `folder` where the directory may itself be one envelope.
 */
export function groupNames(_names: Iterable<string>, _place: 'landing' | 'folder'): GroupedNames {
  throw new Error('not implemented yet');
}

/** The roles a group still lacks: empty when it is complete. A note is not needed where `parameters` are known otherwise. */
export function missingRoles(_group: EnvelopeGroup, _parameters: 'by-note' | 'known'): readonly MemberRole[] {
  throw new Error('not implemented yet');
}

/** @throws SealdropError `incomplete-envelope` or `ambiguous-envelope`, naming what is missing or doubled. */
export function membersOf(_group: EnvelopeGroup, _parameters: 'by-note' | 'known'): EnvelopeMembers {
  throw new Error('not implemented yet');
}

/** Names that upload programs use until a file is whole: leading dot, `.filepart`, `.part`, `.tmp`, … */
export function isTemporaryName(_name: string): boolean {
  throw new Error('not implemented yet');
}

/** @throws SealdropError `bad-name` unless it is a bare file name: no separators, leading dot or control characters, at most 255 bytes. */
export function checkPlaintextName(_name: string): string {
  throw new Error('not implemented yet');
}
