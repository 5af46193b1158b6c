import { expect, test } from 'vitest';
import { pauseAfter } from '../../src/landing/scan-pause.ts';

test('what a scan leaves behind is looked through again for a tenth of the time at most', () => {
  expect(pauseAfter({ duration: 500, entries: 100_000, claimed: 0 })).toBe(5000);
  expect(pauseAfter({ duration: 500, entries: 100_000, claimed: 50_000 })).toBe(2500);
});

test('after a burst that was claimed whole, the next envelope does not wait for the time that the burst took', () => {
  expect(pauseAfter({ duration: 20_000, entries: 30_000, claimed: 30_000 })).toBe(10);
});

test('a pause is never longer than ten seconds, nor shorter than ten milliseconds', () => {
  expect(pauseAfter({ duration: 60_000, entries: 10, claimed: 0 })).toBe(10_000);
  expect(pauseAfter({ duration: 0.1, entries: 10, claimed: 0 })).toBe(10);
});

test('an empty landing, and claims that an earlier run left, are looked after at once', () => {
  expect(pauseAfter({ duration: 3, entries: 0, claimed: 0 })).toBe(10);
  expect(pauseAfter({ duration: 3, entries: 1, claimed: 6 })).toBe(10);
});
