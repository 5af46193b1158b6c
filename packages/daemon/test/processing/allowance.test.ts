import { expect, test } from 'vitest';
import { Allowance, ALLOWANCE } from '../../src/processing/allowance.ts';

const MINUTE = 60_000;

/** How many there are until none is left. */
function takeAll(allowance: Allowance, landing: string): number {
  let count = 0;
  while (count < 10 * ALLOWANCE && allowance.take(landing)) count += 1;
  return count;
}

test('each landing has its own, which comes back one a minute and is never more than at first', () => {
  let now = 0;
  const allowance = new Allowance(() => now);
  expect(takeAll(allowance, 'acme')).toBe(ALLOWANCE);
  expect(takeAll(allowance, 'globex')).toBe(ALLOWANCE);
  now += MINUTE / 2;
  expect(takeAll(allowance, 'acme')).toBe(0);
  now += 5 * MINUTE;
  expect(takeAll(allowance, 'acme')).toBe(5);
  now += 1000 * ALLOWANCE * MINUTE;
  expect(takeAll(allowance, 'acme')).toBe(ALLOWANCE);
});

test('what is given back can be taken again', () => {
  const allowance = new Allowance(() => 0);
  allowance.giveBack('acme');
  expect(takeAll(allowance, 'acme')).toBe(ALLOWANCE);
  allowance.giveBack('acme');
  expect(takeAll(allowance, 'acme')).toBe(1);
});
