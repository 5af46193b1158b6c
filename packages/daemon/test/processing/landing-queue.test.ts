import { SealdropError } from '@sealdrop/core';
import { expect, test } from 'vitest';
import { LandingQueue, newJob, type Job } from '../../src/processing/landing-queue.ts';
import { claimOf } from './claim-of.ts';

const SOON = 10 * 60_000;

function queueOf(...ids: readonly string[]): LandingQueue {
  const queue = new LandingQueue();
  for (const id of ids) queue.add(newJob(claimOf(id, 'acme'), true));
  return queue;
}

function taken(job: Job | null): Job {
  if (job === null) throw new Error('nothing to take');
  return job;
}

test('jobs are taken in the order in which they came', () => {
  const queue = queueOf('a', 'b');
  expect(queue.take(performance.now())?.claim.id).toBe('a');
  expect(queue.take(performance.now())?.claim.id).toBe('b');
  expect(queue.take(performance.now())).toBeNull();
});

test('after a failure nothing is taken until the pause is over, and then one at a time', () => {
  const queue = queueOf('a', 'b', 'c');
  queue.failed(taken(queue.take(performance.now())), new SealdropError('kms-unreachable', 'no answer'));
  expect(queue.take(performance.now())).toBeNull();
  expect(queue.nextTime()).toBeGreaterThan(performance.now());
  expect(queue.take(performance.now() + SOON)?.claim.id).toBe('b');
  expect(queue.take(performance.now() + SOON)).toBeNull();
  expect(queue.nextTime()).toBe(Infinity);
});

test('a success ends the pause and says so', () => {
  const queue = queueOf('a', 'b', 'c');
  queue.failed(taken(queue.take(performance.now())), new SealdropError('key-disabled', 'disabled'));
  const again = taken(queue.take(performance.now() + SOON));
  expect(queue.succeeded(again)).toBe(true);
  const next = taken(queue.take(performance.now()));
  expect(next.claim.id).toBe('c');
  expect(queue.succeeded(next)).toBe(false);
});

test('a fault that is ours holds up one envelope, not its landing', () => {
  const queue = queueOf('a', 'b');
  queue.failed(taken(queue.take(performance.now())), new SealdropError('internal', 'unexpected'));
  expect(queue.take(performance.now())?.claim.id).toBe('b');
});

test('the same failure again is no news, another one is', () => {
  const queue = queueOf('a', 'b', 'c');
  const fail = (code: 'key-disabled' | 'access-denied') =>
    queue.failed(taken(queue.take(performance.now() + SOON)), new SealdropError(code, code)).news;
  expect([fail('key-disabled'), fail('key-disabled'), fail('access-denied')]).toEqual(['new', 'known', 'new']);
});

test('delays grow up to a minute', () => {
  const queue = queueOf('a');
  const delays = Array.from({ length: 20 }, () => {
    const job = taken(queue.take(Number.MAX_SAFE_INTEGER));
    return queue.failed(job, new SealdropError('kms-throttled', 'slow down')).delay;
  });
  expect(delays[0]).toBeLessThanOrEqual(1000);
  expect(Math.max(...delays)).toBeLessThanOrEqual(60_000);
  expect(Math.min(...delays.slice(10))).toBeGreaterThanOrEqual(30_000);
});

test('an interrupted job keeps its place and its count', () => {
  const queue = queueOf('a', 'b');
  queue.interrupted(taken(queue.take(performance.now())));
  expect(queue.take(performance.now())).toMatchObject({ claim: { id: 'a' }, failures: 0 });
});
