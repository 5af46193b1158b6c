import { stat } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { FSWatcher } from 'chokidar';
import { SealdropError, toSealdropError } from '@sealdrop/core';
import type { Config, LandingConfig } from '../config/schema.ts';
import type { Logger } from '../operations/logger.ts';
import { type Anchor, openAnchor } from '../spool/anchor.ts';
import { namesOf } from '../spool/claim.ts';
import { errnoOf, unlessErrno } from '../spool/durable.ts';
import type { Spool } from '../spool/layout.ts';
import type { ClaimRecord } from '../spool/records.ts';
import { Alarm } from './alarm.ts';
import { assemble, type FoundEnvelope } from './assembler.ts';
import { claimReady, type ReadyEnvelope } from './claim-ready.ts';
import { LOOK_AGAIN, readiness } from './readiness.ts';
import { type Listing, listings } from './scanner.ts';
import { Settling } from './settling.ts';
import { watchDirectory } from './watcher.ts';

/** A landing that is not there is looked for this often. */
const LOOK_FOR_LANDING = 2000;
/** Hints come in showers while files are being written. */
const SHORTEST_PAUSE = 25;
/** A scan may take up this part of the time at most: 100,000 files must not be listed anew at every write. */
const SCAN_SHARE = 10;
const LONGEST_PAUSE = 10_000;
/** What opening a folder says when it went between listing and looking. */
const GONE = ['ENOENT', 'ENOTDIR', 'ELOOP'];

export interface LandingOptions {
  readonly landing: LandingConfig;
  readonly spool: Spool;
  readonly config: Pick<Config, 'scanInterval' | 'incompleteAfter'>;
  readonly logger: Logger;
  readonly onClaimed: (claim: ClaimRecord) => void;
  /** Asked before claiming: false while there is too little free space. */
  readonly mayClaim?: (() => boolean) | undefined;
  /** Told after each scan: null when the landing can be used. */
  readonly onCondition?: ((error: SealdropError | null) => void) | undefined;
}

/** Looks after one landing: scans when there is a hint or a reason, and claims what is ready. */
export class LandingWatch {
  readonly #options: LandingOptions;
  readonly #alarm = new Alarm();
  readonly #settling = new Settling();
  #watcher: FSWatcher | null = null;
  /** Of the directory that is being watched. */
  #identity: string | null = null;
  #running: Promise<void> = Promise.resolve();
  #state: 'running' | 'stopping' = 'running';
  /** What the last scan took, in milliseconds, and what of it went into claiming: work done, not time to be spared. */
  #scanning = 0;
  #claiming = 0;
  /** What was said already and is not to be repeated at each scan. */
  #trouble: string | null = null;
  #strays = new Set<string>();
  #incomplete = { seen: new Set<string>(), now: new Set<string>() };

  constructor(options: LandingOptions) {
    this.#options = options;
  }

