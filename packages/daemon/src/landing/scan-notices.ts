import type { LogFields, Logger } from '../operations/logger.ts';
import { NAMED_IN_LOG } from './named-in-log.ts';

interface Notice {
  readonly message: string;
  readonly fields: LogFields;
}

/** Warns once of each thing for as long as every scan finds it; of many new ones in one scan it names the first and counts the others. */
export class ScanNotices {
  readonly #logger: Logger;
  /** What is said of those that are only counted. */
  readonly #others: Notice;
  #seen = new Set<string>();
  #current = new Set<string>();
  #fresh = 0;

  constructor(logger: Logger, others: Notice) {
    this.#logger = logger;
    this.#others = others;
  }

  warn(key: string, { message, fields }: Notice): void {
    if (this.#current.has(key)) return;
    this.#current.add(key);
    if (this.#seen.has(key)) return;
    this.#fresh += 1;
    if (this.#fresh <= NAMED_IN_LOG) this.#logger.warn(message, fields);
  }

  /** Ends one scan: what it did not mention is forgotten. */
  endScan(): void {
    const { message, fields } = this.#others;
    const count = this.#fresh - NAMED_IN_LOG;
    if (count > 0) this.#logger.warn(message, { ...fields, count });
    this.#seen = this.#current;
    this.#current = new Set();
    this.#fresh = 0;
  }
}
