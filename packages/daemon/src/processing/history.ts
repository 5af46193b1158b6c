import type { ErrorCode } from '@sealdrop/core';
import type { ClaimRecord } from '../spool/records.ts';
import { type History, readHistory, writeHistory } from '../spool/small-records.ts';

const LONGEST_TIMELINE = 50;

/** What happened to a claimed envelope until now, over all runs of the daemon. */
export async function historyOf(envelope: string, claim: ClaimRecord): Promise<History> {
  const beginning: History = { version: 1, attempts: 0, timeline: [{ time: claim.claimed, event: 'claimed' }] };
  return (await readHistory(envelope)) ?? beginning;
}

/** Adds an attempt that failed through no fault of the sender. The record is a help, so what hinders it is passed over. */
export async function noteFailure(envelope: string, claim: ClaimRecord, code: ErrorCode): Promise<void> {
  const { attempts, timeline } = await historyOf(envelope, claim);
  const event = { time: new Date().toISOString(), event: `attempt failed: ${code}` };
  const longer = timeline.length < LONGEST_TIMELINE ? [...timeline, event] : timeline;
  await writeHistory(envelope, { version: 1, attempts: attempts + 1, timeline: longer }).catch(() => {});
}
