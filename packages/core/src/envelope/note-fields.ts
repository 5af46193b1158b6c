/** The `name: value` lines of a note. */
import { parseOaep } from '../keys/oaep-parameters.ts';
import { lookUpDigest } from '../openssl/digests.ts';
import { quoteWord } from '../openssl/quoted-word.ts';
import { readText } from './note-commands.ts';
import { badNote, unknownWord } from './note-statements.ts';
import type { NoteStatements } from './note-statements.ts';
import { normalizeNames } from './note-words.ts';

type FieldReader = (statements: NoteStatements, value: string) => void;

const readDigest: FieldReader = (statements, value) => {
  const digest = lookUpDigest(normalizeNames(value));
  if (digest === undefined) throw unknownWord(value);
  statements.addDigestInWords(digest);
};

const readIterations: FieldReader = (statements, value) => {
  const digits = value.replaceAll(/[,_' ]/g, '');
  if (!/^\d+$/.test(digits)) throw badNote(`${quoteWord(value)} is not a number of iterations`);
  statements.addFlagWithValue('-iter', digits);
  statements.setDerivation('pbkdf2');
};

const readSalt: FieldReader = (statements, value) => {
  if (/^(?:none|no|false|-?nosalt)$/i.test(value)) statements.addFlag('-nosalt');
  else if (/^(?:yes|true|random|header|salted|-salt|in (?:the )?(?:file|payload))$/i.test(value))
    statements.addFlag('-salt');
  else statements.addFlagWithValue('-S', value);
};

const readSaltLength: FieldReader = (statements, value) => statements.addFlagWithValue('-saltlen', value);

const readArmor: FieldReader = (statements, value) => {
  if (/^(?:base64|yes|true|ascii|lines|pem|-a|-base64)$/i.test(value)) statements.addFlag('-a');
  else if (!/^(?:none|no|binary|false|raw)$/i.test(value)) throw unknownWord(value);
};

const readOaep: FieldReader = (statements, value) =>
  statements.setOaep(parseOaep(normalizeNames(value).replace(/^(?:rsa-?)?oaep(?: with| using)?[\s-]*/i, '')));

/** Names in lower case, with blanks and underscores as dashes. */
const FIELDS: Readonly<Record<string, FieldReader>> = {
  ...fields('cipher algorithm encryption-algorithm encryption command flags options parameters openssl', readText),
  ...fields('kdf key-derivation key-derivation-function derivation', readText),
  ...fields('digest md hash prf', readDigest),
  ...fields('iter iterations iteration-count rounds', readIterations),
  ...fields('salt', readSalt),
  ...fields('saltlen salt-length', readSaltLength),
  ...fields('armor encoding base64', readArmor),
  ...fields('oaep oaep-hash key-wrapping key-wrap', readOaep),
};

function fields(names: string, read: FieldReader): Record<string, FieldReader> {
  return Object.fromEntries(names.split(' ').map((name) => [name, read]));
}

/** Reads the line if it is a field of a known name. */
export function readField(statements: NoteStatements, line: string): 'read' | 'not-a-field' {
  const colon = line.search(/[:=]/);
  const name = line
    .slice(0, Math.max(colon, 0))
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, '-');
  const value = withoutQuotes(
    line
      .slice(colon + 1)
      .trim()
      .replace(/[.;,]$/, ''),
  );
  if (value === '' || !Object.hasOwn(FIELDS, name)) return 'not-a-field';
  FIELDS[name]?.(statements, value);
  return 'read';
}

function withoutQuotes(value: string): string {
  return /^(["'`])([^"'`]*)\1$/.exec(value)?.[2]?.trim() ?? value;
}
