import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EnvelopeMembers, KeyProvider } from '@sealdrop/core';
import { afterAll, expect, test } from 'vitest';
import { Diagnostician } from '../../src/processing/diagnostician.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealdrop-diagnostician-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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

test('what takes too long is given up, and the next one has its turn', async () => {
  const diagnostician = new Diagnostician(100);
  const silent = silentKey();
  const findings = await Promise.all([1, 2].map(() => diagnostician.diagnose(members(), { keys: [silent.key] })));
  expect(findings).toEqual([1, 2].map(() => ({ kind: 'unknown', reason: 'it took longer than 0.1 seconds' })));
  expect(silent.asked).toBe(2);
});

test('stopping ends what is under way and what waits, at once', async () => {
  const diagnostician = new Diagnostician();
  const silent = silentKey();
  const findings = [1, 2].map(() => diagnostician.diagnose(members(), { keys: [silent.key] }));
  await expect.poll(() => silent.asked).toBe(1);
  diagnostician.stop();
  for (const finding of findings) await expect(finding).rejects.toMatchObject({ code: 'cancelled' });
  expect(silent.asked).toBe(1);
});
