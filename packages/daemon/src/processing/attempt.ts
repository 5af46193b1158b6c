import type { ClaimRecord } from '../spool/records.ts';

/** One try at one claimed envelope. */
export interface Attempt {
  readonly claim: ClaimRecord;
  /** Since the daemon started, this one included. */
  readonly number: number;
  /** Whether this process has claimed it, and this is the first try: its id is new, so nothing of an earlier one can lie anywhere, and none is looked for. */
  readonly isNew: boolean;
  readonly signal: AbortSignal;
  /** Says that what is left to do holds nothing up: another envelope may take this one's place. */
  readonly stepAside: () => void;
}

/** `again`: nothing failed, but the envelope is to be begun anew. */
export type AttemptResult = 'ended' | 'again';
