import type { ClaimRecord } from '../../src/spool/records.ts';

/** The record of an envelope that was claimed from a landing. */
export function claimOf(id: string, landing: string): ClaimRecord {
  return {
    version: 1,
    id,
    landing,
    root: `/srv/${landing}`,
    folder: '',
    delivery: '/srv/plain',
    claimed: '2026-11-24T10:00:00.000Z',
    layout: 'flat',
    stem: id,
    names: { payload: [`${id}.enc`], 'wrapped-key': [], note: [], manifest: [], signature: [] },
    inodes: {},
  };
}
