import type { ArgumentsCamelCase, Argv, Options } from 'yargs';
import type { ParsedArguments } from './parse-arguments.ts';
import type { Terminal } from './terminal.ts';

/** What a command may touch of the process. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface Command<Arguments> {
  /** As yargs writes it: the name, then an optional argument, `[file]` or `[file..]`. */
  readonly usage: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, Options>>;
  /** Adds options, examples and explanations for `--help` and completion. */
  readonly build: (program: Argv) => Argv<Arguments>;
  /** The work; loads core itself. @returns the exit status */
  run(args: ArgumentsCamelCase<Arguments>, context: CommandContext): Promise<number>;
}

/** Any of the commands: its arguments are what its own options make of the words, which only it knows. */
export interface AnyCommand extends Omit<Command<unknown>, 'build' | 'run'> {
  readonly build: (program: Argv) => Argv<unknown>;
  // A method, unlike a property, may take less than what it is given.
  run(args: ParsedArguments, context: CommandContext): Promise<number>;
}
