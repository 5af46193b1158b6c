import { SealdropError } from '@sealdrop/core';
import { expect, test } from 'vitest';
import { createDaemonLogger } from '../../src/operations/logger.ts';
import type { Attempt, AttemptResult } from '../../src/processing/attempt.ts';
import { Scheduler } from '../../src/processing/scheduler.ts';
import { claimOf } from './claim-of.ts';

const logger = createDaemonLogger('error');

/** A scheduler whose envelopes end when told to. */
function manual(concurrency: number) {
  const started: string[] = [];
  const ends: (() => void)[] = [];
  const process = ({ claim }: Attempt): Promise<AttemptResult> =>
    new Promise((resolve) => {
      started.push(claim.id);
      ends.push(() => resolve('ended'));
    });
  return { started, ends, scheduler: new Scheduler({ process, concurrency: () => concurrency, logger }) };
}

test('landings take turns: one that came late with one envelope does not wait for the many of another', async () => {
  const { started, ends, scheduler } = manual(1);
  for (const id of ['a1', 'a2', 'a3', 'a4']) scheduler.add(claimOf(id, 'a'));
  scheduler.add(claimOf('b1', 'b'));
  for (let count = 0; count < 5; count += 1) {
    ends[count]?.();
    await new Promise(setImmediate);
  }
  expect(started).toEqual(['a1', 'b1', 'a2', 'a3', 'a4']);
});

test('no more envelopes run at a time than concurrency says', async () => {
  const { started, ends, scheduler } = manual(2);
  for (const id of ['1', '2', '3']) scheduler.add(claimOf(id, 'a'));
  expect(started).toEqual(['1', '2']);
  ends[0]?.();
  await new Promise(setImmediate);
  expect(started).toEqual(['1', '2', '3']);
});

test('a landing whose envelopes fail does not hold up the others', async () => {
  const done: string[] = [];
  const process = ({ claim }: Attempt): Promise<AttemptResult> => {
    if (claim.landing === 'broken') return Promise.reject(new SealdropError('not-found', 'no delivery directory'));
    done.push(claim.id);
    return Promise.resolve('ended');
  };
  const scheduler = new Scheduler({ process, concurrency: () => 1, logger: { ...logger, error: () => undefined } });
  for (const id of ['x1', 'x2']) scheduler.add(claimOf(id, 'broken'));
  for (const id of ['1', '2', '3']) scheduler.add(claimOf(id, 'good'));
  await expect.poll(() => done).toEqual(['1', '2', '3']);
  await scheduler.drain(0);
});

test('draining starts nothing and interrupts what is not done in time', async () => {
  const started: string[] = [];
  const process = ({ claim, signal }: Attempt): Promise<AttemptResult> => {
    started.push(claim.id);
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new SealdropError('cancelled', 'interrupted')));
    });
  };
  const scheduler = new Scheduler({ process, concurrency: () => 1, logger });
  scheduler.add(claimOf('1', 'a'));
  scheduler.add(claimOf('2', 'a'));
  await scheduler.drain(1);
  expect(started).toEqual(['1']);
});
