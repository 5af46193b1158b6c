import { setTimeout as delay } from 'node:timers/promises';
import { toSealdropError } from '@sealdrop/core';
import { ConfigProblems, loadConfig } from './config/load.ts';
import type { Config } from './config/schema.ts';
import { ledgerOptions, outboxDirectory } from './config/state-paths.ts';
import { LandingWatch } from './landing/landing-watch.ts';
import { LEDGER_GONE, LedgerKeeper } from './ledger/ledger-keeper.ts';
import { Announcer } from './operations/announcer.ts';
import { FreeSpace } from './operations/free-space.ts';
import { Health } from './operations/health.ts';
import type { Instruments } from './operations/instruments.ts';
import { createDaemonLogger } from './operations/logger.ts';
import { Metrics } from './operations/metrics.ts';
import { NameFilter } from './operations/name-filter.ts';
import { Progress } from './operations/progress.ts';
import { Rounds } from './operations/rounds.ts';
import { ServiceManager } from './operations/sd-notify.ts';
import { preferMainThread } from './operations/thread-priority.ts';
import { StatusPage } from './operations/status-page.ts';
import { Concluder } from './processing/conclude.ts';
import { Diagnostician } from './processing/diagnostician.ts';
import { KeyRing } from './processing/key-ring.ts';
import { processEnvelope } from './processing/process-envelope.ts';
import type { CertainRepairs } from './processing/repairs.ts';
import { Remover } from './processing/remover.ts';
import { enforceRetention } from './processing/retention.ts';
import { Scheduler } from './processing/scheduler.ts';
import { openSpool, type Spool } from './spool/layout.ts';
import { lockSpool, type SpoolLock } from './spool/lock.ts';
import { recover } from './spool/recover.ts';
import { sentBack } from './spool/sent-back.ts';
import { version } from './version.ts';

/** ms between two looks at what an operator sent back, what is not told yet, and the free space. */
const OFTEN = 2000;
const RETENTION_PAUSE = 60_000;
/** ms that interrupted work has to end; a system call on a dead NFS mount never does. */
const HUNG_AFTER = 5000;
/** Conditions that belong to what the configuration names. */
const CONFIGURED = /^(landing|delivery|key|hook|signature):/;

/** The running whole: one spool, its landings, the queue between them, and those who watch. */
export class Daemon {
  readonly #file: string;
  readonly #spool: Spool;
  readonly #lock: SpoolLock;
  readonly #instruments: Instruments;
  readonly #scheduler: Scheduler;
  readonly #ledger: LedgerKeeper;
  readonly #announcer: Announcer;
  readonly #concluder: Concluder;
  readonly #remover: Remover;
  readonly #diagnostician = new Diagnostician();
  readonly #repairs: CertainRepairs = new Map();
  readonly #freeSpace: FreeSpace;
  readonly #statusPage: StatusPage;
  readonly #serviceManager: ServiceManager;
  readonly #rounds: Rounds;
  #config: Config;
  #keys: KeyRing;
  #landings: readonly LandingWatch[] = [];
  #reloading: Promise<void> = Promise.resolve();
  #status = '';

