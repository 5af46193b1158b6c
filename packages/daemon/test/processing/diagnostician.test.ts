import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { EnvelopeMembers, KeyProvider } from '@sealdrop/core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Diagnostician, type Finding } from '../../src/processing/diagnostician.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealdrop-diagnostician-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// What looks for a diagnosis is loaded by the first one, and its sources take their time.
beforeAll(async () => {
  const diagnostician = new Diagnostician();
  const silent = silentKey();
  const finding = diagnose(diagnostician, silent.key);
  await vi.waitUntil(() => silent.asked === 1, { timeout: 60_000 });
  diagnostician.stop();
  await finding.catch(() => {});
});

function members(): EnvelopeMembers {
  const [payload, wrappedKey, note] = ['x.enc', 'x.key.enc', 'x.alg'].map((name) => join(folder, name));
  writeFileSync(payload ?? '', Buffer.concat([Buffer.from('Salted__'), randomBytes(40)]));
  writeFileSync(wrappedKey ?? '', randomBytes(256));
  writeFileSync(note ?? '', '-aes-256-cbc -pbkdf2\n');
  return { payload: payload ?? '', wrappedKey: wrappedKey ?? '', note: note ?? '', manifest: null, signature: null };
}

/** One whose every answer is to be given by the test; it heeds no signal, like a disk that hangs. */
function silentKey(): { readonly key: KeyProvider; asked: number } {
  const state = {
    asked: 0,
    key: {
      name: 'silent',
      publicKey: () => Promise.reject(new Error('not asked')),
      unwrap: () => {
        state.asked += 1;
        return new Promise<Buffer>(() => {});
      },
    },
  };
  return state;
}

function diagnose(diagnostician: Diagnostician, key: KeyProvider): Promise<Finding> {
  return diagnostician.diagnose(members(), { keys: [key] });
}

test('landings take turns, one turn at a time, and who floods has less time for each', async () => {
  const diagnostician = new Diagnostician();
  const order: string[] = [];
  const budgets = new Map<string, number[]>();
  const turn = (landing: string): Promise<void> =>
    diagnostician.inTurn(landing, async (budget) => {
      order.push(`${landing} begins`);
      budgets.set(landing, [...(budgets.get(landing) ?? []), budget]);
      await setImmediate();
      order.push(`${landing} ends`);
    });
  const flood = Array.from({ length: 30 }, () => turn('flood'));
  await Promise.all([turn('acme'), ...flood, turn('globex'), turn('acme')]);
  const whole = (landing: string): readonly string[] => [`${landing} begins`, `${landing} ends`];
  expect(order.slice(0, 12)).toEqual(['flood', 'flood', 'acme', 'globex', 'flood', 'acme'].flatMap(whole));
  expect(order.slice(12)).toEqual(Array.from({ length: 27 }, () => whole('flood')).flat());
  const [most, least] = [Math.max(...(budgets.get('acme') ?? [])), Math.min(...(budgets.get('flood') ?? []))];
  expect(budgets.get('acme')).toEqual([most, most]);
  expect(least).toBeLessThan(most);
  expect(budgets.get('flood')?.at(-1)).toBe(most);
});

test('a turn that fails gives way to the next', async () => {
  const diagnostician = new Diagnostician();
  const failing = diagnostician.inTurn('acme', () => Promise.reject(new Error('no')));
  const next = diagnostician.inTurn('acme', async () => 'done');
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe('done');
});

test('what takes too long is given up, and the next one has its turn', async () => {
  const diagnostician = new Diagnostician(1000);
  const silent = silentKey();
  const look = (): Promise<Finding> => diagnostician.inTurn('acme', () => diagnose(diagnostician, silent.key));
  const findings = await Promise.all([look(), look()]);
  expect(findings).toEqual([1, 2].map(() => ({ kind: 'unknown', reason: 'it took longer than 1 seconds' })));
  expect(silent.asked).toBe(2);
});

test('stopping ends what is under way and what waits, at once', async () => {
  const diagnostician = new Diagnostician();
  const silent = silentKey();
  const look = (): Promise<Finding> => diagnostician.inTurn('acme', () => diagnose(diagnostician, silent.key));
  const findings = [look(), look()];
  await expect.poll(() => silent.asked).toBe(1);
  diagnostician.stop();
  for (const finding of findings) await expect(finding).rejects.toMatchObject({ code: 'cancelled' });
  expect(silent.asked).toBe(1);
});
