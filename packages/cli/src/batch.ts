import type { ErrorCode } from '@sealdrop/core';
import type { CommandContext } from './command.ts';
import { EXIT, EXIT_STATUS } from './exit-status.ts';
import { toFailure } from './failure.ts';
import type { Failure } from './failure.ts';
import { count } from './quantities.ts';

/** One piece of a call that goes on when another piece fails. */
export interface BatchItem {
  /** What it is called in a failure's JSON, like `{ envelope: 'in/report.csv.enc' }`. */
  readonly facts: Readonly<Record<string, string>>;
  run(): Promise<void>;
}

/** Faults of one file; any other fault that is not the sender's (a key, the network, a full disk) would meet the next item as well. */
const OF_ONE_FILE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'already-exists',
  'not-found',
  'not-permitted',
  'cannot-create',
  'io-error',
]);

function concernsAll({ blame, code }: Failure): boolean {
  return blame !== 'sender' && !OF_ONE_FILE.has(code);
}

interface Tally {
  done: number;
  readonly failures: Failure[];
}

function summarize(tally: Tally, items: number, words: BatchWords): string {
  const failed = tally.failures.length === 0 ? '' : `, ${tally.failures.length} failed`;
  const left = items - tally.done - tally.failures.length;
  return `${tally.done} of ${count(items, words.noun)} ${words.done}${failed}${left === 0 ? '' : `, ${left} not tried`}`;
}

export interface BatchWords {
  /** Like `envelope`. */
  readonly noun: string;
  /** Like `decrypted`. */
  readonly done: string;
}

/** Runs every item in turn, reports each failure, and gives the exit status of the first one. */
export async function runBatch(
  items: readonly BatchItem[],
  words: BatchWords,
  context: CommandContext,
): Promise<number> {
  const tally: Tally = { done: 0, failures: [] };
  for (const item of items) {
    context.signal.throwIfAborted();
    try {
      await item.run();
      tally.done += 1;
    } catch (error) {
      context.signal.throwIfAborted();
      const failure = await toFailure(error);
      tally.failures.push(failure);
      context.terminal.fail(failure, item.facts);
      if (concernsAll(failure)) break;
    }
  }
  if (items.length > 1) context.terminal.say(summarize(tally, items.length, words));
  const [first] = tally.failures;
  return first === undefined ? EXIT.ok : EXIT_STATUS[first.code];
}