  private constructor(file: string, config: Config, held: { readonly spool: Spool; readonly lock: SpoolLock }) {
    this.#file = file;
    this.#config = config;
    this.#spool = held.spool;
    this.#lock = held.lock;
    const names = new NameFilter(config);
    const logger = createDaemonLogger(config.log.level, names);
    const [health, progress] = [new Health(), new Progress(config.stuckAfter)];
    const queues = (): Scheduler['queues'] => this.#scheduler.queues;
    const metrics = new Metrics({ version: version(), landings: namesOf(config), queues });
    this.#instruments = { logger, names, health, progress, metrics };
    this.#keys = new KeyRing(config, this.#instruments);
    this.#ledger = this.#makeLedger();
    this.#announcer = new Announcer(outboxDirectory(config), this.#instruments);
    const mayWait = (): boolean => this.#scheduler.isBusy && this.#freeSpace.enough(this.#spool.root);
    this.#remover = new Remover({ spool: this.#spool, mayWait });
    this.#concluder = new Concluder({
      spool: this.#spool,
      archive: () => this.#config.archive,
      ledger: this.#ledger,
      announcer: this.#announcer,
      remover: this.#remover,
      instruments: this.#instruments,
    });
    this.#freeSpace = new FreeSpace(this.#instruments);
    this.#statusPage = new StatusPage({ sources: this.#instruments, health, logger });
    this.#rounds = new Rounds(logger);
    this.#serviceManager = new ServiceManager({
      onFault: ({ code, message, hint }) =>
        logger.warn('systemd cannot be told', { stage: 'daemon', code, reason: message, hint }),
    });
    this.#scheduler = this.#makeScheduler();
  }

  #makeScheduler(): Scheduler {
    return new Scheduler({
      process: (attempt) =>
        processEnvelope(attempt, {
          spool: this.#spool,
          config: this.#config,
          keys: this.#keys,
          ledger: this.#ledger,
          diagnostician: this.#diagnostician,
          repairs: this.#repairs,
          concluder: this.#concluder,
          instruments: this.#instruments,
        }),
      concurrency: () => this.#config.concurrency,
      onIdle: () => this.#remover.wake(),
      instruments: this.#instruments,
    });
  }

  #makeLedger(): LedgerKeeper {
    const { logger, health } = this.#instruments;
    return new LedgerKeeper(ledgerOptions(this.#config), {
      onCondition: (error) => {
        if (health.report('ledger', error) === 'same' || error === null) return;
        const { code, message, hint } = error;
        logger.error('the ledger cannot be used', { stage: 'ledger', code, reason: message, hint });
      },
      onSetAside: (setAside, { code, message }) =>
        logger.error('damaged ledger set aside, a new one begun', { stage: 'ledger', code, reason: message, setAside }),
      onGone: () => logger.error('the ledger was taken away while in use', { stage: 'ledger', hint: LEDGER_GONE }),
    });
  }

  /**
   * Takes hold of the spool, mends what a crash left, and starts watching. The log says `ready` when every landing has been scanned once, or holds more than can be taken at once.
   * @throws ConfigProblems, or a SealdropError `already-exists` when another daemon owns the spool
   */
  static async start(file: string): Promise<Daemon> {
    const config = loadConfig(file);
    const spool = await openSpool(config.spool);
    preferMainThread();
    const lock = await lockSpool(spool.root);
    const daemon = new Daemon(file, config, { spool, lock });
    await daemon.#begin();
    return daemon;
  }

  async #begin(): Promise<void> {
    const { logger, progress } = this.#instruments;
    await this.#recover();
    await this.#setUp();
    await this.#concluder.sweep();
    this.#beginRounds();
    logger.info('ready', { stage: 'daemon', landings: namesOf(this.#config) });
    this.#serviceManager.startWatchdog({
      alive: progress.alive,
      onStuck: () => {
        const stuck = progress.stuck().map(({ id }) => id);
        logger.error('work hangs; the watchdog is no longer fed', { stage: 'daemon', stuck });
      },
    });
    await this.#serviceManager.ready(this.#describe());
  }

  async #recover(): Promise<void> {
    const { logger } = this.#instruments;
    const { finished, waiting, unreadable } = await recover(this.#spool);
    for (const { id, landing, outcome } of finished) {
      logger.info(outcome, { stage: 'recover', envelope: id, landing: landing ?? undefined });
    }
    for (const { directory, reason } of unreadable) {
      logger.error('cannot be recovered; look into it', { stage: 'recover', directory, reason });
    }
    for (const claim of waiting) this.#scheduler.add(claim);
  }

  /** What the configuration wants, at the start and after each reload. */
  async #setUp(): Promise<void> {
    await this.#statusPage.serve(this.#config.status);
    await this.#tellReceivers();
    await this.#lookAtSpace();
    await this.#tryKeys();
    await this.#watchLandings();
  }

  async #tellReceivers(): Promise<void> {
    try {
      await this.#announcer.tell(this.#config);
    } catch (thrown) {
      const { code, message, hint } = toSealdropError(thrown, outboxDirectory(this.#config));
      this.#instruments.logger.error('the outbox cannot be used', { stage: 'hook', code, reason: message, hint });
    }
  }

  async #lookAtSpace(): Promise<void> {
    const { landings, minimumFreeSpace } = this.#config;
    const paths = [this.#spool.root, ...landings.map(({ delivery }) => delivery)];
    if ((await this.#freeSpace.look(paths, minimumFreeSpace)) === 'mended') this.#scheduler.retryAll();
  }

  /** Says early what would otherwise show with the first envelope. */
  async #tryKeys(): Promise<void> {
    try {
      await this.#keys.providers();
    } catch (thrown) {
      const { code, message, hint } = toSealdropError(thrown);
      this.#instruments.logger.error('a key cannot be used', { stage: 'daemon', code, reason: message, hint });
    }
  }

  async #watchLandings(): Promise<void> {
    const { logger, health } = this.#instruments;
    this.#landings = this.#config.landings.map(
      (landing) =>
        new LandingWatch({
          landing,
          spool: this.#spool,
          config: this.#config,
          logger,
          onClaimed: (claim) => this.#scheduler.add(claim, 'claimed'),
          depth: () => this.#scheduler.depth(landing.name),
          mayClaim: () => this.#freeSpace.enough(this.#spool.root, landing.delivery),
          onCondition: (error) => health.report(`landing:${landing.name}`, error),
        }),
    );
    await Promise.all(this.#landings.map((landing) => landing.start()));
  }

  #beginRounds(): void {
    const rounds = [
      { name: 'looking at free space', pause: OFTEN, work: () => this.#lookAtSpace() },
      { name: 'taking up what was sent back', pause: OFTEN, work: () => this.#takeUpSentBack() },
      { name: 'recording', pause: OFTEN, work: () => this.#concluder.sweep() },
      { name: 'removing what was delivered', pause: OFTEN, work: () => this.#remover.sweep() },
      { name: 'telling systemd', pause: OFTEN, work: () => this.#tellStatus() },
      { name: 'retention', pause: Math.min(RETENTION_PAUSE, this.#config.scanInterval), work: () => this.#retain() },
    ];
    for (const round of rounds) this.#rounds.begin(round);
  }

  async #takeUpSentBack(): Promise<void> {
    for (const claim of await sentBack(this.#spool, (id) => this.#scheduler.knows(id))) this.#scheduler.add(claim);
  }

  #retain(): Promise<void> {
    const [config, ledger, instruments] = [this.#config, this.#ledger, this.#instruments];
    return enforceRetention({ spool: this.#spool, config, ledger, instruments });
  }

  async #tellStatus(): Promise<void> {
    const status = this.#describe();
    if (status !== this.#status) await this.#serviceManager.status(status);
    this.#status = status;
  }

  #describe(): string {
    const depth = this.#scheduler.queues.reduce((sum, queue) => sum + queue.depth, 0);
    const failed = this.#instruments.health.conditions.filter(({ state }) => state !== 'ok').map(({ name }) => name);
    return `${depth} envelopes in the queue; ${failed.length === 0 ? 'all in order' : `look at ${failed.join(', ')}`}`;
  }

  /** Takes up the configuration file anew; a bad one changes nothing, and the log says why. Envelopes in progress end under the old one. */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(async () => {
      await this.#serviceManager.reloading();
      await this.#reload();
      await this.#serviceManager.ready(this.#describe());
    });
    return this.#reloading;
  }

  async #reload(): Promise<void> {
    const config = this.#loadOrSayWhy();
    if (config === null) return;
    const { logger, names, health, metrics, progress } = this.#instruments;
    await this.#stopLandings();
    this.#config = config;
    for (const { name } of health.conditions) if (CONFIGURED.test(name)) health.forget(name);
    this.#keys = new KeyRing(config, this.#instruments);
    this.#ledger.configure(ledgerOptions(config));
    metrics.setLandings(namesOf(config));
    progress.setLimit(config.stuckAfter);
    logger.setLevel(config.log.level);
    names.configure(config);
    await this.#setUp();
    this.#scheduler.retryAll();
    logger.info('configuration reloaded', { stage: 'daemon', landings: namesOf(config) });
  }

  #loadOrSayWhy(): Config | null {
    const problems: string[] = [];
    try {
      const config = loadConfig(this.#file);
      const fixed = (['spool', 'state'] as const).filter((name) => config[name] !== this.#config[name]);
      if (fixed.length === 0) return config;
      problems.push(
        ...fixed.map((name) => `${this.#file}: ${name}: cannot change while the daemon runs; restart it instead`),
      );
    } catch (error) {
      problems.push(...(error instanceof ConfigProblems ? error.problems : [toSealdropError(error).message]));
    }
    this.#instruments.logger.error('configuration not reloaded; the old one stays in force', {
      stage: 'daemon',
      code: 'bad-configuration',
      problems,
    });
    return null;
  }

  /** Finishes what is in progress, for at most `shutdownTimeout`, and lets go of the spool. What hangs even then is left as a crash would leave it. @returns whether some does */
  async stop(signal: string): Promise<'stopped' | 'hung'> {
    const { logger } = this.#instruments;
    logger.info('stopping', { stage: 'daemon', signal });
    const { shutdownTimeout } = this.#config;
    const outcome = await Promise.race([this.#end(shutdownTimeout), delay(shutdownTimeout + HUNG_AFTER, 'hung')]);
    if (outcome === 'hung') logger.error('stopped in the midst of work that hangs', { stage: 'daemon' });
    else logger.info('stopped', { stage: 'daemon' });
    return outcome === 'hung' ? 'hung' : 'stopped';
  }

  async #end(shutdownTimeout: number): Promise<void> {
    const told = this.#serviceManager.stopping();
    await this.#reloading;
    this.#diagnostician.stop();
    const removed = this.#remover.end();
    await Promise.all([this.#rounds.end(), this.#stopLandings(), this.#scheduler.drain(shutdownTimeout), removed]);
    await Promise.all([this.#announcer.close(), this.#statusPage.close(), told]);
    this.#ledger.close();
    await this.#lock.release();
  }

  async #stopLandings(): Promise<void> {
    await Promise.all(this.#landings.map((landing) => landing.stop()));
  }
}

function namesOf({ landings }: Config): readonly string[] {
  return landings.map(({ name }) => name);
}
