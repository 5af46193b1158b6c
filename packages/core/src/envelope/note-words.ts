/** The prose and flags of a note: `AES-256-CBC with -aes-256-cbc flag`, `PBKDF2, SHA-256, 10,000 iterations`. */
import { SealdropError } from '../errors.ts';
import { parseOaep } from '../keys/oaep-parameters.ts';
import { findCipher, lookUpCipher } from '../openssl/ciphers.ts';
import { lookUpDigest } from '../openssl/digests.ts';
import { flagTakesValue } from '../openssl/parse-flags.ts';
import { unknownWord } from './note-statements.ts';
import type { NoteStatements } from './note-statements.ts';

/** Words that say nothing about the parameters. Any word that is neither here nor a name is an error. */
const FILLER_WORDS: ReadonlySet<string> = new Set(
  `a an the is was were be been are it its this that these those we i you our your and or as at by for from in into of on to via with
  using used use uses algorithm algorithms mode modes flag flags option options parameter parameters switch command commands line cli
  tool utility program version encrypt encrypted encryption encrypting encipher enciphered cipher ciphers symmetric data file files
  payload content contents document attachment key keys derivation derive derived function kdf password passphrase secret random salt
  salted hash digest hmac prf md message openssl enc libressl standard default defaults openssl's iteration iterations count wrapped
  wrap wrapping rsa padding public asymmetric kms aws bit bits block chaining please note see all same both`.split(
    /\s+/,
  ),
);

const COUNT = /^\d+$/;
const COUNT_WORD = /^(?:iter|iterations?|rounds?)$/;
/** How many words may stand between `OAEP` and its hash. */
const OAEP_REACH = 4;

/** Brings the spellings that people use to one word each: `AES 256 CBC`, `SHA-256`, `10,000`, `EVP_BytesToKey`. */
export function normalizeNames(text: string): string {
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
    .replaceAll(/(?<![\w-])(?:without|no|not using) -?pbkdf2\b/gi, 'evp-bytes-to-key');
}

/** @throws SealdropError `bad-note` naming the word that is not understood, `unsupported-cipher` */
export function readWords(statements: NoteStatements, line: string): void {
  const words = normalizeNames(line).match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  for (let index = 0; index < words.length;) {
    const word = (words[index] ?? '').replace(/^["'(]+/, '').replace(/["'),.;:]+$/, '');
    const following = words.slice(index + 1, index + 1 + OAEP_REACH);
    const read = /^-[a-z0-9]/i.test(word) ? readFlag : readWord;
    index += 1 + read(statements, word, following);
  }
}

/** Reads one word, and says how many of those behind it belong to it. */
type WordReader = (statements: NoteStatements, word: string, following: readonly string[]) => number;

const readFlag: WordReader = (statements, flag, [argument]) => {
  if (flag === '-pbkdf2') statements.setDerivation('pbkdf2');
  else if (flagTakesValue(flag) && argument !== undefined) {
    statements.addFlag(flag, argument);
    return 1;
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
  statements.addFlag('-iter', COUNT.test(word) ? word : bare(following[0]));
  statements.setDerivation('pbkdf2');
  return 1;
};

function readName(statements: NoteStatements, word: string): void {
  if (word === '' || FILLER_WORDS.has(word)) return;
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
