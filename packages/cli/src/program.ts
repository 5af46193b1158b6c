import type { AnyCommand, CommandContext } from './command.ts';
import { completionCommand } from './commands/completion.ts';
import { decryptCommand } from './commands/decrypt.ts';
import { diagnoseCommand } from './commands/diagnose.ts';
import { encryptCommand } from './commands/encrypt.ts';
import { inspectCommand } from './commands/inspect.ts';
import { kitCommand } from './commands/kit.ts';
import { publicKeyCommand } from './commands/public-key.ts';
import { verifyCommand } from './commands/verify.ts';
import { EXIT } from './exit-status.ts';
import { parseArguments } from './parse-arguments.ts';
import { nearest } from './suggestion.ts';
import { UsageError } from './usage-error.ts';

const COMMANDS: ReadonlyMap<string, AnyCommand> = new Map<string, AnyCommand>([
  ['public-key', publicKeyCommand],
  ['kit', kitCommand],
  ['encrypt', encryptCommand],
  ['decrypt', decryptCommand],
  ['verify', verifyCommand],
  ['inspect', inspectCommand],
  ['diagnose', diagnoseCommand],
  ['completion', completionCommand],
]);

/** What the completion script asks with. */
const COMPLETION_OPTION = '--get-yargs-completions';
const ANSWERED_BY_YARGS: ReadonlySet<string> = new Set(['--help', '-h', '--version']);

function commandNamed(name: string): AnyCommand {
  const command = COMMANDS.get(name);
  if (command !== undefined) return command;
  const names = [...COMMANDS.keys()];
  if (name.startsWith('-')) throw new UsageError('the command comes first', `sealdrop ${names.join('|')} [options]`);
  const near = nearest(name, names);
  const hint = near === null ? `the commands are ${names.join(', ')}` : `did you mean "${near}"?`;
  throw new UsageError(`unknown command "${name}"`, hint);
}

/** After `--` every word is a file's name, whatever it begins with: said in a way that the parser cannot misread. */
function normalizeFileNames(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--');
  if (end === -1 || words[0] === COMPLETION_OPTION) return words;
  return [...words.slice(0, end), ...words.slice(end + 1).map((name) => (/^-./.test(name) ? `./${name}` : name))];
}

/** `sealdrop help decrypt` asks the same as `sealdrop decrypt --help`. */
function normalizeHelp(words: readonly string[]): readonly string[] {
  return words[0] === 'help' ? [...words.slice(1), '--help'] : words;
}

/**
 * Parses the command line and runs what it asks for.
 * @returns the exit status
 * @throws UsageError for a wrong command line, and whatever the command throws
 */
export async function runProgram(commandLine: readonly string[], context: CommandContext): Promise<number> {
  const words = normalizeHelp(normalizeFileNames(commandLine));
  const [name, ...rest] = words;
  if (name === undefined) {
    const { formatHelp } = await import('./help.ts');
    process.stderr.write(`${await formatHelp([...COMMANDS.values()])}\n`);
    return EXIT.usage;
  }
  const isForYargs = name === COMPLETION_OPTION || words.some((word) => ANSWERED_BY_YARGS.has(word));
  if (!isForYargs) {
    const command = commandNamed(name);
    return command.run(parseArguments(rest, command), context);
  }
  if (name !== COMPLETION_OPTION && !ANSWERED_BY_YARGS.has(name)) commandNamed(name);
  const { writeAnswer } = await import('./help.ts');
  await writeAnswer(words, [...COMMANDS.values()]);
  return EXIT.ok;
}
