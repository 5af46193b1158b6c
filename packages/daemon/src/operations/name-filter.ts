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
  /** By envelope, as they were learned. */
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
    this.#names.set(envelope, [...(this.#names.get(envelope) ?? []), ...names]);
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
    return longestFirst(this.#names.get(envelope) ?? []).reduce(
      (rest, name) => rest.replace(standing(name), WITHHELD),
      known.replace(this.#places, `$1/${WITHHELD}`),
    );
  }
}

/** As they are and as the log prints them; so that none is taken for a part of another. */
function longestFirst(names: readonly string[]): readonly string[] {
  const distinct = new Set([...names, ...names.map(printable)].filter((name) => name !== ''));
  return [...distinct].sort((one, other) => other.length - one.length);
}

/** What lies below these, up to where an error says what is wrong with it: a name may hold spaces and colons. */
function placesOf({ landings }: Pick<Config, 'landings'>): RegExp {
  const directories = landings.flatMap(({ directory, delivery }) => [directory, delivery]);
  const sorted = directories.toSorted((one, other) => other.length - one.length).map((path) => RegExp.escape(path));
  return new RegExp(`(${[...sorted, ...OTHER_PLACES].join('|')})/(?:.*(?=: )|.*)`, 's');
}

/** The name by itself: one of a single letter must not blot out that letter in every word. */
function standing(name: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}])${RegExp.escape(name)}(?![\\p{L}\\p{N}])`, 'gu');
}
