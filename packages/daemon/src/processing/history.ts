import { type ErrorCode, errorCodes } from '@sealdrop/core';
import type { ClaimRecord } from '../spool/records.ts';
import { type History, readHistory, writeHistory } from '../spool/small-records.ts';

const LONGEST_TIMELINE = 50;
const FAILED = 'attempt failed: ';

/** The latest attempt that failed through no fault of the sender. */
export interface Failure {
  /** ISO 8601. */
  readonly time: string;
  readonly code: ErrorCode;
}

/** What happened to a claimed envelope until now, over all runs of the daemon. */
export async function historyOf(envelope: string, claim: ClaimRecord): Promise<History> {
  const beginning: History = { version: 1, attempts: 0, timeline: [{ time: claim.claimed, event: 'claimed' }] };
  return (await readHistory(envelope)) ?? beginning;
}

/** Adds an attempt that failed through no fault of the sender. The record is a help, so what hinders it is passed over. */
export async function noteFailure(envelope: string, claim: ClaimRecord, code: ErrorCode): Promise<void> {
  const { attempts, timeline } = await historyOf(envelope, claim);
  const event = { time: new Date().toISOString(), event: FAILED + code };
  // The latest is kept whatever else there is no room for.
  const longer = [...timeline.slice(0, LONGEST_TIMELINE - 1), event];
  await writeHistory(envelope, { version: 1, attempts: attempts + 1, timeline: longer }).catch(() => {});
}

/** Null when none has failed. */
export async function lastFailureOf(envelope: string): Promise<Failure | null> {
  const { timeline } = (await readHistory(envelope)) ?? { timeline: [] };
  const last = timeline.findLast(({ event }) => event.startsWith(FAILED));
  const code = last?.event.slice(FAILED.length) as ErrorCode | undefined;
  return last === undefined || code === undefined || !errorCodes.has(code) ? null : { time: last.time, code };
}
