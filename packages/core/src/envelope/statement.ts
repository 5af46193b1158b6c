/** What an envelope says of itself: parameters, OAEP and plaintext name, each from the first source that says it. */
import { basename } from 'node:path';
import { aboutSubject, SealdropError, toSealdropError } from '../errors.ts';
import { oaepWith } from '../keys/oaep-parameters.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import type { EnvelopeFiles } from './envelope-files.ts';
import { MAXIMUM_MANIFEST_SIZE, parametersOfManifest, parseManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { oaepHashInName, plaintextNameOf } from './naming.ts';
import { MAXIMUM_NOTE_SIZE, parseNote } from './note.ts';
import type { Note } from './note.ts';
import { readMember } from './read-member.ts';

/** The members that say something, and what the caller says instead of them. */
export interface StatementSource {
  /** The payload's path, or null for a stream. */
  readonly payload: string | null;
  readonly wrappedKey: string;
  readonly note: string | null;
  readonly manifest: string | null;
  readonly parameters?: EncParameters | undefined;
  readonly defaultParameters?: EncParameters | undefined;
  readonly oaep?: OaepParameters | undefined;
  /** Sees the manifest's bytes before they are parsed, and throws when they are not to be trusted. */
  readonly checkManifest?: ((bytes: Uint8Array) => void) | undefined;
  readonly files?: EnvelopeFiles | undefined;
}

export type ParametersSource = 'caller' | 'manifest' | 'note' | 'default';
export type OaepSource = 'caller' | 'manifest' | 'note' | 'name' | 'unknown';

export interface Statement {
  readonly manifest: Manifest | null;
  readonly parameters: EncParameters;
  readonly parametersSource: ParametersSource;
  /** To be tried in this order: one when it is stated, both hashes of the article when it is only guessed from the name. */
  readonly oaepCandidates: readonly OaepParameters[];
  readonly oaepSource: OaepSource;
  readonly plaintextName: string;
}

/** Where neither payload nor manifest has a name. */
const NAME_OF_STREAM = 'plaintext';

/** @throws SealdropError `incomplete-envelope` when nothing says the parameters, or what the parsers throw */
export async function readStatement(source: StatementSource): Promise<Statement> {
  const manifest =
    source.manifest === null ? null : await readManifest(source.manifest, source.checkManifest, source.files);
  const note = needsNoNote(source, manifest) ? null : await readNoteOf(source);
  const plaintextName = manifest?.plaintext.name ?? nameFromPayload(source.payload);
  return {
    manifest,
    ...statedParameters(source, manifest, note),
    ...statedOaep(source, manifest, note),
    plaintextName,
  };
}

function statedParameters(
  source: StatementSource,
  manifest: Manifest | null,
  note: Note | null,
): Pick<Statement, 'parameters' | 'parametersSource'> {
  if (source.parameters !== undefined) return { parameters: source.parameters, parametersSource: 'caller' };
  if (manifest !== null) return { parameters: parametersOfManifest(manifest.parameters), parametersSource: 'manifest' };
  if (note !== null) return { parameters: note.parameters, parametersSource: 'note' };
  if (source.defaultParameters !== undefined)
    return { parameters: source.defaultParameters, parametersSource: 'default' };
  throw withoutParameters(source.wrappedKey);
}

/** A note beside a manifest is for people; a broken one must not stop what the manifest states. */
function needsNoNote(source: StatementSource, manifest: Manifest | null): boolean {
  return manifest !== null || (source.parameters !== undefined && source.oaep !== undefined);
}

/** @param check sees the very bytes that are parsed: the file is read once */
export async function readManifest(
  path: string,
  check?: (bytes: Uint8Array) => void,
  files?: EnvelopeFiles,
): Promise<Manifest> {
  const bytes = await readMember(path, MAXIMUM_MANIFEST_SIZE, files);
  return parseAbout(path, () => {
    check?.(bytes);
    return parseManifest(bytes);
  });
}

async function readNoteOf({ note, parameters, files }: StatementSource): Promise<Note | null> {
  if (note === null) return null;
  return readNote(note, files).catch((error: unknown) => {
    // It could only have said the OAEP hash, which can be tried: what the caller states is the cure for a note that is not understood.
    if (parameters !== undefined && error instanceof SealdropError && error.blame === 'sender') return null;
    throw error;
  });
}

async function readNote(path: string, files: EnvelopeFiles | undefined): Promise<Note> {
  const bytes = await readMember(path, MAXIMUM_NOTE_SIZE, files);
  return parseAbout(path, () => parseNote(bytes));
}

function parseAbout<Content>(path: string, parse: () => Content): Content {
  try {
    return parse();
  } catch (error) {
    throw aboutSubject(toSealdropError(error), path);
  }
}

function withoutParameters(wrappedKey: string): SealdropError {
  return new SealdropError(
    'incomplete-envelope',
    `${wrappedKey}: nothing beside it says the parameters of the payload`,
    {
      hint: 'add an algorithm note or a manifest, or state the parameters, like "-aes-256-cbc -pbkdf2"',
    },
  );
}

function nameFromPayload(payload: string | null): string {
  return payload === null ? NAME_OF_STREAM : plaintextNameOf(basename(payload));
}

function statedOaep(
  source: StatementSource,
  manifest: Manifest | null,
  note: Note | null,
): Pick<Statement, 'oaepCandidates' | 'oaepSource'> {
  if (source.oaep !== undefined) return { oaepCandidates: [source.oaep], oaepSource: 'caller' };
  if (manifest !== null) return { oaepCandidates: [oaepWith(manifest.key.oaep)], oaepSource: 'manifest' };
  if (note !== null && note.oaep !== null) return { oaepCandidates: [note.oaep], oaepSource: 'note' };
  const inName = oaepHashInName(basename(source.wrappedKey));
  // A name is a habit, not a statement: the other hash is tried too.
  const order = inName === 'sha1' ? (['sha1', 'sha256'] as const) : (['sha256', 'sha1'] as const);
  return { oaepCandidates: order.map(oaepWith), oaepSource: inName === null ? 'unknown' : 'name' };
}
