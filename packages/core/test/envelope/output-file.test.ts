import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOutputFile, isTemporaryName, SealdropError, temporaryPathFor } from '../../src/index.ts';
import type { ExistingFile } from '../../src/index.ts';
import { newDirectory, tree } from './envelope-kit.ts';

const isRoot = process.getuid?.() === 0;

async function create(path: string, existing: ExistingFile = 'refuse', text = 'new'): Promise<void> {
  await createOutputFile(path, existing, (temporaryPath) => writeFile(temporaryPath, text, { flag: 'wx' }));
}

describe('an output file', () => {
  test.each(['refuse', 'replace'] as const)('appears whole under its name, and alone (%s)', async (existing) => {
    const directory = newDirectory();
    const path = join(directory, 'output');
    const seen: string[] = [];
    await createOutputFile(path, existing, async (temporaryPath) => {
      expect(dirname(temporaryPath)).toBe(directory);
      await writeFile(temporaryPath, 'whole');
      seen.push(...Object.keys(tree(directory)));
    });
    expect(seen).toHaveLength(1);
    expect(seen.every(isTemporaryName)).toBe(true);
    expect(Object.keys(tree(directory))).toEqual(['output']);
    expect(readFileSync(path, 'utf8')).toBe('whole');
  });

  test('that exists is refused before anything is written', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'file'), 'old');
    mkdirSync(join(directory, 'folder'));
    symlinkSync('nowhere', join(directory, 'link'));
    const before = tree(directory);
    for (const name of Object.keys(before)) {
      const path = join(directory, name);
      const refused = createOutputFile(path, 'refuse', async () => {
        throw new Error('it was written');
      });
      await expect(refused).rejects.toMatchObject({ code: 'already-exists', message: `${path}: already exists` });
    }
    expect(tree(directory)).toEqual(before);
  });

  test('whose name is taken while it is written is refused too', async () => {
    const directory = newDirectory();
    const path = join(directory, 'output');
    const refused = createOutputFile(path, 'refuse', async (temporaryPath) => {
      await writeFile(temporaryPath, 'ours');
      await writeFile(path, 'theirs');
    });
    await expect(refused).rejects.toMatchObject({ code: 'already-exists', message: `${path}: already exists` });
    expect(readFileSync(path, 'utf8')).toBe('theirs');
    expect(Object.keys(tree(directory))).toEqual(['output']);
  });

  test('replaces a file, and a link but not what it points at', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'file'), 'old');
    writeFileSync(join(directory, 'target'), 'old');
    symlinkSync('target', join(directory, 'link'));
    await create(join(directory, 'file'), 'replace');
    await create(join(directory, 'link'), 'replace');
    const contents = ['file', 'target', 'link'].map((name) => readFileSync(join(directory, name), 'utf8'));
    expect(contents).toEqual(['new', 'old', 'new']);
  });

  test('never replaces a directory', async () => {
    const directory = newDirectory();
    mkdirSync(join(directory, 'folder'));
    writeFileSync(join(directory, 'folder', 'file'), 'precious');
    const before = tree(directory);
    await expect(create(join(directory, 'folder'), 'replace')).rejects.toMatchObject({
      code: 'cannot-create',
      blame: 'receiver',
      message: `${join(directory, 'folder')}: is a directory`,
    });
    expect(tree(directory)).toEqual(before);
  });

  test('never replaces a named pipe, and says where data for one goes', async () => {
    const path = join(newDirectory(), 'pipe');
    execFileSync('mkfifo', [path]);
    const refused = createOutputFile(path, 'replace', async () => {
      throw new Error('it was written');
    });
    await expect(refused).rejects.toMatchObject({
      code: 'cannot-create',
      message: `${path}: is a named pipe, not a file`,
      hint: expect.stringContaining('standard output'),
    });
    expect(lstatSync(path).isFIFO()).toBe(true);
  });
});

describe('an output file that cannot be made leaves nothing, and the message names it', () => {
  test.each(['missing/output', 'file/output'])('%s has no directory', async (name) => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'file'), '');
    const before = tree(directory);
    const path = join(directory, name);
    const failure = create(path);
    await expect(failure).rejects.toMatchObject({ code: 'cannot-create', message: expect.stringContaining(path) });
    expect(tree(directory)).toEqual(before);
  });

  test.each(['refuse', 'replace'] as const)('a name of 256 bytes is too long (%s)', async (existing) => {
    const directory = newDirectory();
    const path = join(directory, 'é'.repeat(128));
    await expect(create(path, existing)).rejects.toMatchObject({ code: 'cannot-create', blame: 'receiver' });
    expect(tree(directory)).toEqual({});
  });

  test('an error of the writer passes through', async () => {
    const directory = newDirectory();
    const error = new SealdropError('bad-decrypt', 'payload: wrong key');
    const failure = createOutputFile(join(directory, 'output'), 'refuse', async (temporaryPath) => {
      await writeFile(temporaryPath, 'half');
      throw error;
    });
    await expect(failure).rejects.toBe(error);
    expect(tree(directory)).toEqual({});
  });

  test.skipIf(isRoot)('a directory that one may not write to', async () => {
    const directory = newDirectory();
    chmodSync(directory, 0o500);
    await expect(create(join(directory, 'output'))).rejects.toMatchObject({ code: 'not-permitted' });
    chmodSync(directory, 0o700);
    expect(tree(directory)).toEqual({});
  });

  let mountPoint = '';
  beforeAll(() => {
    if (!isRoot) return;
    mountPoint = mkdtempSync(join(newDirectory(), 'small-'));
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'sealdrop-test', mountPoint]).status !== 0)
      mountPoint = '';
  });
  afterAll(() => {
    if (mountPoint !== '') spawnSync('umount', [mountPoint]);
  });

  test.skipIf(!isRoot)('a full disk, or one that is read only', async ({ skip }) => {
    if (mountPoint === '') skip('this machine does not allow a mount');
    const path = join(mountPoint, 'output');
    await expect(create(path, 'refuse', 'x'.repeat(100_000))).rejects.toMatchObject({
      code: 'disk-full',
      blame: 'passing',
      message: `${path}: no space left on device`,
    });
    expect(tree(mountPoint)).toEqual({});
    expect(spawnSync('mount', ['-o', 'remount,ro', mountPoint]).status).toBe(0);
    await expect(create(path)).rejects.toMatchObject({ code: 'not-permitted' });
    expect(existsSync(path)).toBe(false);
  });
});

describe('a temporary name', () => {
  test.each(['output', 'x'.repeat(255), 'é'.repeat(127), '😀'.repeat(63), `${'x'.repeat(49)}😀${'x'.repeat(20)}`])(
    'for %j fits into a directory entry',
    async (name) => {
      const directory = newDirectory();
      const temporaryPath = temporaryPathFor(join(directory, name));
      expect(Buffer.byteLength(basename(temporaryPath))).toBeLessThanOrEqual(255);
      expect(isTemporaryName(basename(temporaryPath))).toBe(true);
      expect(temporaryPathFor(join(directory, name))).not.toBe(temporaryPath);
      await create(join(directory, name));
      expect(Object.keys(tree(directory))).toEqual([name]);
    },
  );
});
