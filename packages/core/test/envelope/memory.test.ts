import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { newDirectory } from './envelope-kit.ts';

const GIB = 1024 ** 3;
const MAXIMUM_PEAK = 200_000_000;
const PROGRAM = join(import.meta.dirname, 'memory-program.ts');

test('1 GiB is sealed and opened in less than 200 MB of memory', { timeout: 300_000 }, async () => {
  const words = ['--conditions=@sealdrop/source', PROGRAM, newDirectory(), String(GIB)];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  const { sealed, opened, peakKiB } = JSON.parse(stdout) as Record<'sealed' | 'opened' | 'peakKiB', number>;
  expect([sealed, opened]).toEqual([GIB, GIB]);
  expect(peakKiB * 1024).toBeLessThan(MAXIMUM_PEAK);
});
