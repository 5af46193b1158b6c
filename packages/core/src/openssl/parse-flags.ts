import { SealdropError } from '../errors.ts';
import {
  checkParameters,
  DEFAULT_DIGEST,
  DEFAULT_ITERATIONS,
  DEFAULT_SALT_LENGTH,
  LARGEST_ITERATIONS,
  MAXIMUM_SALT_LENGTH,
} from './check-parameters.ts';
import { CHACHA_NAME, type Cipher, CIPHER_NAMES, findCipher, lookUpCipher } from './ciphers.ts';
import { findDigest } from './digests.ts';
import { parseHexadecimal } from './hexadecimal.ts';
import { suggestNames } from './nearest-names.ts';
import type { EncParameters, KeyDerivation, PassphraseRule, Salt } from './parameters.ts';
import { quoteWord } from './quoted-word.ts';
import { checkPasswordWord, formOfKeyWord, isFileText, ruleOfPassSource } from './secret-sources.ts';
import { splitWords } from './shell-words.ts';

/** What the flags said; a field that no flag set is absent. */
interface Statements {
  cipher?: Cipher;
  pbkdf2?: 'yes';
  digest?: string;
  iterations?: number;
  salt?: 'salted' | 'none';
  saltHexadecimal?: string;
  saltLength?: number;
  ivHexadecimal?: string;
  padding?: 'none';
  base64?: 'yes';
  oneLine?: 'yes';
  passphraseRule?: PassphraseRule;
  rawKeyForm?: 'hex' | 'bytes';
}

function bad(fault: string, hint?: string): SealdropError {
  return new SealdropError('bad-parameters', fault, { hint });
}

/** States one thing; saying the same twice is allowed, saying two things is not. */
function state<Key extends keyof Statements>(
  said: Statements,
  [key, value]: [Key, Required<Statements>[Key]],
  flag: string,
): void {
  if (said[key] !== undefined && said[key] !== value)
    throw bad(`the flags contradict each other: ${flag} is said twice, or against another flag`);
  Object.assign(said, { [key]: value });
}

const DECIMAL = /^[1-9]\d{0,9}$/;

function parseCount(flag: string, value: string): number {
  const count = DECIMAL.test(value) ? Number(value) : Number.NaN;
  if (count <= LARGEST_ITERATIONS) return count;
  throw bad(`${flag} takes a whole number from 1 to ${LARGEST_ITERATIONS}, not ${quoteWord(value)}`);
}

function parseHexadecimalWord(flag: string, value: string): string {
  if (/^[0-9a-f]+$/i.test(value)) return value.toLowerCase();
  throw bad(`${flag} takes hexadecimal digits, not ${quoteWord(value)}`);
}

type Reader = (said: Statements, value: string) => void;

/** Flags that stand alone. */
const LONE_FLAGS: Readonly<Record<string, (said: Statements) => void>> = {
  '-pbkdf2': (said) => state(said, ['pbkdf2', 'yes'], '-pbkdf2'),
  '-salt': (said) => state(said, ['salt', 'salted'], '-salt'),
  '-nosalt': (said) => state(said, ['salt', 'none'], '-nosalt'),
  '-nopad': (said) => state(said, ['padding', 'none'], '-nopad'),
  '-a': (said) => state(said, ['base64', 'yes'], '-a'),
  '-base64': (said) => state(said, ['base64', 'yes'], '-base64'),
  '-A': (said) => state(said, ['oneLine', 'yes'], '-A'),
};

/** Flags that take the next word. */
const FLAGS_WITH_VALUE: Readonly<Record<string, Reader>> = {
  '-md': (said, value) => state(said, ['digest', findDigest(value)], '-md'),
  '-iter': (said, value) => state(said, ['iterations', parseCount('-iter', value)], '-iter'),
  '-saltlen': (said, value) => state(said, ['saltLength', parseCount('-saltlen', value)], '-saltlen'),
  '-S': (said, value) => state(said, ['saltHexadecimal', parseHexadecimalWord('-S', value)], '-S'),
  '-iv': (said, value) => state(said, ['ivHexadecimal', parseHexadecimalWord('-iv', value)], '-iv'),
  '-pass': (said, value) => state(said, ['passphraseRule', ruleOfPassSource(value)], '-pass'),
  '-passin': (said, value) => state(said, ['passphraseRule', ruleOfPassSource(value)], '-passin'),
  '-k': (said, value) => state(said, ['passphraseRule', checkPasswordWord(value)], '-k'),
  '-kfile': (said) => state(said, ['passphraseRule', 'kfile'], '-kfile'),
  '-K': (said, value) => state(said, ['rawKeyForm', formOfKeyWord(value)], '-K'),
};

/** Flags that do not touch the format. */
const HARMLESS_FLAGS: ReadonlySet<string> = new Set(['-e', '-d', '-p', '-v', '-debug']);
const HARMLESS_FLAGS_WITH_VALUE: ReadonlySet<string> = new Set([
  '-in',
  '-out',
  '-bufsize',
  '-rand',
  '-writerand',
  '-engine',
  '-provider',
  '-provider-path',
  '-provparam',
  '-propquery',
]);

