import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeTree } from '../../src/spool/durable.ts';

let folder: string;
let tree: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealdropd-tree-'));
  tree = join(folder, 'tree');
  mkdirSync(tree);
});

// What a failed test leaves may be too deep for `rmSync`.
afterEach(() => {
  execFileSync('rm', ['-rf', folder]);
});

test('a tree deeper than any path may be long (PATH_MAX) is removed, with names that are not UTF-8', async () => {
  const script = `name=$(printf 'd%.0s' $(seq 200)); for i in $(seq 60); do mkdir $name; cd $name; : > "$(printf 'f\\377')"; done`;
  execFileSync('bash', ['-c', script], { cwd: tree });
  await removeTree(tree, 'remove-discarded');
  expect(readdirSync(folder)).toEqual([]);
});

test('a symbolic link is removed, and what it leads to stays', async () => {
  const outside = join(folder, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'kept'), '');
  symlinkSync(outside, join(tree, 'link'));
  await removeTree(tree, 'remove-discarded');
  expect(readdirSync(folder)).toEqual(['outside']);
  expect(readdirSync(outside)).toEqual(['kept']);
});

test('several who remove the same tree at once do not disturb each other', async () => {
  for (let round = 0; round < 20; round += 1) {
    for (const name of Array.from({ length: 20 }, (_, index) => join(tree, `${index % 3}/${index % 5}/${index}`))) {
      mkdirSync(name, { recursive: true });
      writeFileSync(join(name, 'file'), '');
    }
    await Promise.all([1, 2, 3].map(() => removeTree(tree, 'remove-discarded')));
    expect(existsSync(tree)).toBe(false);
  }
});

test('a tree that is not there is removed already', async () => {
  rmSync(tree, { recursive: true });
  await expect(removeTree(tree, 'remove-discarded')).resolves.toBeUndefined();
});
