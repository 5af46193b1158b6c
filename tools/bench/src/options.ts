import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

export interface BenchOptions {
  readonly scale: 'full' | 'quick';
  /** Where files are kept in memory. */
  readonly memoryDirectory: string;
  /** Where files are kept on disk. */
  readonly diskDirectory: string;
  /** Where the results go. */
  readonly output: string;
  /** Whether docs/performance.md gets the tables and the plot too. */
  readonly documentation: 'update' | 'leave';
  /** Only the row of this name, or those whose name contains it. */
  readonly only: string;
  readonly rounds: number;
  /** Bytes of the large files. */
  readonly largeSize: number;
  /** Bytes of the largest file that memory is measured with. */
  readonly largestSize: number;
  /** Envelopes that wait for the daemon. */
  readonly waitingEnvelopes: number;
  /** Files that wait when the daemon starts, beside which it is started with few. */
  readonly waitingFiles: number;
  /** Envelopes that are uploaded one at a time. */
  readonly uploads: number;
  /** Bytes of each point of the plot. */
  readonly plotSizes: readonly number[];
}

export const HELP = `Usage: npm run bench -- [OPTION]...

Measures Sealdrop (as built) against openssl and aws in a shell, on the same files in the same run.

  --quick         smaller files and fewer rounds: about two minutes instead of a quarter of an hour
  --memory DIR    a directory in memory, with room for 10 GiB (default: /dev/shm)
  --disk DIR      a directory on disk, with room for 10 GiB (default: ${tmpdir()})
  --output DIR    where results.json, table.md and throughput.svg go (default: bench-results)
  --only TEXT     only the row of that name, or those whose name contains it
  --docs          put the tables and the plot into docs/performance.md as well
  --rounds N      runs of each contender, of which the median counts (default: 5, quick 3)
  --help          print this
`;

const text = { type: 'string' } as const;
const OPTIONS = {
  quick: { type: 'boolean', default: false },
  memory: { ...text, default: '/dev/shm' },
  disk: { ...text, default: tmpdir() },
  output: { ...text, default: 'bench-results' },
  only: { ...text, default: '' },
  docs: { type: 'boolean', default: false },
  rounds: text,
  help: { type: 'boolean', default: false },
} as const;

/** Powers of 8 from 1 KiB on. */
function sizesUpTo(largest: number): readonly number[] {
  const sizes: number[] = [];
  for (let size = 1024; size <= largest; size *= 8) sizes.push(size);
  return sizes;
}

/** How much is measured. */
const FULL = {
  scale: 'full',
  rounds: 5,
  largeSize: 2 * GIB,
  largestSize: 8 * GIB,
  waitingEnvelopes: 10_000,
  waitingFiles: 100_000,
  uploads: 300,
  plotSizes: [...sizesUpTo(2 * GIB), 4 * GIB],
} as const;
const QUICK = {
  scale: 'quick',
  rounds: 3,
  largeSize: 256 * MIB,
  largestSize: 512 * MIB,
  waitingEnvelopes: 1000,
  waitingFiles: 15_000,
  uploads: 50,
  plotSizes: [...sizesUpTo(256 * MIB), 512 * MIB],
} as const;

/** Null when the help is asked for. */
export function parseOptions(words: readonly string[]): BenchOptions | null {
  const { values } = parseArgs({ args: [...words], options: OPTIONS });
  if (values.help) return null;
  const { quick, memory, disk, output, only, docs, rounds } = values;
  const amounts = quick ? QUICK : FULL;
  return {
    ...amounts,
    memoryDirectory: memory,
    diskDirectory: disk,
    output,
    documentation: docs ? 'update' : 'leave',
    only,
    rounds: Number(rounds ?? amounts.rounds),
  };
}