/** Whether the word behind a flag belongs to it. */
export function flagTakesValue(flag: string): boolean {
  return FLAGS_WITH_VALUE[flag] !== undefined || HARMLESS_FLAGS_WITH_VALUE.has(flag);
}

/** Flags of enc that make something other than a payload. */
const REFUSED_FLAGS: Readonly<Record<string, string>> = {
  '-z': 'compressed payloads (-z) are not supported: ask the sender to encrypt without -z',
  '-none': '-none does not encrypt',
  '-P': '-P prints the key and encrypts nothing',
};

const FLAG_NAMES = [
  ...Object.keys(LONE_FLAGS),
  ...Object.keys(FLAGS_WITH_VALUE),
  ...HARMLESS_FLAGS,
  ...HARMLESS_FLAGS_WITH_VALUE,
];

const CIPHER_LIKE =
  /^-{0,2}(?:aes|aria|camellia|sm4|des|chacha|bf|blowfish|cast|rc[245]|idea|seed|id-)|-(?:cbc|ctr|cfb\d*|ofb|ecb|gcm|ccm)$/i;

/** A misspelt flag that may hold a secret is shown without what follows. */
const SECRET_FLAG = /^(-{1,2}(?:pass|k)).+$/is;

function unknownWord(word: string): SealdropError {
  const names = [...FLAG_NAMES, ...CIPHER_NAMES.map((name) => `-${name}`)];
  return bad(`openssl enc has no flag ${quoteWord(word.replace(SECRET_FLAG, '$1…'))}`, suggestNames(word, names));
}

interface SplitFlag {
  readonly flag: string;
  /** Null when it is the next word. */
  readonly value: string | null;
}

/** `-S ff`, `--S ff` and `-S=ff` are the same (openssl/apps/lib/opt.c). */
function splitFlag(word: string): SplitFlag {
  const match = /^-(-?[^=]+?)(?:=(.*))?$/s.exec(word);
  if (match === null) return { flag: word, value: null };
  return { flag: `-${(match[1] ?? '').replace(/^-/, '')}`, value: match[2] ?? null };
}

const REDIRECTION = /^\d*(?:<|>{1,2})(&?\S*)$/;
const OPENSSL = /^(?:.*[/\\])?openssl(?:\.exe)?$/i;
const ASSIGNMENT = /^[A-Za-z_]\w*=(.*)$/s;

/** Drops what stands before the flags: `KEY="$(cat key.bin)" openssl enc`. */
function withoutCommand(words: readonly string[]): readonly string[] {
  const start = words.findIndex((word) => !ASSIGNMENT.test(word));
  const assigned = words.slice(0, start).map((word) => ASSIGNMENT.exec(word)?.[1] ?? '');
  if (!assigned.every(isFileText)) {
    throw bad('the flags begin with a variable that is set to something other than the text of the key file');
  }
  const command = words.slice(Math.max(start, 0));
  const rest = OPENSSL.test(command[0] ?? '') ? command.slice(1) : command;
  const [first = '', ...others] = rest;
  if (first === 'enc') return others;
  return lookUpCipher(first) === undefined || first.startsWith('-') ? rest : [`-${first}`, ...others];
}

/** How many words were taken. */
type Taken = 1 | 2;

function takeValue(said: Statements, { flag, value }: SplitFlag, next: string | undefined): Taken {
  const argument = value ?? next;
  if (argument === undefined || argument === '') throw bad(`${flag} needs a value`);
  FLAGS_WITH_VALUE[flag]?.(said, argument);
  return value === null ? 2 : 1;
}

function takesValue(flag: string): boolean {
  return Object.hasOwn(FLAGS_WITH_VALUE, flag) || HARMLESS_FLAGS_WITH_VALUE.has(flag);
}

/** Whether a word like `-iter` or `-in` is a flag of `openssl enc` that the next word belongs to. */
export function flagTakesArgument(word: string): boolean {
  const { flag, value } = splitFlag(word);
  return value === null && takesValue(flag);
}

function takeWord(said: Statements, word: string, next: string | undefined): Taken {
  const redirection = REDIRECTION.exec(word);
  if (redirection !== null) return redirection[1] === '' ? 2 : 1;
  if (!word.startsWith('-')) throw bad(`the word ${quoteWord(word)} has no place among the flags of openssl enc`);
  const split = splitFlag(word);
  if (takesValue(split.flag)) return takeValue(said, split, next);
  takeLoneWord(said, word, split);
  return 1;
}

function takeLoneWord(said: Statements, word: string, { flag, value }: SplitFlag): void {
  const refusal = REFUSED_FLAGS[flag];
  if (refusal !== undefined) throw bad(refusal);
  if (value === null && Object.hasOwn(LONE_FLAGS, flag)) LONE_FLAGS[flag]?.(said);
  else if (value !== null || !HARMLESS_FLAGS.has(flag)) takeCipher(said, word);
}

