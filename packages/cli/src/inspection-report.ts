import type { Inspection } from '@sealdrop/core';
import { printable } from './printable.ts';
import { formatBytes } from './quantities.ts';

const LABEL_WIDTH = 14;

const row = (label: string, text: string) => `  ${label.padEnd(LABEL_WIDTH)}${printable(text)}`;

const ROLES = {
  payload: 'payload',
  wrappedKey: 'wrapped key',
  note: 'note',
  manifest: 'manifest',
  signature: 'signature',
} as const satisfies Record<keyof Inspection['members'], string>;

function memberRows({ members }: Inspection): readonly string[] {
  return (Object.keys(ROLES) as (keyof typeof ROLES)[]).map((role) => {
    const member = members[role];
    if (member === null) return row(ROLES[role], '-');
    return row(ROLES[role], `${member.path} (${member.size === null ? 'cannot be read' : formatBytes(member.size)})`);
  });
}

function describePayload(payload: Inspection['payload']): string {
  if (payload === null) return 'cannot be read';
  const salt = payload.saltHex === null ? '' : `, salt ${payload.saltHex}`;
  const form = payload.header === 'salted' ? `begins with Salted__${salt}` : 'has no Salted__ header';
  return `${form}, ${payload.armored ? 'base64 text' : 'binary'}`;
}

function describeWrappedKey(wrappedKey: Inspection['wrappedKey']): string {
  if (wrappedKey === null) return 'cannot be read';
  return `for an RSA key of ${wrappedKey.modulusBits} bits, ${wrappedKey.encoding}`;
}

const PARAMETERS_SOURCES = {
  caller: 'as given',
  manifest: 'the manifest says',
  note: 'the note says',
  default: 'by default',
} as const;

function describeParameters(parameters: Inspection['parameters']): string {
  return parameters === null ? 'unknown' : `${parameters.flags} (${PARAMETERS_SOURCES[parameters.source]})`;
}

const OAEP_SOURCES = {
  caller: 'as given',
  manifest: 'the manifest says',
  note: 'the note says',
  name: "the wrapped key's name says",
  unknown: 'nothing says: tried in this order',
} as const;

function describeOaep(oaep: Inspection['oaep']): string {
  return oaep === null ? 'unknown' : `${oaep.candidates.join(', ')} (${OAEP_SOURCES[oaep.source]})`;
}

function problemLines({ problems }: Inspection): readonly string[] {
  if (problems.length === 0) return ['  No problem shows without the key.'];
  return problems.flatMap(({ code, message, hint }) => [
    `  problem: ${printable(message)} (${code})`,
    ...(hint === null ? [] : [`    cure: ${printable(hint)}`]),
  ]);
}

/** The readable report: a few aligned lines, ending in a line feed. */
export function describeInspection(envelope: string, inspection: Inspection): string {
  const { publicKeySha256, mac, sender } = inspection;
  const lines = [
    printable(envelope),
    ...memberRows(inspection),
    row('plaintext', inspection.plaintextName ?? 'no usable name'),
    row('encrypted', describePayload(inspection.payload)),
    row('parameters', describeParameters(inspection.parameters)),
    row('wrapped', describeWrappedKey(inspection.wrappedKey)),
    row('OAEP', describeOaep(inspection.oaep)),
    ...(publicKeySha256 === null ? [] : [row('public key', `SHA-256 ${publicKeySha256}`)]),
    ...(sender === null ? [] : [row('sender', `${sender}, as the manifest says`)]),
    row('vouched for', mac === 'present' ? 'by a MAC in the manifest, which the key will verify' : 'by nothing'),
    ...problemLines(inspection),
  ];
  return `${lines.join('\n')}\n`;
}
