/** The words after a command's name, by yargs' own parser: yargs itself is loaded only where it writes (help, completion). */
import type { Options } from 'yargs';
import parser from 'yargs-parser';
import { checkArguments } from './command-line-faults.ts';
import { UsageError } from './usage-error.ts';

/** What of the parsing is not as a POSIX user expects is switched off. */
export const PARSING = {
  'boolean-negation': false,
  'dot-notation': false,
  'nargs-eats-options': true,
  'parse-numbers': false,
  'parse-positional-numbers': false,
} as const;

export interface Syntax {
  /** As yargs writes it: the name, then an optional argument, `[file]` or `[file..]`. */
  readonly usage: string;
  readonly options: Readonly<Record<string, Options>>;
}

/** In options and arguments alike, by the long name and its camelCase form. */
export interface ParsedArguments extends Record<string, unknown> {
  readonly _: readonly (string | number)[];
}

const ARGUMENT = /\[(?<name>\w+)(?<many>\.\.)?\]/;

function assignWords(words: readonly string[], usage: string): ParsedArguments {
  const [command = ''] = usage.split(' ');
  const { name, many } = ARGUMENT.exec(usage)?.groups ?? {};
  if (name === undefined) return { _: [command, ...words] };
  if (many !== undefined) return { _: [command], [name]: words };
  return { _: [command, ...words.slice(1)], [name]: words[0] };
}

const INCOMPLETE = /^Not enough arguments following: (?<name>.*)$/;

function explain({ message }: Error, options: Syntax['options']): UsageError {
  const given = INCOMPLETE.exec(message)?.groups?.['name'];
  if (given === undefined) return new UsageError(message, 'see --help');
  const name = Object.keys(options).find((long) => options[long]?.alias === given) ?? given;
  return new UsageError(`--${name} needs a value`, 'see --help');
}

/** @throws UsageError for what the command does not take */
export function parseArguments(words: readonly string[], { usage, options }: Syntax): ParsedArguments {
  const entries = Object.entries(options);
  const ofType = (type: Options['type']) => entries.filter(([, option]) => option.type === type).map(([name]) => name);
  const { argv, error } = parser.detailed([...words], {
    string: ofType('string'),
    boolean: ofType('boolean'),
    alias: Object.fromEntries(entries.map(([name, { alias = [] }]) => [name, [alias].flat()])),
    narg: Object.fromEntries(entries.flatMap(([name, { nargs }]) => (nargs === undefined ? [] : [[name, nargs]]))),
    // Else a lone `-` gets lost on its way to a list of files; checkArguments finds the unknown ones.
    configuration: { ...PARSING, 'unknown-options-as-args': true },
  });
  if (error !== null) throw explain(error, options);
  const args = { ...argv, ...assignWords(argv._.map(String), usage) };
  checkArguments(args, options);
  return args;
}
