import { SealdropError } from '../errors.ts';
import { quoteWord } from './quoted-word.ts';

/** `$(cat FILE)`, `$(<FILE)`, `` `cat FILE` ``: the file's text without its trailing newlines. No pipes: they could change it. */
const FILE_TEXT = /^(?:\$\((?:\s*cat\s+|\s*<\s*)[^|;&<>()`$]+\)|`\s*cat\s+[^|;&<>()`$]+`)$/;
/** `$VAR`, `${VAR}`, `%VAR%`, `$env:VAR`: set from the key file in the way that `FILE_TEXT` shows. */
const VARIABLE = /^(?:\$(?:env:)?\w+|\$\{\w+\}|%\w+%)$/;
/** `$(od …)`, `$(xxd -p …)`, `$(hexdump …)`: the file's bytes as hexadecimal text. */
const FILE_AS_HEXADECIMAL = /^(?:\$\(|`)\s*(?:od|xxd|hexdump)\b/;

function secretInFlags(flag: string): SealdropError {
  return new SealdropError('bad-parameters', `the flags hold a secret, or something that is no file, after ${flag}`, {
    hint: 'name the key file instead (-pass file:key.bin), and treat a secret that was sent in the open as known to others',
  });
}

/** Whether a word stands for the text of the key file and is not itself a secret. */
export function isFileText(word: string): boolean {
  return FILE_TEXT.test(word) || VARIABLE.test(word);
}

/**
 * Which rule reads the passphrase under `-pass SOURCE` (openssl-passphrase-options(1)).
 * @throws SealdropError `bad-parameters` when the source is itself a secret (which is not repeated) or unknown
 */
export function ruleOfPassSource(source: string): 'file' | 'argument' {
  if (/^(?:file:.|fd:\d|stdin$)/s.test(source)) return 'file';
  if (/^env:./s.test(source)) return 'argument';
  if (source.startsWith('pass:')) {
    if (isFileText(source.slice('pass:'.length))) return 'argument';
    throw secretInFlags('-pass pass:');
  }
  const kind = /^[a-z]{1,10}(?=:)/i.exec(source)?.[0];
  const what = kind === undefined ? '' : ` (it begins with ${quoteWord(kind)})`;
  throw new SealdropError('bad-parameters', `what follows -pass is none of file:, fd:, stdin, env: and pass:${what}`);
}

/** @throws SealdropError `bad-parameters` when the word after `-k` is itself a secret, which is not repeated */
export function checkPasswordWord(word: string): 'argument' {
  if (isFileText(word)) return 'argument';
  throw secretInFlags('-k');
}

/**
 * In which form the key file holds the key under `-K WORD`.
 * @throws SealdropError `bad-parameters` when the word is itself a secret, which is not repeated
 */
export function formOfKeyWord(word: string): 'hex' | 'bytes' {
  if (FILE_AS_HEXADECIMAL.test(word) || /^raw:./s.test(word)) return 'bytes';
  if (isFileText(word) || /^file:./s.test(word)) return 'hex';
  throw secretInFlags('-K');
}
