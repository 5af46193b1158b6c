/** Whether memory stays the same however large the file is. */
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../measure.ts';
import type { Measured } from '../measure.ts';
import type { BenchContext, Row, RowResult } from '../row.ts';
import { SEALDROP, withWorkbench } from '../workbench.ts';

const MIB = 1024 ** 2;
const SMALLEST = MIB;
/** MB of RAM (`issues show 4`). */
const LIMIT = 128_000_000;

function sizesUpTo(largest: number): readonly number[] {
  const sizes: number[] = [];
  for (let size = SMALLEST; size < largest; size *= 16) sizes.push(size);
  return [...sizes, largest];
}

async function measureMemory({ options }: BenchContext): Promise<RowResult> {
  return withWorkbench(options.diskDirectory, SMALLEST, async (bench) => {
    const measured: Measured[] = [];
    const payload = join(bench.directory, 'sparse.enc');
    const output = join(bench.directory, 'sparse');
    const parts = ['--payload', payload, '--wrapped-key', bench.wrappedKey, '--parameters', '-aes-256-ctr -pbkdf2'];
    const keyed = ['--key', `file:${bench.privateKey}`, '--allow-noise', '--output', output];
    for (const size of sizesUpTo(options.largestSize)) {
      await writeFile(payload, 'Salted__12345678');
      await truncate(payload, size);
      const { seconds, peakBytes } = await run({ words: [...SEALDROP, 'decrypt', ...parts, ...keyed] });
      await rm(output);
      measured.push({ name: `decrypt ${size / MIB} MiB`, seconds, fastest: seconds, slowest: seconds, peakBytes });
    }
    const peak = Math.max(...measured.map(({ peakBytes }) => peakBytes));
    const against = `${LIMIT / 1_000_000} MB, at any size`;
    return {
      name: 'memory',
      what: 'peak memory over file size',
      measured,
      comparisons: [{ against, ratio: peak / LIMIT, goal: { kind: 'at-most', value: 1 } }],
    };
  });
}

export const MEMORY_ROWS: readonly Row[] = [
  { name: 'memory', measure: async (context) => [await measureMemory(context)] },
];
