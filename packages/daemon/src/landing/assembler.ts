import { type EnvelopeGroup, groupNames, isTemporaryName, type MemberRole, missingRoles } from '@sealdrop/core';
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

export interface Assembled {
  readonly envelopes: readonly FoundEnvelope[];
  /** Names of entries that belong to no envelope. */
  readonly strays: readonly Buffer[];
  /** Names of uploads that are not finished. */
  readonly unfinished: readonly Buffer[];
}

/** Sorts what one directory holds into envelopes. Folders count as members where a file shares their stem: a directory in a member's place is hostile. */
export function assemble(listing: Listing, landing: LandingConfig): Assembled {
  if (listing.stage === 'temporary')
    return {
      envelopes: [],
      strays: [],
      unfinished: [...listing.files.map((name) => Buffer.from(name)), ...listing.unusable],
    };
  const place = listing.folder === '' ? 'landing' : 'folder';
  const folders = new Set(listing.folders);
  const { groups, strays } = groupNames([...listing.files, ...posingFolders(listing)], place);
  const envelopes = groups
    .filter((group) => namesOf(group).some((name) => !folders.has(name)))
    .map((group) => ({
      folder: listing.folder,
      group,
      missing: missingRoles(group, landing.parameters === undefined ? 'by-note' : 'known'),
    }));
  return {
    envelopes,
    strays: [...strays.map((name) => Buffer.from(name)), ...listing.unusable],
    unfinished: listing.files.filter(isTemporaryName).map((name) => Buffer.from(name)),
  };
}

/** Folders named like the missing member of a file's envelope. */
function posingFolders({ files, folders }: Listing): readonly string[] {
  if (folders.length === 0) return [];
  const stems = new Set(groupNames(files, 'landing').groups.map((group) => group.stem));
  return folders.filter((name) =>
    groupNames([name], 'landing').groups.some((group) => group.stem !== '' && stems.has(group.stem)),
  );
}

/** Tells envelopes of one landing apart from scan to scan. */
export function keyOf({ folder, group }: FoundEnvelope): string {
  return JSON.stringify([folder, group.layout, group.stem]);
}
