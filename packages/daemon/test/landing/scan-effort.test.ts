import { expect, test } from 'vitest';
import { pauseAfter, ScanEffort } from '../../src/landing/scan-effort.ts';

test('what a scan leaves behind is looked through again for a tenth of the time at most', () => {
  expect(pauseAfter({ listing: 100, judging: 400, entries: 100_000, claimed: 0 })).toBe(5000);
  expect(pauseAfter({ listing: 0, judging: 400, entries: 100_000, claimed: 50_000 })).toBe(2000);
});

test('after a burst that was claimed whole, the next envelope does not wait for the time that the burst took', () => {
  expect(pauseAfter({ listing: 200, judging: 20_000, entries: 30_000, claimed: 30_000 })).toBe(10);
  expect(pauseAfter({ listing: 1, judging: 200, entries: 3, claimed: 3 })).toBe(10);
});

test('a directory that takes long to read though little is in it is not read all the time, claimed or not', () => {
  expect(pauseAfter({ listing: 500, judging: 1, entries: 3, claimed: 3 })).toBeGreaterThan(4500);
});

test('a pause is never longer than ten seconds, nor shorter than ten milliseconds', () => {
  expect(pauseAfter({ listing: 0, judging: 60_000, entries: 10, claimed: 0 })).toBe(10_000);
  expect(pauseAfter({ listing: 0, judging: 0.1, entries: 10, claimed: 0 })).toBe(10);
  expect(pauseAfter({ listing: 0, judging: 0, entries: 0, claimed: 0 })).toBe(10);
});

function namesOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}

test('what is claimed of it counts, folders that are emptied too, and no claims that were found elsewhere', () => {
  const effort = new ScanEffort();
  effort.tookFrom('earlier', 4);
  effort.found({ folder: '', files: [], folders: ['a', 'b'], unusable: [] });
  effort.found({ folder: 'a', files: namesOf(6), folders: [], unusable: [] });
  effort.found({ folder: 'b', files: namesOf(4), folders: [], unusable: [] });
  for (const folder of ['a', 'a', 'b']) effort.tookFrom(folder, 3);
  expect(effort.entries).toBe(12);
  expect(effort.claimed).toBe(4);
  effort.judgedFor(60);
  effort.judgedFor(60);
  // Two of the twelve are left: ten times 20 ms.
  expect(effort.pause).toBe(200);
});
