import { SealdropError } from '@sealdrop/core';
import { expect, test, vi } from 'vitest';
import { createDaemonLogger } from '../../src/operations/logger.ts';
import { NameFilter } from '../../src/operations/name-filter.ts';
import type { Attempt, AttemptResult } from '../../src/processing/attempt.ts';
import { Scheduler } from '../../src/processing/scheduler.ts';
import { claimOf } from './claim-of.ts';

const names = new NameFilter({ log: { level: 'error', plaintextNames: 'keep' }, landings: [] });
const instruments = { logger: createDaemonLogger('error', names), names };

/** A scheduler whose envelopes end when told to. */
function manual(concurrency: number) {
  const started: string[] = [];
  const ends: (() => void)[] = [];
  const process = ({ claim }: Attempt): Promise<AttemptResult> =>
    new Promise((resolve) => {
      started.push(claim.id);
      ends.push(() => resolve('ended'));
    });
  return { started, ends, scheduler: new Scheduler({ process, concurrency: () => concurrency, instruments }) };
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
  const scheduler = new Scheduler({
    process,
    concurrency: () => 1,
    instruments: { names, logger: { ...instruments.logger, error: () => undefined } },
  });
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
  const scheduler = new Scheduler({ process, concurrency: () => 1, instruments });
  scheduler.add(claimOf('1', 'a'));
  scheduler.add(claimOf('2', 'a'));
  await scheduler.drain(1);
  expect(started).toEqual(['1']);
});

test('what stepped aside holds nothing up, and stays known until its end', async () => {
  const { promise, resolve } = Promise.withResolvers<AttemptResult>();
  const started: string[] = [];
  const process = ({ claim, stepAside }: Attempt): Promise<AttemptResult> => {
    started.push(claim.id);
    if (claim.id !== 'slow') return Promise.resolve('ended');
    stepAside();
    return promise;
  };
  const scheduler = new Scheduler({ process, concurrency: () => 1, instruments });
  for (const id of ['slow', '1', '2']) scheduler.add(claimOf(id, 'a'));
  await expect.poll(() => started).toEqual(['slow', '1', '2']);
  expect([scheduler.knows('slow'), scheduler.knows('1')]).toEqual([true, false]);
  resolve('ended');
  await expect.poll(() => scheduler.knows('slow')).toBe(false);
});

test('what is to be begun again waits for its turn anew', async () => {
  const started: string[] = [];
  const fresh: string[] = [];
  const process = ({ claim, isNew }: Attempt): Promise<AttemptResult> => {
    started.push(claim.id);
    if (isNew) fresh.push(claim.id);
    return Promise.resolve(claim.id === 'odd' && started.length === 1 ? 'again' : 'ended');
  };
  const scheduler = new Scheduler({ process, concurrency: () => 1, instruments });
  scheduler.add(claimOf('odd', 'a'), 'claimed');
  for (const id of ['1', '2']) scheduler.add(claimOf(id, 'a'));
  await expect.poll(() => started).toEqual(['odd', '1', '2', 'odd']);
  // Only what this process has just claimed, and only once.
  expect(fresh).toEqual(['odd']);
  expect(scheduler.knows('odd')).toBe(false);
});

test('draining does not wait for what stepped aside and is cancelled', async () => {
  const { promise, reject } = Promise.withResolvers<AttemptResult>();
  const process = ({ stepAside }: Attempt): Promise<AttemptResult> => {
    stepAside();
    return promise;
  };
  const errors: string[] = [];
  const noted = {
    ...instruments.logger,
    error: (message: string) => errors.push(message),
    warn: (message: string) => errors.push(message),
  };
  const scheduler = new Scheduler({ process, concurrency: () => 1, instruments: { names, logger: noted } });
  scheduler.add(claimOf('aside', 'a'));
  const drained = scheduler.drain(60_000);
  reject(new SealdropError('cancelled', 'the daemon stops'));
  await drained;
  expect(scheduler.knows('aside')).toBe(true);
  expect(errors).toEqual([]);
});

test('a clock that is set back makes nobody wait longer', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    const attempts: number[] = [];
    const process = ({ number }: Attempt): Promise<AttemptResult> => {
      attempts.push(number);
      if (number > 1) return Promise.resolve('ended');
      return Promise.reject(new SealdropError('kms-unreachable', 'no answer'));
    };
    const quiet = { names, logger: { ...instruments.logger, warn: () => undefined } };
    const scheduler = new Scheduler({ process, concurrency: () => 1, instruments: quiet });
    scheduler.add(claimOf('patient', 'a'));
    await expect.poll(() => attempts).toEqual([1]);
    vi.setSystemTime(Date.now() - 3_600_000);
    // What wakes the scheduler must find it due.
    await expect.poll(() => attempts).toEqual([1, 2]);
    await scheduler.drain(0);
  } finally {
    vi.useRealTimers();
  }
});
