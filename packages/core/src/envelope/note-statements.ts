/** What a note has said so far, as openssl flags: their parser is the only judge of values and contradictions. */
import { SealdropError } from '../errors.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import { lookUpCipher } from '../openssl/ciphers.ts';
import { DEFAULT_DIGEST } from '../openssl/parameters.ts';
import type { EncParameters, KeyDerivation } from '../openssl/parameters.ts';
import { parseFlags } from '../openssl/parse-flags.ts';

export type NamedDerivation = Exclude<KeyDerivation['method'], 'raw-key'>;

const SHOWN_LENGTH = 60;

export function badNote(reason: string): SealdropError {
  return new SealdropError('bad-note', `the algorithm note cannot be understood: ${reason}`, {
    hint: 'a note that always works is one line: openssl enc -aes-256-cbc -pbkdf2',
  });
}

export function unknownWord(word: string): SealdropError {
  return badNote(`unknown word ${JSON.stringify(word.slice(0, SHOWN_LENGTH))}`);
}

export class NoteStatements {
  /** Each flag with its argument; all names of ciphers are one entry. */
  readonly #flags = new Map<string, readonly string[]>();
  #derivation: NamedDerivation | null = null;
  /** A `-md` flag alone means EVP_BytesToKey, as it does to openssl; a digest in words alone is PBKDF2's. */
  #digestGiven: 'as-flag' | 'in-words' | null = null;
  #oaep: OaepParameters | null = null;

  /** Null when the note does not say. */
  get oaep(): OaepParameters | null {
    return this.#oaep;
  }

  addFlag(flag: string, argument?: string): void {
    if (flag === '-md') this.#digestGiven ??= 'as-flag';
    const cipher = lookUpCipher(flag);
    const tokens = argument === undefined ? [cipher === undefined ? flag : `-${cipher.name}`] : [flag, argument];
    this.#add(cipher === undefined ? flag : 'cipher', tokens);
  }

  addDigestInWords(digest: string): void {
    this.#digestGiven ??= 'in-words';
    this.#add('-md', ['-md', digest]);
  }

  #add(key: string, tokens: readonly string[]): void {
    const before = this.#flags.get(key)?.join(' ');
    const now = tokens.join(' ');
    if (before !== undefined && before !== now)
      throw badNote(`it says both ${before} and ${now}`.slice(0, 3 * SHOWN_LENGTH));
    this.#flags.set(key, tokens);
  }

  setDerivation(derivation: NamedDerivation): void {
    if (this.#derivation !== null && this.#derivation !== derivation)
      throw badNote('it names both PBKDF2 and EVP_BytesToKey');
    this.#derivation = derivation;
  }

  setOaep(oaep: OaepParameters): void {
    if (this.#oaep !== null && this.#oaep.hash !== oaep.hash) {
      throw badNote(`it names OAEP with both ${this.#oaep.hash} and ${oaep.hash}`);
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
