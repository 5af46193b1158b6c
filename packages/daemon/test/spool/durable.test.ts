import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { removeTree } from '../../src/spool/durable.ts';

test('a directory of thousands of folders is removed whole', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'sealdropd-'));
  onTestFinished(() => rmSync(parent, { recursive: true }));
  const directory = join(parent, 'tree');
  for (let folder = 0; folder < 5000; folder += 1) mkdirSync(join(directory, `folder-${folder}`), { recursive: true });
  await removeTree(directory, 'undo-claim');
  expect(existsSync(directory)).toBe(false);
});
