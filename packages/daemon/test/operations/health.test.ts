import { SealdropError } from '@sealdrop/core';
import { expect, test } from 'vitest';
import { Health } from '../../src/operations/health.ts';
import { Progress } from '../../src/operations/progress.ts';

const denied = new SealdropError('access-denied', 'KMS denies kms:Decrypt', { hint: 'allow it in the key policy' });
const unreachable = new SealdropError('kms-unreachable', 'no answer');
const badDecrypt = new SealdropError('bad-decrypt', 'wrong key');

test("a receiver's error turns a condition red since its first failure, and success clears it", () => {
  let now = 1000;
  const health = new Health(() => now);
  expect(health.report('kms', null)).toBe('same');
  now = 2000;
  expect(health.report('kms', denied)).toBe('changed');
  now = 3000;
  expect(health.report('kms', new SealdropError('key-disabled', 'the key is disabled'))).toBe('same');
  expect(health.ready).toBe(false);
  expect(health.conditions).toEqual([
    { name: 'kms', state: 'failed', since: 2000, code: 'key-disabled', message: 'the key is disabled', hint: null },
  ]);
  now = 4000;
  expect(health.report('kms', null)).toBe('changed');
  expect(health.ready).toBe(true);
  expect(health.conditions).toEqual([{ name: 'kms', state: 'ok', since: 4000, code: null, message: null, hint: null }]);
});

test("a sender's error says nothing about the receiver", () => {
  const health = new Health();
  health.report('kms', denied);
  expect(health.report('kms', badDecrypt)).toBe('same');
  expect(health.conditions).toMatchObject([{ state: 'failed', code: 'access-denied' }]);
  expect(health.report('delivery:acme', badDecrypt)).toBe('same');
  expect(health.conditions).toHaveLength(1);
});

test('an outage that passes shows, and the daemon stays ready', () => {
  const health = new Health();
  expect(health.report('kms', unreachable)).toBe('changed');
  expect(health.ready).toBe(true);
  expect(health.conditions).toMatchObject([{ state: 'waiting', code: 'kms-unreachable' }]);
});

test('each condition stands by itself, and one that is gone is forgotten', () => {
  const health = new Health();
  health.report('delivery:globex', denied);
  health.report('delivery:acme', null);
  expect(health.conditions.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'delivery:acme ok',
    'delivery:globex failed',
  ]);
  health.forget('delivery:globex');
  expect(health.ready).toBe(true);
});

test('work that does not move is stuck; none at all is idle, however long', () => {
  let now = 0;
  const progress = new Progress(60_000, () => now);
  now = 1e9;
  expect(progress.alive()).toBe(true);
  progress.moved('a');
  progress.moved('b');
  now += 50_000;
  progress.moved('b');
  now += 20_000;
  expect(progress.alive()).toBe(false);
  expect(progress.stuck()).toEqual([{ id: 'a', still: 70_000 }]);
  progress.ended('a');
  expect(progress.alive()).toBe(true);
});
