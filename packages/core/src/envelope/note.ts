/**
 * The algorithm note: what a sender wrote about the parameters, as prose, as openssl commands or as `name: value` lines. Everything
 * is turned into openssl's own flags first, so that their parser is the only judge of values and contradictions. A word that is
 * not understood is an error, never a guess.
 */
import { SealdropError } from '../errors.ts';
import { oaepWith, parseOaep } from '../keys/oaep-parameters.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import { findCipher, lookUpCipher } from '../openssl/ciphers.ts';
import { lookUpDigest } from '../openssl/digests.ts';
import { DEFAULT_DIGEST, formatFlags } from '../openssl/parameters.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import { flagTakesValue, parseFlags } from '../openssl/parse-flags.ts';
import { FILLER_WORDS } from './note-words.ts';

/** Larger notes are `limit-exceeded`. */
export const MAXIMUM_NOTE_SIZE: number = 64 * 1024;

export interface Note {
  readonly parameters: EncParameters;
  /** Null when the note does not say. */
  readonly oaep: OaepParameters | null;
}

/** What the lines say so far: openssl flags (each with its argument), and what no flag can say. */
interface Statements {
  readonly flags: Map<string, readonly string[]>;
  derivation: 'pbkdf2' | 'evp-bytes-to-key' | null;
  /** A `-md` flag alone means EVP_BytesToKey, as it does to openssl; a digest in words alone is PBKDF2's. */
  digestGiven: 'as-flag' | 'in-words' | null;
  oaep: OaepParameters | null;
}

/**
 * Reads a note in UTF-8 (with or without BOM) or UTF-16 with BOM, as Windows writes it. Silence about the derivation means `-pbkdf2`
 * with SHA-256 and 10,000 iterations; a bare `-md` flag means EVP_BytesToKey, as it does to openssl.
 * @throws SealdropError `bad-note` naming the word, `limit-exceeded`, or what the flags' parser throws
 */
export function parseNote(bytes: Uint8Array): Note {
  if (bytes.length > MAXIMUM_NOTE_SIZE) {
    throw new SealdropError(
      'limit-exceeded',
      `the algorithm note has ${bytes.length} bytes; the limit is ${MAXIMUM_NOTE_SIZE}`,
    );
  }
  const statements: Statements = { flags: new Map(), derivation: null, digestGiven: null, oaep: null };
  const lines = decodeText(bytes)
    .replaceAll(/\\\r?\n/g, ' ')
    .split(/\r\n|\n|\r/);
  for (const line of lines) readLine(statements, line.trim().replace(/^[$>]\s+/, ''));
  return { parameters: parametersOf(statements), oaep: statements.oaep };
}

/** The note that says `parameters`: openssl's own command line, which every reader of notes understands. */
export function formatNote(parameters: EncParameters, oaep: OaepParameters): string {
  return `openssl enc ${formatFlags(parameters)}\noaep: ${oaep.hash}\n`;
}

function parametersOf({ flags, derivation, digestGiven }: Statements): EncParameters {
  if (flags.size === 0) throw badNote('it does not name a cipher');
  const tokens = [...flags.values()].flat();
  if (derivation === 'evp-bytes-to-key') {
    if (tokens.includes('-iter'))
      throw badNote('it names EVP_BytesToKey and an iteration count, which openssl enc never has together');
    if (digestGiven === null) tokens.push('-md', DEFAULT_DIGEST);
  } else if (derivation === 'pbkdf2' || digestGiven === 'in-words') {
    tokens.push('-pbkdf2');
  }
  return parseFlags(tokens);
}

function readLine(statements: Statements, line: string): void {
  if (
    line === '' ||
    line.startsWith('#') ||
    /^(openssl\s+(rand|version|genrsa|dgst)|aws|sftp|scp|cat|echo)\b/i.test(line)
  )
    return;
  if (/^openssl\s+(rsautl|pkeyutl)\b/i.test(line)) {
    setOaep(statements, oaepOfCommand(line));
    return;
  }
  const field = /^([a-z][a-z0-9 _-]*?)\s*[:=]\s*(\S.*)$/i.exec(line);
  const name = field?.[1]?.toLowerCase().replaceAll(/[\s_-]+/g, '-') ?? '';
  const read = FIELDS[name];
  if (read === undefined) readWords(statements, line);
  else read(statements, (field?.[2] ?? '').trim().replace(/[.;,]$/, ''));
}

function badNote(reason: string): SealdropError {
  return new SealdropError('bad-note', `the algorithm note cannot be understood: ${reason}`, {
    hint: 'a note that always works is one line: openssl enc -aes-256-cbc -pbkdf2',
  });
}

