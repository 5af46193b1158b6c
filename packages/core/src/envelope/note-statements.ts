/** What a note has said so far, as openssl flags: their parser is the only judge of values and contradictions. */
import { SealdropError } from '../errors.ts';
import { formatOaep } from '../keys/oaep-parameters.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import { lookUpCipher } from '../openssl/ciphers.ts';
import { lookUpDigest } from '../openssl/digests.ts';
import { DEFAULT_DIGEST } from '../openssl/parameters.ts';
import type { EncParameters, KeyDerivation } from '../openssl/parameters.ts';
import { parseFlags } from '../openssl/parse-flags.ts';
import { quoteWord } from '../openssl/quoted-word.ts';
import { checkPasswordWord, formOfKeyWord, ruleOfPassSource } from '../openssl/secret-sources.ts';

export type NamedDerivation = Exclude<KeyDerivation['method'], 'raw-key'>;

export function badNote(reason: string): SealdropError {
  return new SealdropError('bad-note', `the algorithm note cannot be understood: ${reason}`, {
    hint: 'a note that always works is one line: openssl enc -aes-256-cbc -pbkdf2',
  });
}

/** Such words may be the secret itself; random text of letters and digits counts too. */
const SECRET_LIKE = /^(?=.*\d)(?=.*[a-z])[\w+/=.:-]{16,}$/i;

export function unknownWord(word: string): SealdropError {
  if (SECRET_LIKE.test(word))
    return badNote(`an unknown word of ${word.length} characters (not shown: it may be a secret)`);
  return badNote(`unknown word ${quoteWord(word)}`);
}

/** A flag in the one form in which it is compared with what was said before; a secret among the flags is refused and never kept. */
type Tokens = readonly [key: string, ...words: string[]];

const KEY_FILE_TEXT = 'pass:$(cat key.bin)';

const FLAGS_WITH_VALUE: ReadonlyMap<string, (value: string) => Tokens> = new Map([
  ['-md', (value): Tokens => ['-md', '-md', lookUpDigest(value) ?? value]],
  ['-iter', (value): Tokens => ['-iter', '-iter', value]],
  ['-saltlen', (value): Tokens => ['-saltlen', '-saltlen', value]],
  ['-S', (value): Tokens => ['-S', '-S', value.toLowerCase()]],
  ['-iv', (value): Tokens => ['-iv', '-iv', value.toLowerCase()]],
  ['-pass', passTokens],
  ['-passin', passTokens],
  ['-k', (value): Tokens => (checkPasswordWord(value), ['passphrase', '-pass', KEY_FILE_TEXT])],
  ['-kfile', (): Tokens => ['passphrase', '-kfile', 'key.bin']],
  ['-K', (value): Tokens => ['-K', '-K', formOfKeyWord(value) === 'hex' ? 'file:key.bin' : 'raw:key.bin']],
]);

function passTokens(source: string): Tokens {
  return ['passphrase', '-pass', ruleOfPassSource(source) === 'file' ? 'file:key.bin' : KEY_FILE_TEXT];
}

export class NoteStatements {
  /** Words by what they speak of. */
  readonly #flags = new Map<string, readonly string[]>();
  #derivation: NamedDerivation | null = null;
  /** A `-md` flag alone means EVP_BytesToKey, as it does to openssl; a digest in words alone is PBKDF2's. */
  #digestGiven: 'as-flag' | 'in-words' | null = null;
  #oaep: OaepParameters | null = null;

  /** Null when the note does not say. */
  get oaep(): OaepParameters | null {
    return this.#oaep;
  }

  addFlag(flag: string): void {
    const cipher = lookUpCipher(flag);
    if (cipher === undefined) this.#add([flag, flag]);
    else this.#add(['cipher', `-${cipher.name}`]);
  }

  /** What a flag like `-in` names is no statement about the payload. */
  addFlagWithValue(flag: string, value: string): void {
    const tokens = FLAGS_WITH_VALUE.get(flag)?.(value);
    if (tokens === undefined) return;
    if (flag === '-md') this.#digestGiven = 'as-flag';
    this.#add(tokens);
  }

  addDigestInWords(digest: string): void {
    this.#digestGiven ??= 'in-words';
    this.#add(['-md', '-md', digest]);
  }

  #add([key, ...words]: Tokens): void {
    const before = this.#flags.get(key)?.join(' ');
    const now = words.join(' ');
    if (before !== undefined && before !== now)
      throw badNote(`it says both ${quoteWord(before)} and ${quoteWord(now)}`);
    this.#flags.set(key, words);
  }

  setDerivation(derivation: NamedDerivation): void {
    if (this.#derivation !== null && this.#derivation !== derivation)
      throw badNote('it names both PBKDF2 and EVP_BytesToKey');
    this.#derivation = derivation;
  }

  setOaep(oaep: OaepParameters): void {
    if (this.#oaep !== null && formatOaep(this.#oaep) !== formatOaep(oaep)) {
      throw badNote(`it names OAEP with both ${formatOaep(this.#oaep)} and ${formatOaep(oaep)}`);
    }
    this.#oaep = oaep;
  }

  /** @throws SealdropError `bad-note`, or what the flags' parser throws */
  toParameters(): EncParameters {
    if (this.#flags.size === 0) throw badNote('it does not name a cipher');
    return parseFlags([...[...this.#flags.values()].flat(), ...this.#derivationFlags()]);
  }

  #derivationFlags(): readonly string[] {
    if (this.#derivation === 'evp-bytes-to-key') {
      if (this.#flags.has('-iter'))
        throw badNote('it names EVP_BytesToKey and an iteration count, which openssl enc never has together');
      return this.#digestGiven === null ? ['-md', DEFAULT_DIGEST] : [];
    }
    return this.#derivation === 'pbkdf2' || this.#digestGiven === 'in-words' ? ['-pbkdf2'] : [];
  }
}
