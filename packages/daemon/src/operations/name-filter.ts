import type { Config } from '../config/schema.ts';
import type { LogFields } from './logger.ts';
import { printable } from './printable.ts';

const WITHHELD = '…';
/** Fields that are names. */
const NAME_FIELDS: ReadonlySet<string> = new Set(['file', 'files', 'folder']);
/** Fields that quote errors, in which names may stand. */
const TEXT_FIELDS: ReadonlySet<string> = new Set(['reason', 'hint', 'diagnosis', 'detail']);
/** A landing's folder that is held open, and members wherever an envelope lies. */
const OTHER_PLACES = ['/proc/self/fd/[0-9]+', '[^ ]*/members'];

/**
 * Keeps the names of plaintexts out of the log where `log.plaintextNames` says so, and what tells them: the names of payloads, of folders, of whatever lies in a
 * landing. `sealdropd quarantine show ID` tells them to whoever may read the spool.
 */
export class NameFilter {
  #setting: Config['log']['plaintextNames'];
  #places: RegExp;
  /** By envelope: longest first, so that none is taken for a part of another. */
  readonly #names = new Map<string, readonly string[]>();

  constructor(config: Pick<Config, 'log' | 'landings'>) {
    this.#setting = config.log.plaintextNames;
    this.#places = placesOf(config);
  }

  configure(config: Pick<Config, 'log' | 'landings'>): void {
    this.#setting = config.log.plaintextNames;
    this.#places = placesOf(config);
  }

  /** What is told about this envelope from now on names none of these. */
  learn(envelope: string, names: readonly string[]): void {
    const all = [...(this.#names.get(envelope) ?? []), ...names, ...names.map(printable)];
    const distinct = new Set(all.filter((name) => name !== ''));
    this.#names.set(
      envelope,
      [...distinct].sort((one, other) => other.length - one.length),
    );
  }

  forget(envelope: string): void {
    this.#names.delete(envelope);
  }

  apply(fields: LogFields): LogFields {
    if (this.#setting === 'keep') return fields;
    const kept = Object.entries(fields).filter(([field]) => !NAME_FIELDS.has(field));
    const filtered = kept.map(([field, value]) => {
      const isText = TEXT_FIELDS.has(field) && typeof value === 'string';
      return [field, isText ? this.#withhold(field, value, fields) : value];
    });
    return { stage: fields.stage, ...Object.fromEntries(filtered) };
  }

  #withhold(field: string, text: string, { stage, envelope = '' }: LogFields): string {
    // A verdict quotes what the sender wrote, in a manifest for one.
    if (stage === 'quarantine') return `withheld; sealdropd quarantine show ${envelope}`;
    // After the colon stands what a hook printed, or a webhook's receiver answered.
    const known = field === 'detail' ? (text.split(': ', 1)[0] ?? '') : text;
    const names = this.#names.get(envelope) ?? [];
    return names.reduce(
      (rest, name) => rest.replace(standing(name), WITHHELD),
      known.replace(this.#places, `$1/${WITHHELD}`),
    );
  }
}

/** What lies below these, up to where an error says what is wrong with it: a name may hold spaces and colons. */
function placesOf({ landings }: Pick<Config, 'landings'>): RegExp {
  const directories = landings.flatMap(({ directory, delivery }) => [directory, delivery]);
  const longestFirst = directories
    .toSorted((one, other) => other.length - one.length)
    .map((path) => RegExp.escape(path));
  return new RegExp(`(${[...longestFirst, ...OTHER_PLACES].join('|')})/(?:.*(?=: )|.*)`, 's');
}

/** The name by itself: one of a single letter must not blot out that letter in every word. */
function standing(name: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}])${RegExp.escape(name)}(?![\\p{L}\\p{N}])`, 'gu');
}
