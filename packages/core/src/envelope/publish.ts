/** From a staging folder to an envelope's final names: nothing but an envelope is ever replaced. */
import { mkdir, readdir, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SealdropError, toSealdropError } from '../errors.ts';
import { groupNames } from './grouping.ts';
import type { MemberRole } from './member-name.ts';
import {
  alreadyExists,
  checkReplaceable,
  moveIntoPlace,
  pathExists,
  removeQuietly,
  synchronize,
} from './output-file.ts';
import type { ExistingFile } from './output-file.ts';

export interface Publication {
  readonly layout: 'flat' | 'folder';
  readonly existing: ExistingFile;
  /** The roles to publish, in the order in which they appear. */
  readonly roles: readonly MemberRole[];
  /** Final paths; those of a folder have that folder in common. */
  readonly paths: Readonly<Record<MemberRole, string>>;
}

/**
 * Whether there is room for the envelope, before any work is done.
 * @throws SealdropError `already-exists`
 */
export async function checkRoom(publication: Publication): Promise<void> {
  if (publication.layout === 'folder') return checkFolder(publication);
  const [occupied] = publication.existing === 'refuse' ? await membersInPlace(publication) : [];
  if (occupied !== undefined) throw alreadyExists(occupied);
}

/** Moves the files of the staging folder, which are named by their roles, to their final names. When it rejects, none of them is there. */
export async function publish(staging: string, publication: Publication): Promise<void> {
  if (publication.layout === 'folder') await publishFolder(staging, publication);
  else await publishFlat(staging, publication);
}

async function publishFlat(staging: string, publication: Publication): Promise<void> {
  // All of them, whatever they are called: a second wrapped key would make the envelope ambiguous, the old manifest vouch for another payload.
  const old = publication.existing === 'replace' ? await membersInPlace(publication) : [];
  for (const path of old) await checkReplaceable(path);
  // Aside, not away: whatever happens before the new ones are in place, the old envelope is still there.
  const aside = join(staging, 'replaced');
  await mkdir(aside);
  const moved: string[] = [];
  try {
    for (const path of old) {
      await rename(path, join(aside, basename(path)));
      moved.push(path);
    }
    await moveMembers(staging, publication);
  } catch (error) {
    for (const path of moved) await rename(join(aside, basename(path)), path).catch(() => undefined);
    throw error;
  }
  await synchronize(dirname(publication.paths.payload));
}

async function moveMembers(staging: string, { roles, paths, existing }: Publication): Promise<void> {
  const published: string[] = [];
  try {
    for (const role of roles) {
      await moveIntoPlace(join(staging, role), paths[role], existing);
      published.push(paths[role]);
    }
  } catch (error) {
    for (const path of published) await removeQuietly(path);
    throw toSealdropError(error, paths[roles[published.length] ?? 'payload']);
  }
}

/** Paths of what would be read as a member of the same flat envelope. */
async function membersInPlace({ paths }: Publication): Promise<readonly string[]> {
  const directory = dirname(paths.payload);
  const [own] = groupNames([basename(paths.payload)], 'landing').groups;
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => isMemberOf(name, own?.stem)).map((name) => join(directory, name));
}

function isMemberOf(name: string, stem: string | undefined): boolean {
  const [group] = groupNames([name], 'landing').groups;
  return group?.layout === 'flat' && group.stem === stem;
}

async function publishFolder(staging: string, publication: Publication): Promise<void> {
  const folder = dirname(publication.paths.payload);
  const complete = join(staging, 'complete');
  await mkdir(complete);
  for (const role of publication.roles) {
    await rename(join(staging, role), join(complete, basename(publication.paths[role])));
  }
  await synchronize(complete);
  await checkFolder(publication);
  const replaced = join(staging, 'replaced');
  if (await pathExists(folder)) await rename(folder, replaced);
  try {
    await rename(complete, folder);
  } catch (error) {
    await rename(replaced, folder).catch(() => undefined);
    throw toSealdropError(error, folder);
  }
  await synchronize(dirname(folder));
}

async function checkFolder({ existing, paths }: Publication): Promise<void> {
  const folder = dirname(paths.payload);
  if (!(await pathExists(folder))) return;
  const isEnvelope = await holdsOnlyAnEnvelope(folder);
  if (isEnvelope && existing === 'replace') return;
  if (isEnvelope) throw alreadyExists(folder);
  throw new SealdropError('already-exists', `${folder}: exists and is no envelope's folder`, {
    hint: 'name another directory to write to: only envelopes are replaced',
  });
}

async function holdsOnlyAnEnvelope(folder: string): Promise<boolean> {
  const isFolder = (await stat(folder).catch(() => null))?.isDirectory() === true;
  if (!isFolder) return false;
  const entries = await readdir(folder, { withFileTypes: true });
  const { groups } = groupNames(
    entries.filter((entry) => entry.isFile()).map((entry) => entry.name),
    'folder',
  );
  const members = groups.flatMap((group) => Object.values(group.names).flat());
  return groups.length <= 1 && members.length === entries.length;
}
