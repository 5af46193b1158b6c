import { readFileSync } from 'node:fs';
import yargs from 'yargs';
import type { ArgumentsCamelCase, Argv } from 'yargs';
import type { Command, CommandContext } from './command.ts';
import { checkArguments, explainParserMessage } from './command-line-faults.ts';
import { completionCommand } from './commands/completion.ts';
import { decryptCommand } from './commands/decrypt.ts';
import { diagnoseCommand } from './commands/diagnose.ts';
import { encryptCommand } from './commands/encrypt.ts';
import { inspectCommand } from './commands/inspect.ts';
import { kitCommand } from './commands/kit.ts';
import { publicKeyCommand } from './commands/public-key.ts';
import { verifyCommand } from './commands/verify.ts';
import { completeWords } from './completion-words.ts';
import { EXIT, EXIT_MEANINGS } from './exit-status.ts';
import { nearest } from './suggestion.ts';
import { UsageError } from './usage-error.ts';

const COMMANDS = {
  'public-key': publicKeyCommand,
  kit: kitCommand,
  encrypt: encryptCommand,
  decrypt: decryptCommand,
  verify: verifyCommand,
  inspect: inspectCommand,
  diagnose: diagnoseCommand,
  completion: completionCommand,
} as const;
const COMMAND_NAMES = Object.keys(COMMANDS) as (keyof typeof COMMANDS)[];

const NARROWEST = 60;
const WIDEST = 110;
const WITHOUT_TERMINAL = 100;
const STATUS_WIDTH = 9;

function packageVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function helpWidth(): number {
  return Math.max(NARROWEST, Math.min(WIDEST, process.stdout.columns ?? WITHOUT_TERMINAL));
}

function exitStatusHelp(): string {
  const rows = EXIT_MEANINGS.map(([status, meaning]) => `  ${String(status).padEnd(STATUS_WIDTH)}${meaning}`);
  return ['Exit status:', ...rows].join('\n');
}

/** What of yargs' parsing is not as a POSIX user expects is switched off. */
const PARSING = {
  'boolean-negation': false,
  'dot-notation': false,
  'nargs-eats-options': true,
  'parse-numbers': false,
  'parse-positional-numbers': false,
} as const;

/** yargs throws its own for words that do not parse; anything else comes out of a command. */
function isParserError(error: Error | null | undefined): boolean {
  return error === undefined || error === null || error.name === 'YError';
}

function createProgram(options: readonly string[], mode: 'work' | 'completion'): Argv {
  return (
    yargs()
      .scriptName('sealdrop')
      .usage('$0 <command> [options]\n\nEncrypted files from people who have nothing but OpenSSL.')
      .detectLocale(false)
      // Else a lone `-` gets lost on its way to a list of files; checkArguments finds the unknown ones.
      .parserConfiguration({ ...PARSING, 'unknown-options-as-args': mode === 'work' })
      .exitProcess(false)
      .version(packageVersion())
      .help()
      .alias('help', 'h')
      .wrap(helpWidth())
      .completion('completion-words', false, completeWords)
      .epilogue(exitStatusHelp())
      .fail((message, error) => {
        throw isParserError(error) ? explainParserMessage(message ?? error?.message ?? '', options) : error;
      })
  );
}

/** What the completion script asks with. */
const COMPLETION_OPTION = '--get-yargs-completions';
const WITHOUT_COMMAND: ReadonlySet<string> = new Set(['--help', '-h', '--version', COMPLETION_OPTION]);

function checkCommandName(name: string): void {
  if (WITHOUT_COMMAND.has(name) || COMMAND_NAMES.some((known) => known === name)) return;
  if (name.startsWith('-'))
    throw new UsageError('the command comes first', `sealdrop ${COMMAND_NAMES.join('|')} [options]`);
  const near = nearest(name, COMMAND_NAMES);
  const hint = near === null ? `the commands are ${COMMAND_NAMES.join(', ')}` : `did you mean "${near}"?`;
  throw new UsageError(`unknown command "${name}"`, hint);
}

/** After `--` every word is a file's name, whatever it begins with: said in a way that yargs cannot misread. */
function normalizeFileNames(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--');
  if (end === -1 || words[0] === COMPLETION_OPTION) return words;
  return [...words.slice(0, end), ...words.slice(end + 1).map((name) => (/^-./.test(name) ? `./${name}` : name))];
}

/** `sealdrop help decrypt` asks the same as `sealdrop decrypt --help`. */
function normalizeHelp(words: readonly string[]): readonly string[] {
  return words[0] === 'help' ? [...words.slice(1), '--help'] : words;
}

function asksForHelp(words: readonly string[]): boolean {
  return words.length === 0 || words.some((word) => word === '--help' || word === '-h');
}

function optionsOf(words: readonly string[]): readonly string[] {
  const name = COMMAND_NAMES.find((known) => words.includes(known));
  return [...Object.keys(name === undefined ? {} : COMMANDS[name].options), 'help', 'version'];
}

/**
 * Parses the command line and runs what it asks for.
 * @returns the exit status
 * @throws UsageError for a wrong command line, and whatever the command throws
 */
export async function runProgram(commandLine: readonly string[], context: CommandContext): Promise<number> {
  const words = normalizeHelp(normalizeFileNames(commandLine));
  let status: number = EXIT.ok;
  const options = optionsOf(words);
  const program = createProgram(options, words[0] === COMPLETION_OPTION ? 'completion' : 'work');
  // yargs makes the help text for every command, asked for or not; folding its lines is most of that work.
  if (!asksForHelp(words)) program.wrap(null);
  const register = <Arguments>({ usage, summary, build, run }: Command<Arguments>) => {
    program.command(usage, summary, build, async (args: ArgumentsCamelCase<Arguments>) => {
      checkArguments(args, options);
      status = await run(args, context);
    });
  };
  register(COMMANDS['public-key']);
  register(COMMANDS.kit);
  register(COMMANDS.encrypt);
  register(COMMANDS.decrypt);
  register(COMMANDS.verify);
  register(COMMANDS.inspect);
  register(COMMANDS.diagnose);
  register(COMMANDS.completion);
  if (words[0] === undefined) {
    process.stderr.write(`${await program.getHelp()}\n`);
    return EXIT.usage;
  }
  checkCommandName(words[0]);
  await program.parseAsync([...words]);
  return status;
}
