import { performance } from 'node:perf_hooks';
import type { SealdropError } from '@sealdrop/core';
import type { Config, LandingConfig } from '../config/schema.ts';
import type { Logger } from '../operations/logger.ts';
import { type Anchor, FOLDER_GONE, openAnchor } from '../spool/anchor.ts';
import { namesOf } from '../spool/claim.ts';
import { errnoOf, unlessErrno } from '../spool/errno.ts';
import { doesNotAnswer } from '../spool/answering.ts';
import type { Spool } from '../spool/layout.ts';
import { mendClaims } from '../spool/mend-claim.ts';
import type { ClaimRecord } from '../spool/records.ts';
import { Alarm } from './alarm.ts';
import { type Assembled, assemble, type FoundEnvelope, foundIn, keyOf } from './assembler.ts';
import { Backlog } from './backlog.ts';
import { BlockedClaims } from './blocked-claims.ts';
import { CLAIMED_TOGETHER, claimReady, CLOSED, type ReadyEnvelope } from './claim-ready.ts';
import { IncompleteNotices } from './incomplete-notices.ts';
import { firstOf } from './named-in-log.ts';
import { explainTrouble, identifyLanding, isAbsent } from './landing-place.ts';
import { LOOK_AGAIN, type Readiness, readiness } from './readiness.ts';
import { ScanEffort } from './scan-effort.ts';
import { type Listing, listings } from './scanner.ts';
import { ScanNotices } from './scan-notices.ts';
import { Settling } from './settling.ts';
import { StrayWatch } from './stray-watch.ts';
import { Watcher } from './watcher.ts';

/** A landing that is not there is looked for this often, and one that cannot be watched is scanned. */
const LOOK_FOR_LANDING = 2000;
/** ms without a move after which a scan counts as hung at the latest, as on a mount whose server is down: the others must not wait for `stuckAfter`. */
const HUNG_AFTER = 30_000;
const EXTENT_WORDS = {
  cut: 'the folder holds more than is looked at in one scan',
  closed: 'the folder cannot be looked into: permission denied',
} as const;

export interface LandingOptions {
  readonly landing: LandingConfig;
  readonly spool: Spool;
  readonly config: Pick<Config, 'scanInterval' | 'incompleteAfter' | 'strayAfter' | 'stuckAfter'>;
  readonly logger: Logger;
  readonly onClaimed: (claim: ClaimRecord) => void;
  /** How many of the landing's envelopes are claimed and wait for their turn, or have it. */
  readonly depth: () => number;
  /** Asked before claiming: false while there is too little free space. */
  readonly mayClaim?: (() => boolean) | undefined;
  /** Told after each scan: null when the landing can be used. */
  readonly onCondition?: ((error: SealdropError | null) => void) | undefined;
}

interface Grouped extends Pick<Assembled, 'groups'> {
  readonly folder: string;
}

/** Looks after one landing: scans when there is a hint or a reason, and claims what is ready. */
export class LandingWatch {
  readonly #options: LandingOptions;
  readonly #alarm = new Alarm();
  readonly #stopping = new Alarm();
  readonly #settling = new Settling();
  readonly #watcher: Watcher;
  readonly #backlog: Backlog;
  readonly #strays: StrayWatch;
  readonly #notices: IncompleteNotices;
  readonly #blocked: BlockedClaims;
  /** Folders that are closed to us, or too full. */
  readonly #folders: ScanNotices;
  #running: Promise<void> = Promise.resolve();
  #onBegun: () => void = () => undefined;
  /** Of the scan that is under way. */
  #hung = Promise.withResolvers<void>();
  #patience: NodeJS.Timeout | undefined;
  #state: 'running' | 'stopping' = 'running';
  /** Of the scan that is under way, or was the last. */
  #effort = new ScanEffort();
  /** What was said already and is not to be repeated at each scan. */
  #trouble: string | null = null;

