/**
 * The algorithm note: what a sender wrote about the parameters, as prose, as openssl commands or as `name: value` lines. A word that is
 * not understood is an error, never a guess.
 */
import { SealdropError } from '../errors.ts';
import { formatOaep } from '../keys/oaep-parameters.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import { formatFlags } from '../openssl/parameters.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import { readText } from './note-commands.ts';
import { readField } from './note-fields.ts';
import { badNote, NoteStatements } from './note-statements.ts';

/** Bytes. Larger notes are `limit-exceeded`. */
export const MAXIMUM_NOTE_SIZE: number = 64 * 1024;

export interface Note {
  readonly parameters: EncParameters;
  /** Null when the note does not say. */
  readonly oaep: OaepParameters | null;
}

/**
 * Reads a note in UTF-8 (with or without BOM) or UTF-16 with BOM, as Windows writes it. Silence about the derivation means `-pbkdf2`
 * with SHA-256 and 10,000 iterations; a bare `-md` flag means EVP_BytesToKey, as it does to openssl.
 * @throws SealdropError `bad-note` naming the word, `limit-exceeded`, or what the flags' parser throws
 */
export function parseNote(bytes: Uint8Array): Note {
  if (bytes.length > MAXIMUM_NOTE_SIZE) {
    throw new SealdropError('limit-exceeded', `the algorithm note is larger than ${MAXIMUM_NOTE_SIZE} bytes`);
  }
  const statements = new NoteStatements();
  const text = decodeText(bytes).replaceAll(CONTINUATION, ' ');
  for (const line of text.split(/\r\n|\n|\r/)) readLine(statements, withoutOrnament(line));
  return { parameters: statements.toParameters(), oaep: statements.oaep };
}

/** The note that says `parameters`: openssl's own command line, which every reader of notes understands. */
export function formatNote(parameters: EncParameters, oaep: OaepParameters): string {
  return `openssl enc ${formatFlags(parameters)}\noaep: ${formatOaep(oaep)}\n`;
}

/** A line goes on after `\\` in a Unix shell, `^` in cmd.exe, a backtick in PowerShell; a shell that waits for the rest shows `>`. */
const CONTINUATION = /(?:\\|\^| `)\r?\n(?:> )?/g;
const PROMPT =
  /^(?:[$>%] |(?:[^\s@]{1,64}@|\[|PS |[A-Z]:\\)[^$#%>]{0,200}[$#%>] ?(?=(?:& )?\S*openssl|[a-z]+ )(?:& )?)/;
const LIST_MARK = /^(?:[-*•]|\d{1,3}[.)])\s+/;

/** A line without what a terminal or Markdown puts around it. */
function withoutOrnament(line: string): string {
  const text = line
    .trim()
    .replace(PROMPT, '')
    .replace(LIST_MARK, '')
    .replaceAll(/(?<!\*)\*\*(?!\*)/g, '')
    .trim();
  return /^`([^`]+)`$/.exec(text)?.[1] ?? text;
}

/** Comments, Markdown's fences, what openssl prints, and commands beside openssl. */
const PASSED_OVER: readonly RegExp[] = [
  /^(?:#|```|$)/,
  /^(?:Open|Libre)SSL \d+(?:\.\d+){1,3}[a-z]{0,2}(?: +\d{1,2} \w{3} \d{4})?(?: \(Library: .{0,80}\))?$/,
  /^The command "?\w{1,20}"? was deprecated in version/,
  /^Using -iter or -pbkdf2 would be better/,
  /^(?:aws (?:kms|s3|s3api|sts|configure)|sftp|scp|cat|echo) /,
];
/** openssl/apps/enc.c prints it whenever a password is used without `-pbkdf2` and `-iter`. */
const DEPRECATED_DERIVATION = /^\*{3} WARNING ?: deprecated key derivation used/;

function readLine(statements: NoteStatements, line: string): void {
  if (DEPRECATED_DERIVATION.test(line)) return statements.setDerivation('evp-bytes-to-key');
  if (!/ openssl /.test(line) && PASSED_OVER.some((pattern) => pattern.test(line))) return;
  if (readField(statements, line) === 'not-a-field') readText(statements, line);
}

function decodeText(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
  } catch {
    throw badNote('it is not text');
  }
  if (text.includes('\0')) throw badNote('it is not text');
  return text;
}

/** By the byte order mark; PowerShell 5's `>` writes UTF-16. */
function encodingOf([first, second]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
}
