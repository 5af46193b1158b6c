/** The prose and flags of a note: `AES-256-CBC with -aes-256-cbc flag`, `PBKDF2, SHA-256, 10,000 iterations`. */
import { SealdropError } from '../errors.ts';
import { parseOaep } from '../keys/oaep-parameters.ts';
import { findCipher, lookUpCipher } from '../openssl/ciphers.ts';
import { lookUpDigest } from '../openssl/digests.ts';
import { flagTakesValue } from '../openssl/parse-flags.ts';
import { badNote, unknownWord } from './note-statements.ts';
import type { NoteStatements } from './note-statements.ts';

/** Words that say nothing about the parameters. Any word that is neither here nor a name is an error. */
const FILLER_WORDS: ReadonlySet<string> = new Set(
  `a an the is was were be been are it its this that these those we i you our your and or as at by for from in into of on to via with
  using used use uses algorithm algorithms mode modes flag flags option options parameter parameters switch command commands line cli
  tool utility program version encrypt encrypted encryption encrypting encipher enciphered cipher ciphers symmetric data file files
  payload content contents document attachment key keys derivation derive derived function kdf password passphrase secret random salt
  salted hash digest hmac prf md message openssl enc libressl standard default defaults openssl's iteration iterations count wrapped
  wrap wrapping rsa padding pkcs7 pkcs#7 pkcs5 pkcs#5 public asymmetric kms aws bit bits block chaining please note see all same
  both`.split(/\s+/),
);
/** File names of an envelope's members and of keys. */
const FILE_NAME = /^[\w.-]+\.(?:enc|bin|pem|alg)$/i;
const PUNCTUATION = /^[^\p{L}\p{N}]*$/u;

const COUNT = /^\d+$/;
const COUNT_WORD = /^(?:iter|iterations?|rounds?)$/;
/** How many words may stand between `OAEP` and its hash. */
const OAEP_REACH = 4;

const BLOCK_CIPHER = 'aes|aria|camellia';
const MODE = 'cbc|cfb1|cfb8|cfb|ctr|ofb|ecb';
const WITH_BITS = new RegExp(
  `\\b(${BLOCK_CIPHER})[ _-]?(128|192|256)(?:[ -]?bits?)?(?:[ -](?:in|with))?[ _-](${MODE})\\b`,
  'gi',
);
const BITS_FIRST = new RegExp(`\\b(128|192|256)[ -]?bits? (${BLOCK_CIPHER})(?: in| with)?[ _-](${MODE})\\b`, 'gi');

/** Brings the spellings that people use to one word each: `AES 256 CBC`, `SHA-256`, `10,000`, `EVP_BytesToKey`. */
export function normalizeNames(text: string): string {
  return text
    .replaceAll(WITH_BITS, '$1-$2-$3')
    .replaceAll(BITS_FIRST, '$2-$1-$3')
    .replaceAll(/\b(?:(?:3|triple)[ -]?des|des-?3)[ -](?:ede[ -])?cbc\b/gi, 'des-ede3-cbc')
    .replaceAll(/\bpbkdf[ _-]?2\b/gi, 'pbkdf2')
    .replaceAll(/\b(pbkdf2[ _-])?hmac[_-](?=sha|md5)/gi, '$1')
    .replaceAll(/\bpbkdf2[_-](?=sha|md5)/gi, 'pbkdf2 ')
    .replaceAll(/\bsha[ _-]?(1|224|256|384|512)\b/gi, 'sha$1')
    .replaceAll(/\b(\d{1,3})[,_'](\d{3})(?:[,_'](\d{3}))?\b/g, '$1$2$3')
    .replaceAll(/\bevp[ _-]?bytes[ _-]?to[ _-]?key\b/gi, 'evp-bytes-to-key')
    .replaceAll(/(?<![\w-])(?:without|no|not using) -?pbkdf2\b/gi, 'evp-bytes-to-key');
}

const WORD = /'[^']*'(?=[\s,.;:)]|$)|(?:[^\s"]|"[^"]*")+|"/g;

/** @throws SealdropError `bad-note` naming the word that is not understood, `unsupported-cipher`, `bad-parameters` */
export function readProse(statements: NoteStatements, text: string): void {
  readWords(statements, (normalizeNames(text).match(WORD) ?? []).map(trimWord));
}