  constructor(options: LandingOptions) {
    this.#options = options;
    const { landing, logger } = options;
    this.#notices = new IncompleteNotices(landing, logger);
    this.#blocked = new BlockedClaims(landing, logger);
    const fields = { stage: 'landing', landing: landing.name } as const;
    this.#folders = new ScanNotices(logger, { message: 'more folders that cannot be used', fields });
    this.#backlog = new Backlog(options.depth);
    this.#strays = new StrayWatch({ ...options, strayAfter: options.config.strayAfter });
    this.#watcher = new Watcher(landing.directory, {
      onChange: () => this.#alarm.ring(),
      onError: (error) => {
        this.#log('warn', 'the file watcher cannot see everything; scanning instead', error);
        this.#alarm.ring();
      },
      onMended: () => this.#log('info', 'the file watcher sees everything again'),
    });
  }

  /** Begins; the promise is fulfilled after the first scan, or when that finds more than can be taken at once. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#onBegun = resolve;
      this.#running = this.#run();
    });
  }

  async stop(): Promise<void> {
    this.#state = 'stopping';
    this.#alarm.ring();
    this.#stopping.ring();
    await Promise.race([this.#running, this.#hung.promise]);
    await this.#watcher.forget();
  }

  async #run(): Promise<void> {
    while (this.#isRunning()) {
      const wait = await this.#scanOrSayWhy();
      this.#onBegun();
      const { pause } = this.#effort;
      const longest = Math.max(pause, Math.min(wait, this.#interval()));
      // When what is claimed has been worked off, all that the scan had to leave would wait for the next one.
      if (this.#backlog.hasLostPatience) await this.#backlog.awaitRoomForMany(longest, () => this.#isRunning());
      else await this.#rest(pause, longest);
    }
  }

  #isRunning(): boolean {
    return this.#state === 'running';
  }

  async #rest(pause: number, longest: number): Promise<void> {
    const earliest = performance.now() + pause;
    await this.#alarm.sleep(longest);
    // After a hint; more of them may come and are answered by the one scan that follows.
    if (this.#isRunning()) await this.#stopping.sleep(Math.max(0, earliest - performance.now()));
  }

  #interval(): number {
    const { scanInterval } = this.#options.config;
    if (this.#watcher.sight === 'whole') return scanInterval;
    return Math.min(scanInterval, this.#effort.claimed > 0 ? LOOK_AGAIN : LOOK_FOR_LANDING);
  }

  /** @returns milliseconds until a scan is worthwhile again */
  async #scanOrSayWhy(): Promise<number> {
    this.#hung = Promise.withResolvers();
    // Of the last scan nothing counts for one that fails before it has begun.
    this.#effort = new ScanEffort();
    this.#backlog.beginScan();
    this.#patience = setTimeout(() => this.#hangs(), Math.min(HUNG_AFTER, this.#options.config.stuckAfter)).unref();
    try {
      const identity = await identifyLanding(this.#options);
      // It may have answered when somebody else looks after the landing by now.
      if (!this.#isRunning()) return LOOK_FOR_LANDING;
      const wait = await this.#scan();
      // Only now: what changes between the scan and the watch is found by the scan that follows the watch.
      await this.#watcher.ensure(identity, this.#effort);
      if (this.#trouble !== null) this.#log('info', 'landing is back');
      this.#trouble = null;
      this.#options.onCondition?.(null);
      return wait;
    } catch (thrown) {
      await this.#watcher.forget();
      const error = explainTrouble(thrown, this.#options);
      this.#options.onCondition?.(error);
      this.#say(error, isAbsent(thrown, this.#options) ? 'absent' : 'of no use');
      return LOOK_FOR_LANDING;
    } finally {
      clearTimeout(this.#patience);
    }
  }

  /** Nobody can end it: it goes on when the file system answers. */
  #hangs(): void {
    const error = doesNotAnswer(this.#options.landing.directory);
    this.#options.onCondition?.(error);
    this.#say(error, 'of no use');
    this.#onBegun();
    this.#hung.resolve();
  }

  #say(error: SealdropError, what: 'absent' | 'of no use'): void {
    const trouble = `${error.code} ${error.message}`;
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    const message = what === 'absent' ? 'waiting for the landing to appear' : 'cannot use the landing';
    this.#log(error.blame === 'receiver' && what !== 'absent' ? 'error' : 'warn', message, error);
  }

  #log(level: 'info' | 'warn' | 'error', message: string, error?: SealdropError): void {
    const { landing, logger } = this.#options;
    const failure = error === undefined ? {} : { code: error.code, reason: error.message, hint: error.hint };
    logger[level](message, { stage: 'landing', landing: landing.name, directory: landing.directory, ...failure });
  }

  async #scan(): Promise<number> {
    const { landing, spool } = this.#options;
    for (const claim of await mendClaims(spool, landing.name)) this.#claimed(claim);
    let wait = Infinity;
    let began = performance.now();
    for await (const listing of listings(landing.directory)) {
      this.#effort.listedFor(performance.now() - began);
      wait = Math.min(wait, await this.#lookInto(listing));
      if (!this.#isRunning()) break;
      began = performance.now();
    }
    this.#settling.endScan();
    this.#notices.endScan();
    this.#strays.endScan();
    this.#blocked.endScan();
    this.#folders.endScan();
    return wait;
  }

  async #lookInto(listing: Listing): Promise<number> {
    const { landing } = this.#options;
    const { folder, files, unusable } = listing;
    this.#patience?.refresh();
    if (!this.#isRunning()) return Infinity;
    this.#effort.found(listing);
    if (listing.extent !== 'whole') this.#sayOfFolder(folder, EXTENT_WORDS[listing.extent]);
    if (files.length + unusable.length === 0) return Infinity;
    const assembled = await this.#judging(async () => assemble(listing));
    const anchor = await unlessErrno(FOLDER_GONE, () => openAnchor(landing.directory, folder));
    if (anchor === null) return LOOK_AGAIN;
    try {
      const untilReady = await this.#claimReady({ folder, groups: assembled.groups }, anchor);
      return Math.min(untilReady, await this.#judging(() => this.#strays.look({ folder, anchor }, assembled)));
    } catch (error) {
      if (folder === '' || !CLOSED.has(errnoOf(error) ?? '')) throw error;
      this.#sayOfFolder(folder, `nothing can be claimed from the folder (${errnoOf(error)})`);
      return Infinity;
    } finally {
      await anchor.release();
    }
  }

  #sayOfFolder(folder: string, message: string): void {
    const fields = { stage: 'landing', landing: this.#options.landing.name, folder } as const;
    this.#folders.warn(JSON.stringify([folder, message]), { message, fields });
  }

  async #judging<Result>(work: () => Promise<Result>): Promise<Result> {
    const began = performance.now();
    try {
      return await work();
    } finally {
      this.#effort.judgedFor(performance.now() - began);
    }
  }

  /** A few at a time, so that the first need not wait until the last of a hundred thousand was looked at. */
  async #claimReady({ folder, groups }: Grouped, anchor: Anchor): Promise<number> {
    const { landing } = this.#options;
    let wait = Infinity;
    for (const few of inLots(groups, CLAIMED_TOGETHER)) {
      if (!this.#isRunning()) break;
      const envelopes = few.map((group) => foundIn(folder, group, landing));
      wait = Math.min(wait, await this.#claimFew(envelopes, anchor));
    }
    return wait;
  }

  async #claimFew(envelopes: readonly FoundEnvelope[], anchor: Anchor): Promise<number> {
    const { ready, wait } = await this.#judging(() => this.#selectReady(envelopes, anchor));
    this.#patience?.refresh();
    if (ready.length === 0) return wait;
    if (this.#options.mayClaim?.() === false) return LOOK_FOR_LANDING;
    if (this.#backlog.isFull) this.#onBegun();
    const room = await this.#backlog.awaitRoom(() => {
      this.#patience?.refresh();
      return this.#isRunning();
    });
    const left = room === 'full' ? ready.length : await this.#claimNow(ready, anchor);
    if (room === 'full') return LOOK_FOR_LANDING;
    return left > 0 ? Math.min(wait, LOOK_AGAIN) : wait;
  }

  #claimNow(ready: readonly ReadyEnvelope[], anchor: Anchor): Promise<number> {
    const { landing, spool } = this.#options;
    return claimReady(ready, {
      landing,
      spool,
      anchor,
      onClaimed: (claim) => this.#claimed(claim),
      onBusy: ({ group }) => this.#debug('still being written', namesOf(group)),
      onBlocked: (found, errno) => this.#blocked.block(found, errno),
    });
  }

  async #selectReady(
    envelopes: readonly FoundEnvelope[],
    anchor: Anchor,
  ): Promise<{ readonly ready: readonly ReadyEnvelope[]; readonly wait: number }> {
    const answers = await Promise.all(envelopes.map((found) => this.#readiness(found, anchor)));
    const ready: ReadyEnvelope[] = [];
    let wait = Infinity;
    for (const [index, found] of envelopes.entries()) {
      const answer = answers[index];
      if (answer?.ready === 'later') wait = Math.min(wait, answer.wait);
      if (answer?.ready === 'now') ready.push({ found, entries: answer.entries });
    }
    return { ready, wait };
  }

  async #readiness(found: FoundEnvelope, anchor: Anchor): Promise<Readiness> {
    const { landing, config } = this.#options;
    this.#notices.note(found);
    const blocked = this.#blocked.remaining(found);
    if (blocked > 0) return { ready: 'later', wait: blocked };
    return readiness(found, anchor.path, {
      landing,
      incompleteAfter: config.incompleteAfter,
      settling: this.#settling,
    });
  }

  #claimed(claim: ClaimRecord): void {
    const { landing, logger, onClaimed } = this.#options;
    const { id, folder } = claim;
    logger.info('claimed', { stage: 'claim', envelope: id, landing: landing.name, folder, ...firstOf(namesOf(claim)) });
    this.#notices.claimed(claim);
    this.#settling.forget(keyOf({ folder, group: claim }));
    this.#effort.tookFrom(folder, namesOf(claim).length);
    onClaimed(claim);
  }

  #debug(message: string, files: readonly string[]): void {
    const { landing, logger } = this.#options;
    logger.debug(message, { stage: 'landing', landing: landing.name, ...firstOf(files) });
  }
}

function* inLots<T>(things: Iterable<T>, size: number): Generator<readonly T[]> {
  let lot: T[] = [];
  for (const thing of things) {
    lot.push(thing);
    if (lot.length < size) continue;
    yield lot;
    lot = [];
  }
  if (lot.length > 0) yield lot;
}
