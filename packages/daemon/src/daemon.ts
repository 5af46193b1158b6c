import { toSealdropError } from '@sealdrop/core';
import { ConfigProblems, loadConfig } from './config/load.ts';
import type { Config } from './config/schema.ts';
import { LandingWatch } from './landing/landing-watch.ts';
import { createDaemonLogger, type Logger } from './operations/logger.ts';
import { KeyRing } from './processing/key-ring.ts';
import { processEnvelope } from './processing/process-envelope.ts';
import { Scheduler } from './processing/scheduler.ts';
import { openSpool, type Spool } from './spool/layout.ts';
import { lockSpool, type SpoolLock } from './spool/lock.ts';
import { recover } from './spool/recover.ts';

/** The running whole: one spool, its landings, and the queue between them. */
export class Daemon {
  readonly #file: string;
  readonly #spool: Spool;
  readonly #lock: SpoolLock;
  readonly #logger: Logger;
  readonly #scheduler: Scheduler;
  #config: Config;
  #keys: KeyRing;
  #landings: readonly LandingWatch[] = [];
  #reloading: Promise<void> = Promise.resolve();

  private constructor(file: string, config: Config, held: { readonly spool: Spool; readonly lock: SpoolLock }) {
    this.#file = file;
    this.#config = config;
    this.#spool = held.spool;
    this.#lock = held.lock;
    this.#logger = createDaemonLogger(config.log.level);
    this.#keys = new KeyRing(config);
    this.#scheduler = new Scheduler({
      process: (attempt) =>
        processEnvelope(attempt, {
          spool: this.#spool,
          config: this.#config,
          keys: this.#keys,
          logger: this.#logger,
        }),
      concurrency: () => this.#config.concurrency,
      logger: this.#logger,
    });
  }

  /**
   * Takes hold of the spool, mends what a crash left, and starts watching. The log says `ready` when every landing has been scanned once.
   * @throws ConfigProblems, or a SealdropError `already-exists` when another daemon owns the spool
   */
  static async start(file: string): Promise<Daemon> {
    const config = loadConfig(file);
    const spool = await openSpool(config.spool);
    const lock = await lockSpool(spool.root);
    const daemon = new Daemon(file, config, { spool, lock });
    await daemon.#begin();
    return daemon;
  }

  async #begin(): Promise<void> {
    const { finished, waiting, unreadable } = await recover(this.#spool, this.#config.archive);
    for (const { id, landing, outcome } of finished) {
      this.#logger.info(outcome, { stage: 'recover', envelope: id, landing: landing ?? undefined });
    }
    for (const { directory, reason } of unreadable) {
      this.#logger.error('cannot be recovered; look into it', { stage: 'recover', directory, reason });
    }
    for (const claim of waiting) this.#scheduler.add(claim);
    await this.#tryKeys();
    await this.#watchLandings();
    this.#logger.info('ready', { stage: 'daemon', landings: this.#config.landings.map(({ name }) => name) });
  }

  /** Says early what would otherwise show with the first envelope. */
  async #tryKeys(): Promise<void> {
    try {
      await this.#keys.providers();
    } catch (thrown) {
      const { code, message, hint } = toSealdropError(thrown);
      this.#logger.error('a key cannot be used', { stage: 'daemon', code, reason: message, hint });
    }
  }

  async #watchLandings(): Promise<void> {
    this.#landings = this.#config.landings.map(
      (landing) =>
        new LandingWatch({
          landing,
          spool: this.#spool,
          config: this.#config,
          logger: this.#logger,
          onClaimed: (claim) => this.#scheduler.add(claim),
        }),
    );
    await Promise.all(this.#landings.map((landing) => landing.start()));
  }

  /** Takes up the configuration file anew; a bad one changes nothing, and the log says why. Envelopes in progress end under the old one. */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload());
    return this.#reloading;
  }

  async #reload(): Promise<void> {
    const config = this.#loadOrSayWhy();
    if (config === null) return;
    await this.#stopLandings();
    this.#config = config;
    this.#keys = new KeyRing(config);
    this.#logger.setLevel(config.log.level);
    await this.#tryKeys();
    await this.#watchLandings();
    this.#scheduler.retryAll();
    this.#logger.info('configuration reloaded', { stage: 'daemon', landings: config.landings.map(({ name }) => name) });
  }

  #loadOrSayWhy(): Config | null {
    const problems: string[] = [];
    try {
      const config = loadConfig(this.#file);
      if (config.spool === this.#spool.root) return config;
      problems.push(`${this.#file}: spool: cannot change while the daemon runs; restart it instead`);
    } catch (error) {
      problems.push(...(error instanceof ConfigProblems ? error.problems : [toSealdropError(error).message]));
    }
    this.#logger.error('configuration not reloaded; the old one stays in force', {
      stage: 'daemon',
      code: 'bad-configuration',
      problems,
    });
    return null;
  }

  /** Finishes what is in progress, for at most `shutdownTimeout`, and lets go of the spool. */
  async stop(signal: string): Promise<void> {
    this.#logger.info('stopping', { stage: 'daemon', signal });
    await this.#reloading;
    await Promise.all([this.#stopLandings(), this.#scheduler.drain(this.#config.shutdownTimeout)]);
    await this.#lock.release();
    this.#logger.info('stopped', { stage: 'daemon' });
  }

  async #stopLandings(): Promise<void> {
    await Promise.all(this.#landings.map((landing) => landing.stop()));
  }
}
