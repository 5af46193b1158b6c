import type { Health } from './health.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import type { NameFilter } from './name-filter.ts';
import type { Progress } from './progress.ts';

/** What work is watched by. */
export interface Instruments {
  readonly logger: Logger;
  /** What the logger keeps to itself. */
  readonly names: NameFilter;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly progress: Progress;
}
