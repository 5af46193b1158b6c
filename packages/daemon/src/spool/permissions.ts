import type { BigIntStats, Stats } from 'node:fs';

/** Beyond these bits, a mode says what kind of file it is (inode(7)). */
const PERMISSIONS = 0o7777;

export function permissionsOf({ mode }: Pick<Stats | BigIntStats, 'mode'>): number {
  return Number(mode) & PERMISSIONS;
}

/** As chmod(1) takes them: `0750`. */
export function formatPermissions(entry: Pick<Stats | BigIntStats, 'mode'>): string {
  return permissionsOf(entry).toString(8).padStart(4, '0');
}
