import type { Config, LandingConfig } from '../config/schema.ts';
import type { LedgerKeeper } from '../ledger/ledger-keeper.ts';
import type { Instruments } from '../operations/instruments.ts';
import type { Spool } from '../spool/layout.ts';
import type { ClaimRecord } from '../spool/records.ts';
import type { Concluder } from './conclude.ts';
import type { Diagnostician } from './diagnostician.ts';
import type { KeyRing } from './key-ring.ts';
import type { CertainRepairs } from './repairs.ts';

/** What processing stands on; exchanged as a whole when the configuration is reloaded. */
export interface Workshop {
  readonly spool: Spool;
  readonly config: Config;
  readonly keys: KeyRing;
  readonly ledger: Pick<LedgerKeeper, 'takeKey'>;
  readonly diagnostician: Pick<Diagnostician, 'inTurn' | 'diagnose' | 'allowance'>;
  readonly repairs: CertainRepairs;
  readonly concluder: Pick<Concluder, 'delivered' | 'quarantined' | 'hasRoom'>;
  readonly instruments: Instruments;
}

/** One claimed envelope at work. */
export interface Work {
  readonly claim: ClaimRecord;
  /** As `Attempt` has it. */
  readonly isNew: boolean;
  readonly landing: LandingConfig;
  readonly signal: AbortSignal;
  readonly stepAside: () => void;
  /** Its directory in `claimed`. */
  readonly envelope: string;
  readonly workshop: Workshop;
}

export function moved({ claim, workshop }: Work): void {
  workshop.instruments.progress.moved(claim.id);
}
