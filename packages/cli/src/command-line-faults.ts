import { nearest } from './suggestion.ts';
import { UsageError } from './usage-error.ts';

/** Options that may be given more than once. */
const REPEATABLE: ReadonlySet<string> = new Set(['key']);
/** What yargs itself puts among the arguments as lists. */
const LISTS: ReadonlySet<string> = new Set(['_', 'envelope', 'file']);

/** @throws UsageError for an option that is given twice, or whose value is empty */
export function checkValues(args: Readonly<Record<string, unknown>>): void {
  for (const [name, given] of Object.entries(args)) {
    // Every short name is there under its long one too.
    if (name.length === 1) continue;
    if (Array.isArray(given) && !REPEATABLE.has(name) && !LISTS.has(name)) {
      throw new UsageError(`--${name} is given more than once`, 'give it once');
    }
    if ([given].flat().includes(''))
      throw new UsageError(`--${name} has an empty value`, 'give it a value, or leave it out');
  }
}

export interface CommandLine {
  readonly words: readonly string[];
  /** Names of the options that the command at hand takes. */
  readonly options: readonly string[];
}

function explainUnknown(names: readonly string[], { words, options }: CommandLine): UsageError {
  // yargs lists --foo-bar as foo-bar and as fooBar: only one of them was typed.
  const option = names.find((name) => words.some((word) => word.split('=')[0] === `--${name}`));
  if (option === undefined) {
    return new UsageError(
      `unknown option -${names[0]}`,
      'see --help; a file whose name begins with - is written ./-name',
    );
  }
  const near = nearest(option, options);
  return new UsageError(`unknown option --${option}`, near === null ? 'see --help' : `did you mean --${near}?`);
}

const UNKNOWN = /^Unknown arguments?: (?<names>.*)$/;
const INCOMPLETE = /^Not enough arguments following: (?<name>.*)$/;
const CHOICE = /Argument: (?<name>.*), Given: "(?<given>.*)", Choices: (?<choices>.*)$/;

/** Turns what yargs says of a wrong command line into our words. */
export function explainParserMessage(message: string, commandLine: CommandLine): UsageError {
  const unknown = UNKNOWN.exec(message)?.groups;
  if (unknown !== undefined) return explainUnknown((unknown['names'] ?? '').split(', '), commandLine);
  const incomplete = INCOMPLETE.exec(message)?.groups;
  if (incomplete !== undefined) return new UsageError(`--${incomplete['name']} needs a value`, 'see --help');
  const choice = CHOICE.exec(message)?.groups;
  if (choice !== undefined) {
    const { name = '', given, choices } = choice;
    const subject = commandLine.options.includes(name) ? `--${name}` : name;
    return new UsageError(`${subject} "${given}" is none of the choices`, `choose one of ${choices}`);
  }
  return new UsageError(message, 'see --help');
}
