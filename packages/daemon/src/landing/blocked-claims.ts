import type { LandingConfig } from '../config/schema.ts';
import type { Logger } from '../operations/logger.ts';
import { namesOf } from '../spool/claim.ts';
import { type FoundEnvelope, keyOf } from './assembler.ts';
import { firstOf } from './named-in-log.ts';
import { ScanNotices } from './scan-notices.ts';

/** What cannot be moved is tried again after so long, in milliseconds. */
export const TRY_AGAIN = 600_000;

interface Block {
  readonly errno: string;
  /** On the monotonic clock, in milliseconds. */
  readonly until: number;
}

/** Envelopes that cannot be claimed though they are ready: a folder in a member's place that is not ours to move (rename(2), EACCES). Trying costs several fsyncs. */
export class BlockedClaims {
  readonly #landing: LandingConfig;
  readonly #notices: ScanNotices;
  #seen = new Map<string, Block>();
  #current = new Map<string, Block>();

  constructor(landing: LandingConfig, logger: Logger) {
    this.#landing = landing;
    const fields = { stage: 'landing', landing: landing.name } as const;
    this.#notices = new ScanNotices(logger, { message: 'more envelopes that cannot be claimed', fields });
  }

  block(found: FoundEnvelope, errno: string): void {
    this.#note(found, { errno, until: performance.now() + TRY_AGAIN });
  }

  /** Milliseconds until it may be tried; none when it may be now. */
  remaining(found: FoundEnvelope): number {
    const block = this.#seen.get(keyOf(found));
    if (block === undefined) return 0;
    this.#note(found, block);
    return Math.max(0, block.until - performance.now());
  }

  #note(found: FoundEnvelope, block: Block): void {
    const { folder, group } = found;
    this.#current.set(keyOf(found), block);
    const fields = { stage: 'claim', landing: this.#landing.name, folder, ...firstOf(namesOf(group)) } as const;
    this.#notices.warn(keyOf(found), { message: `an envelope cannot be claimed (${block.errno})`, fields });
  }

  /** Ends one scan: what it did not mention is forgotten. */
  endScan(): void {
    this.#seen = this.#current;
    this.#current = new Map();
    this.#notices.endScan();
  }
}
