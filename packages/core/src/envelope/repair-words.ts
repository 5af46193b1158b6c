/** What differs between what an envelope says of itself and how it opens, in words. */
import { formatOaep } from '../keys/oaep-parameters.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import { formatFlags } from '../openssl/parameters.ts';
import type { EncParameters, KeyDerivation } from '../openssl/parameters.ts';
import type { Repair } from './diagnosis.ts';
import { keyFileReading } from './key-file-readings.ts';
import { WRAPPED_KEY_WORDS } from './wrapped-key-readings.ts';

/** What the envelope says, against which a repair is told. */
export interface StatedFacts {
  /** Null when it says nothing that can be understood. */
  readonly parameters: EncParameters | null;
  /** Empty when it says nothing. */
  readonly oaep: readonly OaepParameters[];
}

function describeDerivation(derivation: KeyDerivation): string {
  switch (derivation.method) {
    case 'pbkdf2':
      return `-pbkdf2 -md ${derivation.digest} -iter ${derivation.iterations}`;
    case 'evp-bytes-to-key':
      return `-md ${derivation.digest} and without -pbkdf2`;
    case 'raw-key':
      return '-K';
    default:
      return derivation satisfies never;
  }
}

/** Who derives like that without being told to (notes of what each version does by default). */
function originOf(derivation: KeyDerivation): string {
  if (derivation.method !== 'evp-bytes-to-key') return '';
  if (derivation.digest === 'md5') return ', as OpenSSL 1.0.2, older ones and old LibreSSL do by default';
  return derivation.digest === 'sha256' ? ', as openssl does by default from 1.1.0 on' : '';
}

function derivationChange(stated: KeyDerivation, found: KeyDerivation): string | null {
  if (describeDerivation(stated) === describeDerivation(found)) return null;
  return `the key was derived with ${describeDerivation(found)}${originOf(found)}, not with ${describeDerivation(stated)}`;
}

function saltChange({ salt: stated }: EncParameters, { salt: found }: EncParameters): string | null {
  if (stated.kind !== found.kind) {
    return found.kind === 'none' ? 'the payload has no salt (-nosalt)' : 'the payload has a salt in its header';
  }
  if (stated.kind !== 'header' || found.kind !== 'header' || stated.length === found.length) return null;
  return `the salt has ${found.length} bytes (-saltlen ${found.length}), not ${stated.length}`;
}

const ARMOR_WORDS = {
  none: 'binary',
  lines: 'base64 text (-a)',
  'one-line': 'base64 text on one line (-a -A)',
} as const;

const RULE_WORDS = {
  file: 'the passphrase is the first line of the key file',
  kfile: 'the passphrase was read from the key file as -kfile does',
  argument: 'the passphrase is the whole text of the key file (-pass "pass:$(cat key.bin)")',
} as const;

function parameterChanges(stated: EncParameters, found: EncParameters): readonly (string | null)[] {
  return [
    stated.cipher === found.cipher ? null : `the cipher is ${found.cipher}, not ${stated.cipher}`,
    derivationChange(stated.keyDerivation, found.keyDerivation),
    saltChange(stated, found),
    stated.armor === found.armor
      ? null
      : `the payload is ${ARMOR_WORDS[found.armor]}, not ${ARMOR_WORDS[stated.armor]}`,
    stated.passphraseRule === found.passphraseRule ? null : RULE_WORDS[found.passphraseRule],
  ];
}

function oaepChange(stated: readonly OaepParameters[], found: OaepParameters): string | null {
  if (stated.some((oaep) => formatOaep(oaep) === formatOaep(found)) || stated.length === 0) return null;
  return `the key was wrapped with OAEP ${formatOaep(found)}, not ${stated.map(formatOaep).join(' or ')}`;
}

/** Each a clause; empty when nothing differs. */
export function describeChanges(stated: StatedFacts, found: Omit<Repair, 'changes'>): readonly string[] {
  const changes = [
    found.members === 'swapped' ? 'the payload and the wrapped key are exchanged' : null,
    found.wrappedKey === 'as-sent' ? null : WRAPPED_KEY_WORDS[found.wrappedKey],
    oaepChange(stated.oaep, found.oaep),
    found.payload === 'as-sent' ? null : 'a line end was added to the payload',
    ...(stated.parameters === null
      ? [`the parameters are ${formatFlags(found.parameters)}`]
      : parameterChanges(stated.parameters, found.parameters)),
    found.keyFile === 'as-sent'
      ? null
      : `the payload was encrypted with the key file ${keyFileReading(found.keyFile).words}`,
  ];
  return changes.filter((change) => change !== null);
}

const AGAIN = [
  'openssl rand -base64 32 > key.bin',
  'openssl enc -aes-256-cbc -pbkdf2 -in FILE -out FILE.enc -pass file:key.bin',
  'openssl pkeyutl -encrypt -pubin -inkey pubkey.pem -in key.bin -out FILE.keypke.bin.enc \\',
  '    -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256',
  'echo "openssl enc -aes-256-cbc -pbkdf2" > FILE.alg',
];

function lines(...parts: readonly string[]): string {
  return `${parts.join('\n')}\n`;
}

/** When it cannot be opened: what was wrong, and how to send it again. */
export function askToSendAgain(name: string, reason: string): string {
  return lines(
    `We could not open ${name}, which you sent us.`,
    '',
    reason,
    '',
    'Please encrypt it again with a new key file, and send all three files in binary mode, unchanged:',
    '',
    ...AGAIN.map((line) => `    ${line}`),
  );
}

/** When it opens, but not as it says: what to do another time. */
export function askToChange(name: string, repair: Repair, stated: StatedFacts): string {
  const { advice } = keyFileReading(repair.keyFile);
  const flags = formatFlags(repair.parameters);
  const isStated = stated.parameters !== null && formatFlags(stated.parameters) === flags;
  const advices = [
    ...(advice === '' ? [] : [`- ${advice}`]),
    ...(isStated ? [] : [`- say in the note what was used: openssl enc ${flags}`]),
    '- send all files in binary mode, unchanged',
  ];
  return lines(
    `The file ${name}, which you sent us, did not open as it was sent. What we found:`,
    '',
    ...repair.changes.map((change) => `- ${change}`),
    '',
    'We could open it in this way. Another time, please:',
    '',
    ...advices,
  );
}
