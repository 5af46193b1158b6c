import {
  type EnvelopeGroup,
  groupNames,
  groupOneByOne,
  isTemporaryName,
  type MemberRole,
  missingRoles,
} from '@sealdrop/core';
import type { LandingConfig } from '../config/schema.ts';
import { namesOf } from '../spool/claim.ts';
import type { Listing } from './scanner.ts';

/** Names in one directory that make an envelope, or part of one. */
export interface FoundEnvelope {
  readonly folder: string;
  readonly group: EnvelopeGroup;
  /** Empty when it is complete. */
  readonly missing: readonly MemberRole[];
}

/** The name of an entry; as the bytes that it is where they are not UTF-8. */
export type EntryName = string | Buffer;

export interface Assembled {
  /** Made one by one: they can be gone through once. */
  readonly groups: Iterable<EnvelopeGroup>;
  /** What belongs to no envelope. */
  readonly strays: readonly EntryName[];
  /** Uploads that are not finished. */
  readonly unfinished: readonly EntryName[];
}

/** Sorts what one directory holds into envelopes. Folders count as members where a file shares their stem: a directory in a member's place is hostile. */
export function assemble(listing: Listing): Assembled {
  const { files, folders, unusable } = listing;
  if (listing.stage === 'temporary') return { groups: [], strays: [], unfinished: [...files, ...unusable] };
  const place = listing.folder === '' ? 'landing' : 'folder';
  const posing = posingFolders(listing);
  const { groups, strays } = groupOneByOne(posing.length === 0 ? files : [...files, ...posing], place);
  return {
    groups: posing.length === 0 ? groups : Iterator.from(groups).filter(holdsFile(folders)),
    strays: [...strays, ...unusable],
    unfinished: files.filter(isTemporaryName),
  };
}

function holdsFile(folders: readonly string[]): (group: EnvelopeGroup) => boolean {
  const isFolder = new Set(folders);
  return (group) => namesOf(group).some((name) => !isFolder.has(name));
}

export function foundIn(folder: string, group: EnvelopeGroup, landing: LandingConfig): FoundEnvelope {
  return { folder, group, missing: missingRoles(group, landing.parameters === undefined ? 'by-note' : 'known') };
}

/** Folders named like the missing member of a file's envelope. */
function posingFolders({ files, folders }: Listing): readonly string[] {
  if (folders.length === 0) return [];
  const stems = new Set(Iterator.from(groupOneByOne(files, 'landing').groups).map((group) => group.stem));
  return folders.filter((name) =>
    groupNames([name], 'landing').groups.some((group) => group.stem !== '' && stems.has(group.stem)),
  );
}

interface KeyedBy {
  readonly folder: string;
  readonly group: Pick<EnvelopeGroup, 'layout' | 'stem'>;
}

/** Tells envelopes of one landing apart from scan to scan. */
export function keyOf({ folder, group }: KeyedBy): string {
  return JSON.stringify([folder, group.layout, group.stem]);
}