function takeCipher(said: Statements, word: string): void {
  const cipher = CIPHER_LIKE.test(word) ? findCipher(word) : lookUpCipher(word);
  if (cipher === undefined) throw unknownWord(word);
  state(said, ['cipher', cipher], word);
}

function readStatements(words: readonly string[]): Statements {
  const said: Statements = {};
  for (let index = 0; index < words.length;) {
    index += takeWord(said, words[index] ?? '', words[index + 1]);
  }
  return said;
}

/** Silence about the derivation means `-pbkdf2` (DESIGN section 2); a digest alone is what openssl makes of it: EVP_BytesToKey. */
function derivationOf(said: Statements): KeyDerivation {
  if (said.rawKeyForm !== undefined) {
    if (said.passphraseRule !== undefined) throw bad('the flags contradict each other: -K takes no passphrase');
    return { method: 'raw-key', form: said.rawKeyForm };
  }
  const digest = said.digest ?? DEFAULT_DIGEST;
  const onlyDigest = said.digest !== undefined && said.pbkdf2 === undefined && said.iterations === undefined;
  if (onlyDigest) return { method: 'evp-bytes-to-key', digest };
  return { method: 'pbkdf2', digest, iterations: said.iterations ?? DEFAULT_ITERATIONS };
}

function saltOf(said: Statements, derivation: KeyDerivation): Salt {
  if (said.salt === 'none' && said.saltHexadecimal !== undefined)
    throw bad('the flags contradict each other: -nosalt and -S');
  if (derivation.method === 'raw-key' || said.salt === 'none') return { kind: 'none' };
  // openssl/apps/enc.c: -saltlen has no effect without -pbkdf2.
  const length =
    derivation.method === 'pbkdf2'
      ? Math.min(said.saltLength ?? DEFAULT_SALT_LENGTH, MAXIMUM_SALT_LENGTH)
      : DEFAULT_SALT_LENGTH;
  const given = said.saltHexadecimal === undefined ? null : parseHexadecimal(said.saltHexadecimal, length);
  return given === null ? { kind: 'header', length } : { kind: 'given', bytes: Uint8Array.from(given) };
}

/**
 * LibreSSL's `-chacha` is ChaCha20 with an 8-byte IV in 2.8 and with the 16-byte IV of `-chacha20` in 3.3. Only the older has no
 * `-pbkdf2` and takes MD5 by default; with a raw key the length of `-iv` tells.
 */
function resolveCipher(said: Statements, cipher: Cipher, derivation: KeyDerivation): Cipher {
  if (cipher.name !== CHACHA_NAME) return cipher;
  const isOld =
    derivation.method === 'raw-key'
      ? (said.ivHexadecimal ?? '').length <= 2 * cipher.ivLength
      : derivation.method === 'evp-bytes-to-key' && derivation.digest === 'md5';
  return isOld ? cipher : findCipher('chacha20');
}

function ivOf(said: Statements, cipher: Cipher): Uint8Array | null {
  const iv = said.ivHexadecimal === undefined ? null : parseHexadecimal(said.ivHexadecimal, cipher.ivLength);
  return iv === null || cipher.ivLength === 0 ? null : Uint8Array.from(iv);
}

/** As openssl does, `-A` without `-a` is without effect. */
function armorOf(said: Statements): EncParameters['armor'] {
  if (said.base64 === undefined) return 'none';
  return said.oneLine === undefined ? 'lines' : 'one-line';
}

/**
 * Reads flags of `openssl enc` in any order, with or without the `openssl enc` before them: a command line as one text (quotes and
 * line continuations are obeyed) or as words. Flags that do not touch the format (`-in`, `-out`, `-d`, `-v`, …) are passed over.
 *
 * Where neither `-pbkdf2`, `-iter` nor `-md` is said, `-pbkdf2` is taken (SHA-256, 10,000): not what openssl does, but what the
 * recipe that senders follow does. EVP_BytesToKey is said by `-md` without `-pbkdf2`.
 *
 * `-K file:key.bin` (hexadecimal text) and `-K raw:key.bin` (bytes) are Sealdrop's own short forms.
 * @throws SealdropError `bad-parameters`, `unknown-cipher`, `unsupported-cipher`. A secret among the flags is refused and never repeated.
 */
export function parseFlags(flags: string | readonly string[]): EncParameters {
  const said = readStatements(withoutCommand(typeof flags === 'string' ? splitWords(flags) : flags));
  if (said.cipher === undefined) throw bad('the flags name no cipher', 'add one, like -aes-256-cbc');
  const keyDerivation = derivationOf(said);
  const cipher = resolveCipher(said, said.cipher, keyDerivation);
  const parameters: EncParameters = {
    cipher: cipher.name,
    keyDerivation,
    salt: saltOf(said, keyDerivation),
    iv: ivOf(said, cipher),
    padding: cipher.blockLength > 1 ? (said.padding ?? 'pkcs7') : 'pkcs7',
    armor: armorOf(said),
    passphraseRule: said.passphraseRule ?? 'file',
  };
  checkParameters(parameters);
  return parameters;
}
