import type { Config } from '../config/schema.ts';
import { retryDelay } from '../processing/retry.ts';
import type { EnvelopeEvent } from './envelope-event.ts';
import { commandTarget } from './hooks.ts';
import type { Instruments } from './instruments.ts';
import type { OutboxResult, OutboxTarget } from './outbox-lane.ts';
import { Outbox } from './outbox.ts';
import { webhookTarget } from './webhook.ts';

/** A receiver that was out of order over a long weekend still hears everything. */
const GIVE_UP_AFTER = 4 * 24 * 3_600_000;

type Receivers = Pick<Config, 'hooks' | 'webhooks'>;

/** Tells the configured hooks and webhooks; a reloaded configuration exchanges them. */
export class Announcer {
  readonly #directory: string;
  readonly #instruments: Pick<Instruments, 'logger' | 'health'>;
  #receivers: Receivers = { hooks: [], webhooks: [] };
  #outbox: Promise<Outbox> | null = null;
  readonly #posting = new Set<Promise<void>>();

  constructor(directory: string, instruments: Pick<Instruments, 'logger' | 'health'>) {
    this.#directory = directory;
    this.#instruments = instruments;
  }

  /** From now on these are told; what the ones before did not take yet waits on disk under their names. */
  async tell(receivers: Receivers): Promise<void> {
    this.#receivers = receivers;
    const earlier = this.#outbox;
    this.#outbox = null;
    await Promise.allSettled(this.#posting);
    if (earlier !== null) await earlier.then((outbox) => outbox.close()).catch(() => {});
    await this.#open();
  }

  /** Resolves when the event is on disk for all who want it. @throws SealdropError as the file system says */
  async post(event: EnvelopeEvent): Promise<void> {
    const posting = this.#open().then((outbox) => outbox.post(event));
    this.#posting.add(posting);
    try {
      await posting;
    } finally {
      this.#posting.delete(posting);
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#posting);
    if (this.#outbox !== null) await this.#outbox.then((outbox) => outbox.close()).catch(() => {});
  }

  /** What cannot be opened is tried again at the next event. */
  async #open(): Promise<Outbox> {
    const { hooks, webhooks } = this.#receivers;
    const targets: readonly OutboxTarget[] = [
      ...hooks.map((hook) => commandTarget({ ...hook, events: hook.on })),
      ...webhooks.map((webhook) => webhookTarget({ ...webhook, events: webhook.on })),
    ];
    this.#outbox ??= Outbox.open({
      directory: this.#directory,
      targets,
      retryDelay: (failures) => retryDelay('passing', failures),
      giveUpAfter: GIVE_UP_AFTER,
      onResult: (result) => this.#note(result),
    });
    try {
      return await this.#outbox;
    } catch (error) {
      this.#outbox = null;
      throw error;
    }
  }

  #note({ target, id, result, detail, attempts }: OutboxResult): void {
    const { logger, health } = this.#instruments;
    const fields = { stage: 'hook', hook: target, event: id, detail, attempts } as const;
    if (result === 'given-up') return logger.error('given up; the event lies in failed/ of its outbox', fields);
    const condition = `hook:${target}`;
    if (result === 'sent') {
      health.report(condition, null);
      return logger.info('told', fields);
    }
    const news = health.report(condition, { code: 'io-error', blame: 'passing', message: detail, hint: undefined });
    if (news === 'changed') logger.warn('could not be told; tried again later', fields);
    else logger.debug('could not be told; tried again later', fields);
  }
}
