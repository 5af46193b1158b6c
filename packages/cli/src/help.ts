/** What yargs writes: help, the version, and the words that complete a command line. */
import { readFileSync } from 'node:fs';
import yargs from 'yargs';
import type { Argv } from 'yargs';
import type { AnyCommand } from './command.ts';
import { completeWords } from './completion-words.ts';
import { EXIT_MEANINGS } from './exit-status.ts';
import { PARSING } from './parse-arguments.ts';
import { UsageError } from './usage-error.ts';

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

function createProgram(commands: readonly AnyCommand[]): Argv {
  const program = yargs()
    .scriptName('sealdrop')
    .usage('$0 <command> [options]\n\nEncrypted files from people who have nothing but OpenSSL.')
    .detectLocale(false)
    .parserConfiguration(PARSING)
    .exitProcess(false)
    .version(packageVersion())
    .help()
    .alias('help', 'h')
    .wrap(helpWidth())
    .completion('completion-words', false, completeWords)
    .epilogue(exitStatusHelp())
    .fail((message, error) => {
      throw error ?? new UsageError(message, 'see --help');
    });
  for (const { usage, summary, build } of commands) program.command(usage, summary, (command) => build(command));
  return program;
}

/** Writes what the words ask for, which is one of these, on standard output. */
export async function writeAnswer(words: readonly string[], commands: readonly AnyCommand[]): Promise<void> {
  await createProgram(commands).parseAsync([...words]);
}

export async function formatHelp(commands: readonly AnyCommand[]): Promise<string> {
  return createProgram(commands).getHelp();
}
