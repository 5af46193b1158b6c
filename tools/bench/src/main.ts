/** `npm run bench`: measures every row, and writes the results as JSON, Markdown and SVG. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeMachine, measureLimits } from './machine.ts';
import type { CipherLimits } from './machine.ts';
import { HELP, parseOptions } from './options.ts';
import type { BenchOptions } from './options.ts';
import { plotThroughput } from './plot.ts';
import { updateDocumentation } from './documentation.ts';
import { formatTables } from './report.ts';
import type { Results } from './report.ts';
import type { BenchContext, Row, RowResult } from './row.ts';
import { DAEMON_KMS_ROW, DAEMON_RATE_ROW } from './rows/daemon.ts';
import { DAEMON_WAIT_ROWS } from './rows/daemon-waits.ts';
import { LARGE_FILE_ROWS } from './rows/large-files.ts';
import { MEMORY_ROWS } from './rows/memory.ts';
import { measureSizes } from './rows/sizes.ts';
import type { SizePoint } from './rows/sizes.ts';
import { SMALL_FILE_ROWS } from './rows/small-files.ts';

/** The daemon removes tens of thousands of files in each of its rows, and ext4 is slow to make new ones for up to six minutes: the large files stand between them. */
const ROWS: readonly Row[] = [
  DAEMON_KMS_ROW,
  ...LARGE_FILE_ROWS,
  ...MEMORY_ROWS,
  ...SMALL_FILE_ROWS,
  DAEMON_RATE_ROW,
  ...DAEMON_WAIT_ROWS,
];
const SIZES = 'sizes';

function say(words: string): void {
  process.stderr.write(`${words}\n`);
}

/** The row of that name; where there is none, those whose names contain it. */
function rowsNamed(name: string): readonly Row[] {
  const exact = ROWS.filter((row) => row.name === name);
  return exact.length > 0 ? exact : ROWS.filter((row) => row.name.includes(name));
}

async function measureRows(context: BenchContext): Promise<readonly RowResult[]> {
  const results: RowResult[] = [];
  for (const row of rowsNamed(context.options.only)) {
    say(`measuring: ${row.name}`);
    results.push(...(await row.measure(context)));
  }
  return results;
}

async function measurePlot(context: BenchContext): Promise<readonly SizePoint[]> {
  if (!SIZES.includes(context.options.only)) return [];
  say(`measuring: ${SIZES}`);
  return measureSizes(context);
}

function plot(points: readonly SizePoint[], { decryption }: CipherLimits): string {
  return plotThroughput('Decrypting a file in memory, whole process (AES-256-CBC, PBKDF2 10,000)', [
    {
      name: 'the cipher, one core',
      colour: '#999',
      stroke: 'dashed',
      points: points.map(({ size }) => [size, decryption]),
    },
    {
      name: 'sealdrop decrypt',
      colour: '#0a6',
      stroke: 'solid',
      points: points.map(({ size, sealdrop }) => [size, sealdrop]),
    },
    {
      name: 'openssl enc -d',
      colour: '#c40',
      stroke: 'solid',
      points: points.map(({ size, openssl }) => [size, openssl]),
    },
  ]);
}

async function measureAll(options: BenchOptions): Promise<Results> {
  say('measuring: the limits of the machine');
  const limits = await measureLimits();
  const leftovers: (() => void)[] = [];
  const context: BenchContext = { options, limits, atEnd: (work) => leftovers.push(work) };
  const { scale, rounds, largeSize } = options;
  try {
    return {
      date: new Date().toISOString(),
      machine: await describeMachine(),
      limits,
      scale,
      rounds,
      largeSize,
      rows: await measureRows(context),
      sizes: await measurePlot(context),
    };
  } finally {
    for (const work of leftovers) work();
  }
}

async function writeResults(results: Results, { output, documentation }: BenchOptions): Promise<void> {
  const tables = formatTables(results);
  const picture = results.sizes.length > 0 ? plot(results.sizes, results.limits) : null;
  await mkdir(output, { recursive: true });
  await writeFile(join(output, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(join(output, 'table.md'), tables);
  if (picture !== null) await writeFile(join(output, 'throughput.svg'), picture);
  if (documentation === 'update') await updateDocumentation(tables, picture);
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(HELP);
    return;
  }
  const results = await measureAll(options);
  await writeResults(results, options);
  process.stdout.write(formatTables(results));
}

await main();
