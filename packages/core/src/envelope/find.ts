/** From what a person names (a folder, a stem, any one file of an envelope) to its members. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { SealdropError, toSealdropError } from '../errors.ts';
import { groupNames } from './grouping.ts';
import type { EnvelopeGroup, GroupedNames } from './grouping.ts';
import { membersOf } from './naming.ts';
import type { EnvelopeMembers } from './naming.ts';

/** What a name turned out to be: an envelope, or the reason why it is none. */
export type FoundEnvelope =
  | { readonly kind: 'envelope'; readonly members: EnvelopeMembers }
  | { readonly kind: 'failure'; readonly path: string; readonly error: SealdropError };

/**
 * Finds the envelopes that `paths` name, each once, in the order they are first named. A path is a folder (then every envelope
 * in it), a stem (`in/report.csv` for `in/report.csv.enc`, …) or any one of an envelope's files; naming several
 * of its files is naming it once. What is no complete envelope stands among the results, so that the others can go on.
 * @param parameters `known` when a note is not needed.
 */
export async function searchEnvelopes(
  paths: readonly string[],
  parameters: 'by-note' | 'known',
): Promise<readonly FoundEnvelope[]> {
  const listings = new Map<string, Promise<GroupedNames>>();
  const list = (directory: string) => {
    const listing = listings.get(directory) ?? listDirectory(directory);
    listings.set(directory, listing);
    return listing;
  };
  const found = new Map<string, FoundEnvelope>();
  for (const path of paths) {
    for (const item of await envelopesAt(path, { parameters, list })) {
      const id = item.kind === 'envelope' ? resolve(item.members.payload) : item.error.message;
      if (!found.has(id)) found.set(id, item);
    }
  }
  return [...found.values()];
}

/**
 * The same where one bad name spoils the whole call.
 * @throws SealdropError `not-found`, `incomplete-envelope`, `ambiguous-envelope`
 */
export async function findEnvelopes(
  paths: readonly string[],
  parameters: 'by-note' | 'known',
): Promise<readonly EnvelopeMembers[]> {
  const found = await searchEnvelopes(paths, parameters);
  return found.map((item) => {
    if (item.kind === 'failure') throw item.error;
    return item.members;
  });
}

interface Search {
  readonly parameters: 'by-note' | 'known';
  /** Each directory is read once in a search. */
  readonly list: (directory: string) => Promise<GroupedNames>;
}

async function envelopesAt(path: string, { parameters, list }: Search): Promise<readonly FoundEnvelope[]> {
  try {
    const isFolder = await isDirectory(path);
    const directory = isFolder ? path : dirname(path);
    const { groups } = await list(directory);
    const named = isFolder ? groups : groupsNamed(basename(path), groups);
    if (named.length === 0) throw isFolder ? holdsNone(path) : await notAnEnvelope(path);
    return named.map((group) => membersIn(directory, group, parameters));
  } catch (error) {
    return [{ kind: 'failure', path, error: toSealdropError(error, path) }];
  }
}

function groupsNamed(name: string, groups: readonly EnvelopeGroup[]): readonly EnvelopeGroup[] {
  const group =
    groups.find((candidate) => holds(candidate, name)) ?? groups.find((candidate) => candidate.stem === name);
  return group === undefined ? [] : [group];
}

function membersIn(directory: string, group: EnvelopeGroup, parameters: 'by-note' | 'known'): FoundEnvelope {
  try {
    return { kind: 'envelope', members: inDirectory(directory, group, parameters) };
  } catch (error) {
    const path = join(directory, group.stem);
    return { kind: 'failure', path, error: toSealdropError(error, path) };
  }
}

function holds(group: EnvelopeGroup, name: string): boolean {
  return Object.values(group.names).some((names) => names.includes(name));
}

function inDirectory(directory: string, group: EnvelopeGroup, parameters: 'by-note' | 'known'): EnvelopeMembers {
  const members = membersOf(group, parameters);
  const at = (name: string | null): string | null => (name === null ? null : join(directory, name));
  return {
    payload: join(directory, members.payload),
    wrappedKey: join(directory, members.wrappedKey),
    note: at(members.note),
    manifest: at(members.manifest),
    signature: at(members.signature),
  };
}

const NAMES_HINT =
  'an envelope is NAME.enc, NAME.key.enc and NAME.alg (or NAME.manifest.json), or a folder with one *.enc, key.bin.enc and algorithm.txt; ' +
  'name other files one by one with --payload and --wrapped-key';

function holdsNone(path: string): SealdropError {
  return new SealdropError('incomplete-envelope', `${path}: holds no envelope`, { hint: NAMES_HINT });
}

async function notAnEnvelope(path: string): Promise<SealdropError> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (!exists)
    return new SealdropError('not-found', `${path}: no such file, folder or stem of an envelope`, { hint: NAMES_HINT });
  return new SealdropError('incomplete-envelope', `${path}: its name is not that of an envelope's member`, {
    hint: NAMES_HINT,
  });
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}

async function listDirectory(directory: string): Promise<GroupedNames> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const names = entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
    return groupNames(names, 'folder');
  } catch (error) {
    throw toSealdropError(error, directory);
  }
}
