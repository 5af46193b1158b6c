/** What the names of an envelope's parts say, and which it gets (DESIGN section 2). Pure functions over names: nothing here touches a disk. */
import { SealdropError } from '../errors.ts';
import { quoteWord } from '../openssl/quoted-word.ts';
import type { EnvelopeGroup } from './grouping.ts';
import { parseName, PAYLOAD_SUFFIX } from './member-name.ts';
import type { MemberRole } from './member-name.ts';

/** The file names (or paths) of one envelope, by the part each plays. */
export interface EnvelopeMembers {
  readonly payload: string;
  readonly wrappedKey: string;
  readonly note: string | null;
  readonly manifest: string | null;
  readonly signature: string | null;
}

/** Longest name of a file on Linux, in bytes (NAME_MAX, limits.h). */
export const MAXIMUM_NAME_LENGTH = 255;

// Path separators, control characters (C0, DEL, C1) and characters that change the direction or line of what follows.
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const UNSAFE_CHARACTER = /[/\\\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd]/;

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
