import type { Options } from 'yargs';
import { nearest } from './suggestion.ts';
import { UsageError } from './usage-error.ts';

/** Options that may be given more than once. */
const REPEATABLE: ReadonlySet<string> = new Set(['key', 'signer']);
/** Arguments that are lists. `_` has the command's name, and what the command has no place for. */
const LISTS: ReadonlySet<string> = new Set(['_', 'envelope', 'file']);

function checkValue(name: string, given: unknown): void {
  if (Array.isArray(given) && !REPEATABLE.has(name) && !LISTS.has(name)) {
    throw new UsageError(`--${name} is given more than once`, 'give it once');
  }
  if ([given].flat().includes('')) {
    throw new UsageError(
      `${LISTS.has(name) ? name : `--${name}`} has an empty value`,
      'give it a value, or leave it out',
    );
  }
}

function explainUnknownOption(word: string, options: readonly string[]): UsageError {
  const [name = ''] = word.replace(/^-+/, '').split('=');
  const near = word.startsWith('--') ? nearest(name, options) : null;
  const hint =
    near === null ? 'see --help; a file whose name begins with - is written ./-NAME' : `did you mean --${near}?`;
  return new UsageError(`unknown option ${word.split('=')[0]}`, hint);
}

/** @throws UsageError naming the choices */
export function checkChoice(subject: string, given: unknown, choices: Options['choices']): void {
  if (typeof given !== 'string' || choices === undefined || choices.includes(given)) return;
  const words = choices.map((choice) => `"${choice}"`).join(', ');
  throw new UsageError(`${subject} "${given}" is none of the choices`, `choose one of ${words}`);
}

/**
 * @param options those that the command takes
 * @throws UsageError for unknown options, for words too many, for an option given twice, for empty values and for none of the choices
 */
export function checkArguments(
  args: Readonly<Record<string, unknown>>,
  options: Readonly<Record<string, Options>>,
): void {
  // The parser hands on unknown options as if they were file names.
  const names = [...LISTS].flatMap((list) => (args[list] ?? []) as readonly string[]);
  const unknown = names.find((name) => /^-./.test(name));
  if (unknown !== undefined) throw explainUnknownOption(unknown, [...Object.keys(options), 'help', 'version']);
  const [, superfluous] = args['_'] as readonly string[];
  if (superfluous !== undefined) throw new UsageError(`unexpected argument "${superfluous}"`, 'see --help');
  // Every short name is there under its long one too.
  for (const [name, given] of Object.entries(args)) if (name.length > 1) checkValue(name, given);
  for (const [name, { choices }] of Object.entries(options)) checkChoice(`--${name}`, args[name], choices);
}
