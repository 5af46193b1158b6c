import type { ArgumentsCamelCase, Argv, Options } from 'yargs';
import type { Terminal } from './terminal.ts';

/** What a command may touch of the process. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface Command<Arguments> {
  /** As yargs writes it: the name, then `<needed>` and `[optional]` arguments. */
  readonly usage: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, Options>>;
  /** Adds options, examples and explanations: light, as it also runs for `--help`. */
  readonly build: (program: Argv) => Argv<Arguments>;
  /** The work; loads core itself. @returns the exit status */
  readonly run: (args: ArgumentsCamelCase<Arguments>, context: CommandContext) => Promise<number>;
}
