/** Throughput over file size: where starting up stops to count, and threads begin to. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { takeTurns } from '../measure.ts';
import type { BenchContext } from '../row.ts';
import { SEALDROP, withWorkbench } from '../workbench.ts';
import type { Workbench } from '../workbench.ts';

/** Bytes a second of whole processes that decrypt a file of so many bytes, in memory. */
export interface SizePoint {
  readonly size: number;
  readonly sealdrop: number;
  readonly openssl: number;
}

/** Large files take long and vary little. */
const ROUNDS_OF_LARGE = 2;
const LARGE = 1024 ** 3;

async function measurePoint(bench: Workbench, rounds: number): Promise<SizePoint> {
  const output = join(bench.directory, 'output');
  const prepare = (): Promise<void> => rm(output, { force: true });
  const parts = ['--payload', bench.payload, '--wrapped-key', bench.wrappedKey, '--parameters', '-aes-256-cbc -pbkdf2'];
  const keyed = ['--key', `file:${bench.privateKey}`, '--allow-noise', '--output', output];
  const flags = ['-aes-256-cbc', '-pbkdf2', '-pass', `file:${bench.keyFile}`, '-in', bench.payload, '-out', output];
  const [sealdrop, openssl] = await takeTurns(
    [
      { name: 'sealdrop', words: [...SEALDROP, 'decrypt', ...parts, ...keyed], prepare },
      { name: 'openssl', words: ['openssl', 'enc', '-d', ...flags], prepare },
    ],
    rounds,
  );
  if (sealdrop === undefined || openssl === undefined) throw new Error('nothing was measured');
  const { size } = bench;
  return { size, sealdrop: size / sealdrop.seconds, openssl: size / openssl.seconds };
}

export async function measureSizes({ options }: BenchContext): Promise<readonly SizePoint[]> {
  const points: SizePoint[] = [];
  for (const size of options.plotSizes) {
    const rounds = size >= LARGE ? ROUNDS_OF_LARGE : options.rounds;
    points.push(await withWorkbench(options.memoryDirectory, size, (bench) => measurePoint(bench, rounds)));
  }
  return points;
}