/** What is around a word in a sentence: quotes, brackets, backticks, stops. Within quotes all is kept. */
function trimWord(word: string): string {
  const quoted = /^(["'`])([^"'`]+)\1[,.;:)]*$/.exec(word)?.[2];
  return quoted ?? trimPunctuation(word);
}

/** Not a regular expression: those that end in `$` take quadratic time on a long run of dots. */
function trimPunctuation(word: string): string {
  let start = 0;
  let end = word.length;
  while (start < end && '"\'(`'.includes(word[start] ?? '')) start++;
  while (end > start && '"\'),.;:`'.includes(word[end - 1] ?? '')) end--;
  return word.slice(start, end);
}

const FLAG = /^--?[a-z0-9]/i;
/** What follows may be the secret itself. */
const SECRET_FOLLOWS = /^-{0,2}(?:k|keys?|pass(?:in|word|phrase|wd)?|pwd|secrets?)$/i;

/** @throws SealdropError like `readProse` */
export function readWords(statements: NoteStatements, words: readonly string[]): void {
  let guarded: 'repeat' | 'never-repeat' = 'repeat';
  for (let index = 0; index < words.length;) {
    const word = words[index] ?? '';
    const following = words.slice(index + 1, index + 1 + OAEP_REACH);
    try {
      index += 1 + (FLAG.test(word) ? readFlag : readWord)(statements, word, following);
    } catch (error) {
      if (guarded === 'never-repeat' && isBadNote(error))
        throw badNote('an unknown word after a word like "password" or "key" (not shown: it may be a secret)');
      throw error;
    }
    if (SECRET_FOLLOWS.test(trimPunctuation(word))) guarded = 'never-repeat';
  }
}

function isBadNote(error: unknown): boolean {
  return error instanceof SealdropError && error.code === 'bad-note';
}

/** Reads one word, and says how many of those behind it belong to it. */
type WordReader = (statements: NoteStatements, word: string, following: readonly string[]) => number;

/** `--md` and `-md=sha256` are the same to openssl as `-md sha256` (openssl/apps/lib/opt.c). */
const readFlag: WordReader = (statements, word, [next]) => {
  const equals = word.indexOf('=');
  const flag = `-${(equals < 0 ? word : word.slice(0, equals)).replace(/^--?/, '')}`;
  const value = equals < 0 ? next : word.slice(equals + 1);
  if (flag === '-pbkdf2') statements.setDerivation('pbkdf2');
  else if (flagTakesValue(flag) && value !== undefined) {
    statements.addFlagWithValue(flag, value.replace(/[,.;]$/, ''));
    return equals < 0 ? 1 : 0;
  } else statements.addFlag(flag);
  return 0;
};

const readWord: WordReader = (statements, word, following) => {
  const lower = word.toLowerCase();
  if (lower === 'pbkdf2' || lower === 'evp-bytes-to-key') statements.setDerivation(lower);
  else if (lower === 'oaep' || lower === 'rsa-oaep') return readOaep(statements, following);
  else if (isCount(lower, bare(following[0]))) return readCount(statements, lower, following);
  else readName(statements, lower);
  return 0;
};

function isCount(word: string, next: string): boolean {
  return (COUNT.test(word) && COUNT_WORD.test(next)) || (COUNT_WORD.test(word) && COUNT.test(next));
}

const readCount: WordReader = (statements, word, following) => {
  statements.addFlagWithValue('-iter', COUNT.test(word) ? word : bare(following[0]));
  statements.setDerivation('pbkdf2');
  return 1;
};

function readName(statements: NoteStatements, word: string): void {
  if (FILLER_WORDS.has(word) || PUNCTUATION.test(word) || FILE_NAME.test(word)) return;
  const digest = lookUpDigest(word);
  if (digest !== undefined) statements.addDigestInWords(digest);
  else if (lookUpCipher(word) !== undefined) statements.addFlag(`-${word}`);
  else throw notAName(word);
}

/** A cipher that is known but cannot be used is told by name; any other word is just unknown. */
function notAName(word: string): SealdropError {
  try {
    findCipher(word);
  } catch (error) {
    if (error instanceof SealdropError && error.code === 'unsupported-cipher') return error;
  }
  return unknownWord(word);
}

/** `OAEP with SHA-256`, `OAEP (SHA-1)`, `OAEP`: the digest behind it is OAEP's, not the derivation's. */
const readOaep = (statements: NoteStatements, following: readonly string[]): number => {
  const words = following.map(bare);
  const index = words.findIndex((word) => !FILLER_WORDS.has(word));
  if (index < 0 || lookUpDigest(words[index] ?? '') === undefined) return 0;
  statements.setOaep(parseOaep(words[index] ?? ''));
  return index + 1;
};

function bare(word: string | undefined): string {
  return (word ?? '').toLowerCase().replaceAll(/["'(),.;:]/g, '');
}