function unknownWord(word: string): SealdropError {
  return badNote(`unknown word ${JSON.stringify(word.slice(0, 60))}`);
}

/* --- name: value --- */

type FieldReader = (statements: Statements, value: string) => unknown;

const readCipher: FieldReader = (statements, value) => readWords(statements, value);
const readDerivation: FieldReader = (statements, value) => readWords(statements, value);
const readDigest: FieldReader = (statements, value) => {
  const digest = lookUpDigest(normalizeNames(value));
  if (digest === undefined) throw unknownWord(value);
  addDigest(statements, digest);
};
const readIterations: FieldReader = (statements, value) => {
  const digits = value.replaceAll(/[,_' ]/g, '');
  if (!/^\d+$/.test(digits)) throw badNote(`${JSON.stringify(value.slice(0, 60))} is not a number of iterations`);
  addFlag(statements, '-iter', digits);
  setDerivation(statements, 'pbkdf2');
};
const readSalt: FieldReader = (statements, value) => {
  if (/^(none|no|false|nosalt|-nosalt)$/i.test(value)) return addFlag(statements, '-nosalt');
  if (/^(yes|true|random|header|salted|-salt|in (the )?(file|payload))$/i.test(value))
    return addFlag(statements, '-salt');
  addFlag(statements, '-S', value);
};
const readArmor: FieldReader = (statements, value) => {
  if (/^(none|no|binary|false|raw|der)$/i.test(value)) return;
  if (!/^(base64|yes|true|ascii|lines|pem|-a|-base64)$/i.test(value)) throw unknownWord(value);
  addFlag(statements, '-a');
};
const readOaep: FieldReader = (statements, value) =>
  setOaep(statements, parseOaep(normalizeNames(value).replace(/^oaep[\s-]*/i, '')));

const FIELDS: Readonly<Record<string, FieldReader>> = {
  cipher: readCipher,
  algorithm: readCipher,
  'encryption-algorithm': readCipher,
  encryption: readCipher,
  command: readCipher,
  flags: readCipher,
  options: readCipher,
  parameters: readCipher,
  openssl: readCipher,
  kdf: readDerivation,
  'key-derivation': readDerivation,
  'key-derivation-function': readDerivation,
  derivation: readDerivation,
  digest: readDigest,
  md: readDigest,
  hash: readDigest,
  prf: readDigest,
  iter: readIterations,
  iterations: readIterations,
  'iteration-count': readIterations,
  rounds: readIterations,
  salt: readSalt,
  saltlen: (statements, value) => addFlag(statements, '-saltlen', value),
  'salt-length': (statements, value) => addFlag(statements, '-saltlen', value),
  armor: readArmor,
  encoding: readArmor,
  base64: readArmor,
  oaep: readOaep,
  'oaep-hash': readOaep,
  'key-wrapping': readOaep,
  'key-wrap': readOaep,
};

/* --- prose and flags --- */

/** Brings the spellings that people use to one word each: `AES 256 CBC`, `SHA-256`, `10,000`, `EVP_BytesToKey`. */
function normalizeNames(text: string): string {
  return text
    .replaceAll(
      /\b(aes|aria|camellia)[ _-]?(128|192|256)(?:[ -]?bits?)?(?:[ -](?:in|with))?[ _-](cbc|cfb1|cfb8|cfb|ctr|ofb|ecb)\b/gi,
      '$1-$2-$3',
    )
    .replaceAll(/\b(?:(?:3|triple)[ -]?des|des-?3)[ -](?:ede[ -])?cbc\b/gi, 'des-ede3-cbc')
    .replaceAll(/\bsha[ _-]?(1|224|256|384|512)\b/gi, 'sha$1')
    .replaceAll(/\b(\d{1,3})[,_'](\d{3})(?:[,_'](\d{3}))?\b/g, '$1$2$3')
    .replaceAll(/\bpbkdf[ _-]?2\b/gi, 'pbkdf2')
    .replaceAll(/\bevp[ _-]?bytes[ _-]?to[ _-]?key\b/gi, 'evp-bytes-to-key')
    .replaceAll(/\b(?:without|no|not using) pbkdf2\b/gi, 'evp-bytes-to-key');
}

function readWords(statements: Statements, line: string): void {
  const words = normalizeNames(line).match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    const flag = word.replace(/^["'(]+/, '').replace(/["'),.;:]+$/, '');
    if (/^-[a-z0-9]/i.test(flag)) index += readFlag(statements, flag, words[index + 1]);
    else index += readWord(statements, flag, words.slice(index + 1));
  }
}

/** @returns how many of the words behind the flag belong to it */
function readFlag(statements: Statements, flag: string, argument: string | undefined): number {
  const takesValue = flagTakesValue(flag) && argument !== undefined;
  if (flag === '-pbkdf2') setDerivation(statements, 'pbkdf2');
  else if (takesValue) addFlag(statements, flag, argument);
  else addFlag(statements, flag);
  if (flag === '-md') statements.digestGiven = 'as-flag';
  return takesValue ? 1 : 0;
}

/** @returns how many of the words behind it belong to it */
function readWord(statements: Statements, word: string, following: readonly string[]): number {
  const lower = word.toLowerCase();
  const next = bareWord(following[0] ?? '');
  if (lower === 'pbkdf2' || lower === 'evp-bytes-to-key') return setDerivation(statements, lower);
  if (lower === 'oaep' || lower === 'rsa-oaep') return readOaepWords(statements, following);
  const count =
    /^\d+$/.test(lower) && ITERATIONS.test(next) ? lower : ITERATIONS.test(lower) && /^\d+$/.test(next) ? next : null;
  if (count !== null) {
    readIterations(statements, count);
    return 1;
  }
  return readName(statements, lower);
}

const ITERATIONS = /^(iter|iterations?|rounds?)$/;

function readName(statements: Statements, word: string): 0 {
  if (word === '' || FILLER_WORDS.has(word)) return 0;
  const digest = lookUpDigest(word);
  if (digest !== undefined) return addDigest(statements, digest);
  if (lookUpCipher(word) !== undefined) return addFlag(statements, `-${word}`);
  try {
    findCipher(word);
  } catch (error) {
    if (error instanceof SealdropError && error.code === 'unsupported-cipher') throw error;
  }
  throw unknownWord(word);
}

/** `OAEP with SHA-256`, `OAEP (SHA-1)`, `OAEP`: the digest behind it is OAEP's, not the derivation's. */
function readOaepWords(statements: Statements, following: readonly string[]): number {
  const index = following.slice(0, 4).findIndex((word) => lookUpDigest(bareWord(word)) !== undefined);
  const between = following.slice(0, Math.max(index, 0)).every((word) => FILLER_WORDS.has(bareWord(word)));
  if (index < 0 || !between) return 0;
  setOaep(statements, parseOaep(bareWord(following[index] ?? '')));
  return index + 1;
}

function bareWord(word: string): string {
  return word.toLowerCase().replaceAll(/["'(),.;:]/g, '');
}

/* --- statements --- */

function addFlag(statements: Statements, flag: string, argument?: string): 0 {
  const cipher = lookUpCipher(flag);
  const key = cipher === undefined ? flag : 'cipher';
  const tokens = argument === undefined ? [cipher === undefined ? flag : `-${cipher.name}`] : [flag, argument];
  const before = statements.flags.get(key);
  if (before !== undefined && before.join(' ') !== tokens.join(' '))
    throw badNote(`it says both ${before.join(' ')} and ${tokens.join(' ')}`);
  statements.flags.set(key, tokens);
  return 0;
}

function addDigest(statements: Statements, digest: string): 0 {
  addFlag(statements, '-md', digest);
  statements.digestGiven ??= 'in-words';
  return 0;
}

function setDerivation(statements: Statements, derivation: 'pbkdf2' | 'evp-bytes-to-key'): 0 {
  if (statements.derivation !== null && statements.derivation !== derivation)
    throw badNote('it names both PBKDF2 and EVP_BytesToKey');
  statements.derivation = derivation;
  return 0;
}

function setOaep(statements: Statements, oaep: OaepParameters): void {
  if (statements.oaep !== null && statements.oaep.hash !== oaep.hash)
    throw badNote(`it names OAEP with both ${statements.oaep.hash} and ${oaep.hash}`);
  statements.oaep = oaep;
}

/** `rsautl -oaep` and `pkeyutl` without `rsa_oaep_md` use SHA-1 (openssl-pkeyutl(1)). */
function oaepOfCommand(line: string): OaepParameters {
  const options = [...line.matchAll(/\brsa_(?:oaep_md|mgf1_md|oaep_label):\S+/g)].map(([option]) => option);
  return options.length === 0 ? oaepWith('sha1') : parseOaep(options.join(' '));
}

/* --- text --- */

function decodeText(bytes: Uint8Array): string {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    if (text.includes('\0')) throw badNote('it is not text');
    return text;
  } catch (error) {
    if (error instanceof SealdropError) throw error;
    throw badNote('it is not text');
  }
}
