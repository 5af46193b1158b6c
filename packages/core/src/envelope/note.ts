/**
 * The algorithm note: what a sender wrote about the parameters, as prose, as openssl commands or as `name: value` lines. A word that is
 * not understood is an error, never a guess.
 */
import { SealdropError } from '../errors.ts';
import { oaepWith, parseOaep } from '../keys/oaep-parameters.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import { formatFlags } from '../openssl/parameters.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import { readField } from './note-fields.ts';
import { badNote, NoteStatements } from './note-statements.ts';
import { readWords } from './note-words.ts';

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
  const text = decodeText(bytes).replaceAll(/\\\r?\n/g, ' ');
  for (const line of text.split(/\r\n|\n|\r/)) readLine(statements, line.trim().replace(/^[$>]\s+/, ''));
  return { parameters: statements.toParameters(), oaep: statements.oaep };
}

/** The note that says `parameters`: openssl's own command line, which every reader of notes understands. */
export function formatNote(parameters: EncParameters, oaep: OaepParameters): string {
  return `openssl enc ${formatFlags(parameters)}\noaep: ${oaep.hash}\n`;
}

/** Comments, and the commands before and after `openssl enc` that people paste along. */
const PASSED_OVER = /^(?:#|$|(?:openssl\s+(?:rand|version|genrsa|dgst)|aws|sftp|scp|cat|echo)\b)/i;
const WRAPPING_COMMAND = /^openssl\s+(?:rsautl|pkeyutl)\b/i;

function readLine(statements: NoteStatements, line: string): void {
  if (PASSED_OVER.test(line)) return;
  if (WRAPPING_COMMAND.test(line)) statements.setOaep(oaepOfCommand(line));
  else if (readField(statements, line) === 'not-a-field') readWords(statements, line);
}

/** `rsautl -oaep` and `pkeyutl` without `rsa_oaep_md` use SHA-1 (openssl-pkeyutl(1)). */
function oaepOfCommand(line: string): OaepParameters {
  const options = line.match(/\brsa_(?:oaep_md|mgf1_md|oaep_label):\S+/g);
  return options === null ? oaepWith('sha1') : parseOaep(options.join(' '));
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
