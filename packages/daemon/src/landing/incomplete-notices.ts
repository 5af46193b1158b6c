import type { LandingConfig } from '../config/schema.ts';
import type { Logger } from '../operations/logger.ts';
import { namesOf } from '../spool/claim.ts';
import type { ClaimRecord } from '../spool/records.ts';
import { type FoundEnvelope, keyOf } from './assembler.ts';
import { firstOf } from './named-in-log.ts';

/** Claims that are remembered, to tell a late member from an early one. */
const REMEMBERED = 1000;

/** Says once of each incomplete envelope what it lacks, and of a member that comes after the claim that it is too late. */
export class IncompleteNotices {
  readonly #landing: LandingConfig;
  readonly #logger: Logger;
  #seen = new Set<string>();
  #current = new Set<string>();
  /** The latest claims' ids, by folder and stem. */
  readonly #claimed = new Map<string, string>();

  constructor(landing: LandingConfig, logger: Logger) {
    this.#landing = landing;
    this.#logger = logger;
  }

  claimed({ id, folder, layout, stem }: ClaimRecord): void {
    this.#remember(JSON.stringify([folder, stem]), id);
    if (layout === 'folder') this.#remember(JSON.stringify([folder, '']), id);
  }

  #remember(place: string, id: string): void {
    this.#claimed.delete(place);
    this.#claimed.set(place, id);
    const [oldest] = this.#claimed.keys();
    if (this.#claimed.size > REMEMBERED && oldest !== undefined) this.#claimed.delete(oldest);
  }

  note(found: FoundEnvelope): void {
    const { folder, group, missing } = found;
    if (missing.length === 0) return;
    const files = namesOf(group);
    const notice = `${files.length} ${keyOf(found)}`;
    this.#current.add(notice);
    if (this.#seen.has(notice)) return;
    const fields = { stage: 'landing', landing: this.#landing.name, ...firstOf(files), missing } as const;
    const envelope = this.#envelopeWithout(folder, group);
    if (envelope === undefined) this.#logger.debug('incomplete', fields);
    else this.#logger.warn('came too late: its envelope was claimed without it', { ...fields, envelope });
  }

  /** The claimed envelope that a mere note, manifest or signature belongs to. */
  #envelopeWithout(folder: string, { names, stem }: FoundEnvelope['group']): string | undefined {
    if (names.payload.length + names['wrapped-key'].length > 0) return undefined;
    return this.#claimed.get(JSON.stringify([folder, stem]));
  }

  /** Ends one scan: what it did not mention is forgotten. */
  endScan(): void {
    this.#seen = this.#current;
    this.#current = new Set();
  }
}
