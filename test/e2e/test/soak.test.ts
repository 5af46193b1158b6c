import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { soak } from '../../../tools/soak/soak.ts';

const PROGRAM = ['--conditions=@sealdrop/source', join(import.meta.dirname, '../../../packages/daemon/src/main.ts')];
const ENVELOPES = 300;
const WAVE = 50;

test('the daemon holds as many descriptors and watches after three hundred envelopes as after a hundred', async () => {
  const { samples, troubles, exitStatus } = await soak({
    envelopes: ENVELOPES,
    wave: WAVE,
    longest: Infinity,
    parent: tmpdir(),
    program: PROGRAM,
  });
  expect(samples).toHaveLength(ENVELOPES / WAVE);
  expect(samples.at(-1)?.envelopes).toBe(ENVELOPES);
  const [early, late] = [samples[1], samples.at(-1)];
  // Which of its few passing descriptors are open at a look is chance: a leak would be one an envelope.
  expect(late?.descriptors).toBeLessThan((early?.descriptors ?? 0) + WAVE);
  expect(late?.watches).toBe(early?.watches);
  expect(troubles).toEqual([]);
  expect(exitStatus).toBe(0);
});
