/** The command lines of a note, as people paste them from a terminal. */
import { SealdropError } from '../errors.ts';
import { oaepWith, parseOaep } from '../keys/oaep-parameters.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import { isCipherName } from '../openssl/ciphers.ts';
import { splitWords } from '../openssl/shell-words.ts';
import { unknownWord } from './note-statements.ts';
import type { NoteStatements } from './note-statements.ts';
import { normalizeNames, readProse, readWords } from './note-words.ts';

const OPENSSL = /openssl(?:\.exe)?$/i;
/** Subcommands that say nothing of the payload. */
const SILENT_SUBCOMMAND = /^(?:rand|version|genrsa|genpkey|rsa|pkey|x509|dgst|help|list)$/;
const WRAPPING_SUBCOMMAND = /^(?:rsautl|pkeyutl)$/;
/** Commands that leave the bytes that pass through them as they are, or touch other things. */
const SILENT_COMMAND =
  /^(?:cat|dd|pv|tee|split|echo|printf|aws|sftp|scp|ssh|rsync|curl|cd|ls|cp|mv|rm|shred|chmod|sha256sum|shasum)$/;
const SEPARATOR = /^(?:\||\|\||&&|;|&)$/;
const REDIRECTION = /^\d?(?:>>?|<)/;

interface ShellCommand {
  readonly words: readonly string[];
  /** What ends it. */
  readonly separator: string;
}

/** Reads a line, or a field's value, that is a command or a sentence. */
export function readText(statements: NoteStatements, text: string): void {
  const commands = shellCommands(text);
  if (commands === null) readProse(statements, text);
  else for (const [index, command] of commands.entries()) readCommand(statements, command, commands[index + 1]);
}

/** Null when it is no command line with an openssl in it, nor bare flags. */
function shellCommands(text: string): readonly ShellCommand[] | null {
  if (!/openssl/i.test(text) && !text.startsWith('-')) return null;
  const commands = splitCommands(text);
  return commands?.some(isCommand) === true ? commands : null;
}

function isCommand({ words }: ShellCommand): boolean {
  return isOpenssl(words) || words[0]?.startsWith('-') === true;
}

/** Null when a quote is not closed: then it is a sentence with an apostrophe. */
function splitCommands(text: string): readonly ShellCommand[] | null {
  const commands: ShellCommand[] = [];
  let words: string[] = [];
  try {
    for (const word of splitWords(normalizeNames(text))) {
      const separator = SEPARATOR.test(word) ? word : word.endsWith(';') ? ';' : '';
      if (separator !== word) words.push(separator === '' ? word : word.slice(0, -separator.length));
      if (separator === '') continue;
      commands.push({ words, separator });
      words = [];
    }
  } catch {
    return null;
  }
  return [...commands, { words, separator: '' }];
}

/** `openssl enc …`, `openssl aes-256-cbc …`: the program and something that it runs, and no sentence about it. */
function isOpenssl([program = '', subcommand = '']: readonly string[]): boolean {
  if (!OPENSSL.test(program)) return false;
  return (
    /^-|^enc$/.test(subcommand) ||
    SILENT_SUBCOMMAND.test(subcommand) ||
    WRAPPING_SUBCOMMAND.test(subcommand) ||
    isCipherName(subcommand)
  );
}

function readCommand(statements: NoteStatements, command: ShellCommand, next: ShellCommand | undefined): void {
  const { words } = command;
  const [program = ''] = words;
  if (isOpenssl(words)) readOpenssl(statements, words);
  else if (program.startsWith('-')) readWords(statements, withoutRedirections(words));
  else if (program !== '' && !feedsOpenssl(command, next)) checkSilent(program);
}

/** What openssl is fed through a pipe is the plaintext's affair. */
function feedsOpenssl({ separator }: ShellCommand, next: ShellCommand | undefined): boolean {
  return separator === '|' && next !== undefined && isOpenssl(next.words);
}

function readOpenssl(statements: NoteStatements, [, ...words]: readonly string[]): void {
  const [subcommand = ''] = words;
  if (WRAPPING_SUBCOMMAND.test(subcommand)) readWrapping(statements, words);
  else if (!SILENT_SUBCOMMAND.test(subcommand)) readWords(statements, withoutRedirections(words));
}

function checkSilent(program: string): void {
  if (!SILENT_COMMAND.test(program)) throw unknownWord(program);
}

function withoutRedirections(words: readonly string[]): readonly string[] {
  return words.filter((word, index) => !REDIRECTION.test(word) && !/^\d?(?:>>?|<)$/.test(words[index - 1] ?? ''));
}

/** `rsautl -oaep` and `pkeyutl` without `rsa_oaep_md` use SHA-1 (openssl-pkeyutl(1)). */
function readWrapping(statements: NoteStatements, words: readonly string[]): void {
  const options = words.filter((word) => /^rsa_(?:padding_mode|oaep_md|mgf1_md|oaep_label):/.test(word));
  statements.setOaep(options.length === 0 ? oaepWith('sha1') : namedOaep(options));
}

function namedOaep(options: readonly string[]): OaepParameters {
  const padding = options.find((option) => option.startsWith('rsa_padding_mode:'))?.slice('rsa_padding_mode:'.length);
  if (padding === undefined || padding.toLowerCase() === 'oaep') return parseOaep(options.join(' '));
  throw new SealdropError(
    'unsupported-oaep',
    `the note says that the key is wrapped with padding ${padding.slice(0, 20)}`,
    {
      hint: 'wrap it with OAEP: openssl pkeyutl -encrypt -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256',
    },
  );
}