  /** Begins; the promise is fulfilled after the first scan. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#running = this.#run(resolve);
    });
  }

  async stop(): Promise<void> {
    this.#state = 'stopping';
    this.#alarm.ring();
    await this.#running;
    await this.#watcher?.close();
  }

  async #run(onFirstScan: () => void): Promise<void> {
    while (this.#state === 'running') {
      const wait = await this.#scanOrSayWhy();
      onFirstScan();
      const pause = Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, SCAN_SHARE * this.#scanning));
      await this.#alarm.sleep(Math.max(pause, Math.min(wait, this.#options.config.scanInterval)));
      if (this.#state === 'running') await this.#pause(pause);
    }
  }

  /** After a hint; more of them may come and are answered by the one scan that follows. */
  async #pause(milliseconds: number): Promise<void> {
    await new Promise((resolve) => {
      setTimeout(resolve, milliseconds);
    });
  }

  /** @returns milliseconds until a scan is worthwhile again */
  async #scanOrSayWhy(): Promise<number> {
    try {
      await this.#ensureWatched();
      const wait = await this.#scan();
      if (this.#trouble !== null) this.#log('info', 'landing is back');
      this.#trouble = null;
      this.#options.onCondition?.(null);
      return wait;
    } catch (thrown) {
      const error = toSealdropError(thrown, this.#options.landing.directory);
      this.#options.onCondition?.(error);
      this.#say(error, errnoOf(thrown));
      return LOOK_FOR_LANDING;
    }
  }

  #say(error: SealdropError, errno: string | null): void {
    const trouble = `${error.code} ${error.message}`;
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    const message = errno === 'ENOENT' ? 'waiting for the landing to appear' : 'cannot use the landing';
    this.#log(error.blame === 'receiver' && errno !== 'ENOENT' ? 'error' : 'warn', message, error);
  }

  #log(level: 'info' | 'warn' | 'error', message: string, error?: SealdropError): void {
    const { landing, logger } = this.#options;
    const failure = error === undefined ? {} : { code: error.code, reason: error.message, hint: error.hint };
    logger[level](message, { stage: 'landing', landing: landing.name, directory: landing.directory, ...failure });
  }

  /** Watches anew when the directory was made, mounted or exchanged since. */
  async #ensureWatched(): Promise<void> {
    const { landing, spool } = this.#options;
    const [here, there] = [await stat(landing.directory), await stat(spool.root)];
    if (here.dev !== there.dev) {
      throw new SealdropError('bad-configuration', `${landing.directory}: not on the file system of ${spool.root}`, {
        hint: 'Put the spool and its landings on one file system: envelopes are claimed by renaming.',
      });
    }
    const identity = `${here.dev}:${here.ino}`;
    if (identity === this.#identity) return;
    await this.#watcher?.close();
    this.#watcher = await watchDirectory(landing.directory, {
      onChange: () => this.#alarm.ring(),
      onError: (error) => this.#watcherFailed(error),
    });
    this.#identity = identity;
  }

  #watcherFailed(error: SealdropError): void {
    this.#log('warn', 'the file watcher failed; scanning instead', error);
    this.#alarm.ring();
  }

  async #scan(): Promise<number> {
    const began = performance.now();
    this.#claiming = 0;
    let wait = Infinity;
    const strays = new Set<string>();
    for await (const listing of listings(this.#options.landing.directory)) {
      const assembled = assemble(listing, this.#options.landing);
      for (const stray of assembled.strays) strays.add(stray);
      wait = Math.min(wait, await this.#claimReady(listing, assembled.envelopes));
      if (this.#state === 'stopping') break;
    }
    this.#settling.endScan();
    this.#incomplete = { seen: this.#incomplete.now, now: new Set() };
    this.#reportStrays(strays);
    this.#scanning = performance.now() - began - this.#claiming;
    return wait;
  }

  #reportStrays(strays: Set<string>): void {
    const { landing, logger } = this.#options;
    for (const name of strays) {
      if (this.#strays.has(name)) continue;
      logger.warn('a file that belongs to no envelope', { stage: 'landing', landing: landing.name, file: name });
    }
    this.#strays = strays;
  }

  async #claimReady(listing: Listing, envelopes: readonly FoundEnvelope[]): Promise<number> {
    if (envelopes.length === 0) return Infinity;
    const { landing, spool } = this.#options;
    const anchor = await unlessErrno(GONE, () => openAnchor(landing.directory, listing.folder));
    if (anchor === null) return LOOK_AGAIN;
    try {
      const { ready, wait } = await this.#selectReady(envelopes, anchor);
      if (ready.length === 0) return wait;
      if (this.#options.mayClaim?.() === false) return LOOK_FOR_LANDING;
      const began = performance.now();
      const left = await claimReady(ready, {
        landing,
        spool,
        anchor,
        onClaimed: (claim) => this.#claimed(claim),
        onBusy: ({ group }) => this.#debug('still being written', namesOf(group)),
        proceed: () => this.#state === 'running',
      });
      this.#claiming += performance.now() - began;
      return left > 0 ? Math.min(wait, LOOK_AGAIN) : wait;
    } finally {
      await anchor.release();
    }
  }

  async #selectReady(
    envelopes: readonly FoundEnvelope[],
    anchor: Anchor,
  ): Promise<{ readonly ready: readonly ReadyEnvelope[]; readonly wait: number }> {
    const { landing, config } = this.#options;
    const timing = { landing, incompleteAfter: config.incompleteAfter, settling: this.#settling };
    const ready: ReadyEnvelope[] = [];
    let wait = Infinity;
    for (const found of envelopes) {
      this.#noteMissing(found);
      const answer = await readiness(found, anchor.path, timing);
      if (answer.ready === 'later') wait = Math.min(wait, answer.wait);
      if (answer.ready === 'now') ready.push({ found, entries: answer.entries });
    }
    return { ready, wait };
  }

  #claimed(claim: ClaimRecord): void {
    const { landing, logger, onClaimed } = this.#options;
    const { id, folder } = claim;
    logger.info('claimed', { stage: 'claim', envelope: id, landing: landing.name, folder, files: namesOf(claim) });
    onClaimed(claim);
  }

  #noteMissing({ folder, group, missing }: FoundEnvelope): void {
    if (missing.length === 0) return;
    const notice = JSON.stringify([folder, namesOf(group), missing]);
    if (!this.#incomplete.seen.has(notice)) this.#debug('incomplete', namesOf(group), missing);
    this.#incomplete.now.add(notice);
  }

  #debug(message: string, files: readonly string[], missing?: readonly string[]): void {
    const { landing, logger } = this.#options;
    logger.debug(message, { stage: 'landing', landing: landing.name, files, missing });
  }
}
