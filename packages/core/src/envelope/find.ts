/** From what a person names (a folder, a stem, any one file of an envelope) to its members. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SealdropError, toSealdropError } from '../errors.ts';
import { groupNames, membersOf } from './naming.ts';
import type { EnvelopeGroup, EnvelopeMembers } from './naming.ts';

/**
 * Finds the envelopes that `paths` name, each once, in the order they are first named. A path is a folder (then every envelope
 * in it), a stem (`in/report.csv` for `in/report.csv.enc`, …) or any one of an envelope's files; naming several
 * of its files is naming it once.
 * @param parameters `known` when a note is not needed.
 * @throws SealdropError `not-found`, `incomplete-envelope`, `ambiguous-envelope`
 */
export async function findEnvelopes(
  paths: readonly string[],
  parameters: 'by-note' | 'known',
): Promise<readonly EnvelopeMembers[]> {
  const found = new Map<string, EnvelopeMembers>();
  for (const path of paths) {
    for (const members of await envelopesAt(path, parameters)) {
      if (!found.has(members.payload)) found.set(members.payload, members);
    }
  }
  return [...found.values()];
}

async function envelopesAt(path: string, parameters: 'by-note' | 'known'): Promise<EnvelopeMembers[]> {
  if (await isDirectory(path)) {
    const { groups } = groupNames(await fileNames(path), 'folder');
    if (groups.length === 0)
      throw new SealdropError('incomplete-envelope', `${path}: holds no envelope`, { hint: NAMES_HINT });
    return groups.map((group) => inDirectory(path, group, parameters));
  }
  const directory = dirname(path);
  const { groups } = groupNames(await fileNames(directory), 'folder');
  const name = basename(path);
  const group =
    groups.find((candidate) => holds(candidate, name)) ?? groups.find((candidate) => candidate.stem === name);
  if (group === undefined) throw await notAnEnvelope(path);
  return [inDirectory(directory, group, parameters)];
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

async function fileNames(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    throw toSealdropError(error, directory);
  }
}
