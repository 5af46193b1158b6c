import { EXIT_STATUS } from './exit-status.ts';
import { toFailure } from './failure.ts';
import { watchInterruption } from './interruption.ts';
import { runProgram } from './program.ts';
import { flushStandardOutput } from './standard-streams.ts';
import { openTerminal } from './terminal.ts';

/** Read before the command line is parsed, since that it cannot be parsed must be told in the right form too. */
function asksFor(words: readonly string[], ...options: readonly string[]): boolean {
  return words.some((word) => options.includes(word));
}

async function main(words: readonly string[]): Promise<number> {
  const interruption = watchInterruption();
  const terminal = openTerminal({
    results: asksFor(words, '--json') ? 'json' : 'text',
    words: asksFor(words, '--quiet', '-q') ? 'errors-only' : 'all',
  });
  try {
    const status = await runProgram(words, { terminal, signal: interruption.signal, environment: process.env });
    await flushStandardOutput();
    return status;
  } catch (error) {
    if (process.env['SEALDROP_DEBUG'] === '1') process.stderr.write(`${(error as Error).stack}\n`);
    const reason = interruption.reason();
    const failure = await toFailure(error);
    if (reason === null) {
      terminal.fail(failure);
      return EXIT_STATUS[failure.code];
    }
    if (reason.message !== null) terminal.fail({ ...failure, code: 'cancelled', message: reason.message, hint: null });
    interruption.cleanedUp();
    return reason.exitStatus;
  }
}

process.exitCode = await main(process.argv.slice(2));
