/** `npm run soak`: whether descriptors, memory, watches and threads of the daemon stay the same over many envelopes. */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { type Sample, soak } from './soak.ts';
import { type Trend, trendsOf } from './verdict.ts';

const HELP = `Usage: npm run soak -- [OPTION]...

Runs sealdropd (as built, with a heap of 64 MB) on many small envelopes that land in waves, and says whether what it
holds grows.
Exit status: 0 flat, 1 something grows or went wrong, 2 too short a run to tell.

  --envelopes N    how many (default: 100000)
  --minutes N      no wave begins after so long (default: 10)
  --wave N         how many land together (default: 500)
  --directory DIR  where, with room for a wave (default: ${tmpdir()})
`;

const MINUTE = 60_000;
const MB = 1e6;
const FEWEST_SAMPLES = 8;
const ROWS = 25;

const number = (value: string): { readonly type: 'string'; readonly default: string } => ({
  type: 'string',
  default: value,
});
const OPTIONS = {
  envelopes: number('100000'),
  minutes: number('10'),
  wave: number('500'),
  directory: number(tmpdir()),
  help: { type: 'boolean', default: false },
} as const;

function say(...cells: readonly (string | number)[]): void {
  process.stdout.write(`${cells.map((cell) => String(cell).padStart(11)).join(' ')}\n`);
}

function sayHead(): void {
  say('envelopes', 'seconds', 'memory MB', 'descriptors', 'watches', 'threads', 'ledger MB');
}

function saySample({ envelopes, seconds, residentBytes, descriptors, watches, threads, ledgerBytes }: Sample): void {
  const [memory, ledger] = [residentBytes / MB, ledgerBytes / MB].map((megabytes) => megabytes.toFixed(1));
  say(envelopes, seconds.toFixed(0), memory ?? '', descriptors, watches, threads, ledger ?? '');
}

function sayTrend({ name, early, late, slope, verdict }: Trend): void {
  const growth = `${early} -> ${late}, ${slope.toFixed(3)} an envelope`;
  process.stdout.write(`${name}: ${verdict} (${growth})\n`);
}

/** @returns the exit status */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [envelopes, wave] = [Number(values.envelopes), Number(values.wave)];
  const every = Math.max(1, Math.floor(envelopes / wave / ROWS));
  let count = 0;
  sayHead();
  const { samples, troubles, exitStatus } = await soak({
    envelopes,
    wave,
    longest: Number(values.minutes) * MINUTE,
    parent: values.directory,
    onSample: (sample) => {
      if (count % every === 0) saySample(sample);
      count += 1;
    },
  });
  process.stdout.write(
    troubles
      .slice(0, ROWS)
      .map((line) => `sealdropd: ${line}\n`)
      .join(''),
  );
  if (samples.length < FEWEST_SAMPLES) return 2;
  const trends = trendsOf(samples);
  for (const trend of trends) sayTrend(trend);
  const isWell = exitStatus === 0 && troubles.length === 0;
  return isWell && trends.every(({ verdict }) => verdict === 'flat') ? 0 : 1;
}

process.exitCode = await main();
