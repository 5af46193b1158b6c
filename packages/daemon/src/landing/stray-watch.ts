import type { Config, LandingConfig } from '../config/schema.ts';
import type { Logger } from '../operations/logger.ts';
import type { Anchor } from '../spool/anchor.ts';
import { inspectEntry } from '../spool/durable.ts';
import type { Spool } from '../spool/layout.ts';
import type { ClaimRecord } from '../spool/records.ts';
import { claimStrays, legible } from '../spool/strays.ts';
import type { Assembled, EntryName } from './assembler.ts';
import { TRY_AGAIN } from './blocked-claims.ts';
import { NAMED_IN_LOG } from './named-in-log.ts';

/** Strays in one quarantined heap. */
const CLAIMED_TOGETHER = 1000;

export interface StrayWatchOptions {
  readonly landing: LandingConfig;
  readonly spool: Spool;
  readonly strayAfter: Config['strayAfter'];
  readonly logger: Logger;
  readonly onClaimed: (claim: ClaimRecord) => void;
}

interface Place {
  readonly folder: string;
  readonly anchor: Anchor;
}

/** Says which files belong to no envelope, and sets them aside once nothing has become of them for `strayAfter`. */
export class StrayWatch {
  readonly #options: StrayWatchOptions;
  /** When each is due, by folder and name, in wall clock milliseconds: to ask the disk about each at each scan would take long. */
  #seen = new Map<string, number>();
  #current = new Map<string, number>();
  #unnamed = 0;
  #named = 0;

  constructor(options: StrayWatchOptions) {
    this.#options = options;
  }

  /** Looks at the strays of one directory. @returns milliseconds until one is due */
  async look(place: Place, { strays, unfinished }: Pick<Assembled, 'strays' | 'unfinished'>): Promise<number> {
    for (const name of bytesOf(strays)) this.#report(place.folder, name);
    if (this.#options.strayAfter === 'off') return this.#remember(place.folder, bytesOf(strays));
    let wait = Infinity;
    const due: Buffer[] = [];
    for (const name of bytesOf([...strays, ...unfinished])) {
      const remaining = await this.#remaining(place, name);
      if (remaining <= 0) due.push(name);
      else wait = Math.min(wait, remaining);
    }
    for (let index = 0; index < due.length; index += CLAIMED_TOGETHER) {
      await this.#claim(place, due.slice(index, index + CLAIMED_TOGETHER));
    }
    return due.length > 0 ? Math.min(wait, TRY_AGAIN) : wait;
  }

  /** Ends one scan: what it did not mention is forgotten. */
  endScan(): void {
    const { landing, logger } = this.#options;
    if (this.#unnamed > 0) {
      logger.warn('more files that belong to no envelope', {
        stage: 'landing',
        landing: landing.name,
        count: this.#unnamed,
      });
    }
    this.#seen = this.#current;
    this.#current = new Map();
    this.#unnamed = 0;
    this.#named = 0;
  }

  #remember(folder: string, names: Iterable<Buffer>): number {
    for (const name of names) this.#current.set(keyOf(folder, name), Infinity);
    return Infinity;
  }

  #report(folder: string, name: Buffer): void {
    if (this.#seen.has(keyOf(folder, name))) return;
    if (this.#named >= NAMED_IN_LOG) {
      this.#unnamed += 1;
      return;
    }
    this.#named += 1;
    const { landing, logger } = this.#options;
    const file = folder === '' ? legible(name) : `${folder}/${legible(name)}`;
    logger.warn('a file that belongs to no envelope', { stage: 'landing', landing: landing.name, file });
  }

  /** The disk is asked for the first time, and once more when the time has come. */
  async #remaining({ folder, anchor }: Place, name: Buffer): Promise<number> {
    const key = keyOf(folder, name);
    const known = this.#seen.get(key);
    const due = known === undefined || known <= Date.now() ? await this.#dueTime(anchor, name) : known;
    this.#current.set(key, due);
    return due - Date.now();
  }

  /** By the ctime, the one time that a sender cannot set; unlike a clock of ours it goes on over a restart. */
  async #dueTime(anchor: Anchor, name: Buffer): Promise<number> {
    const { strayAfter } = this.#options;
    const entry = await inspectEntry(Buffer.concat([Buffer.from(`${anchor.path}/`), name]));
    return entry === null || strayAfter === 'off' ? Infinity : Number(entry.ctimeMs) + strayAfter;
  }

  async #claim({ folder, anchor }: Place, names: readonly Buffer[]): Promise<void> {
    const { landing, spool, logger, onClaimed } = this.#options;
    const { claim, left } = await claimStrays(spool, { landing, folder, anchor, names });
    for (const name of left) this.#current.set(keyOf(folder, name), Date.now() + TRY_AGAIN);
    if (claim === null) return;
    const files = names.filter((name) => !left.includes(name)).map(legible);
    logger.info('strays claimed', {
      stage: 'claim',
      envelope: claim.id,
      landing: landing.name,
      folder,
      count: files.length,
      files: files.slice(0, NAMED_IN_LOG),
    });
    onClaimed(claim);
  }
}

/** One at a time: there may be a hundred thousand. */
function* bytesOf(names: readonly EntryName[]): Generator<Buffer> {
  for (const name of names) yield typeof name === 'string' ? Buffer.from(name) : name;
}

function keyOf(folder: string, name: Buffer): string {
  return `${folder}/${name.toString('latin1')}`;
}
