import { toSealdropError } from '@sealdrop/core';
import type { Health } from './health.ts';
import type { Logger } from './logger.ts';
import { startStatusServer, type StatusAddress, type StatusServer, type StatusSources } from './status-server.ts';

const TRY_AGAIN = 10_000;

export interface StatusPageOptions {
  readonly sources: StatusSources;
  readonly health: Health;
  readonly logger: Logger;
}

/** Keeps the status page up: an address that is taken is no reason not to decrypt, so it is tried again until it is free. */
export class StatusPage {
  readonly #options: StatusPageOptions;
  #wanted: StatusAddress | 'off' = 'off';
  #server: StatusServer | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StatusPageOptions) {
    this.#options = options;
  }

  /** Serves under this address from now on. */
  async serve(wanted: StatusAddress | 'off'): Promise<void> {
    if (JSON.stringify(wanted) === JSON.stringify(this.#wanted)) return;
    await this.close();
    this.#wanted = wanted;
    await this.#start();
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#wanted = 'off';
    const server = this.#server;
    this.#server = null;
    await server?.close();
  }

  async #start(): Promise<void> {
    const { sources, health, logger } = this.#options;
    const wanted = this.#wanted;
    if (wanted === 'off') return health.forget('status');
    try {
      this.#server = await startStatusServer(wanted, sources);
      health.report('status', null);
      logger.info('status page', { stage: 'daemon', address: this.#server.address });
    } catch (thrown) {
      const error = toSealdropError(thrown);
      if (health.report('status', error) === 'changed') {
        logger.error('no status page', { stage: 'daemon', code: error.code, reason: error.message, hint: error.hint });
      }
      this.#timer = setTimeout(() => void this.#start(), TRY_AGAIN);
      this.#timer.unref();
    }
  }
}
