/** The kit on disk: a folder or a zip file, whole or not at all. */
import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ExistingFile } from '@sealdrop/core';
import type { Zippable } from 'fflate';
import type { KitFile } from './build-kit.ts';

/** What the files are in, inside a zip file. */
const FOLDER_IN_ZIP = 'sealdrop-kit';

/** The first moment that a zip file can name. It holds local time: the same digits in every time zone. */
function firstMomentOfZip(): Date {
  return new Date(1980, 0, 1);
}

/** APPNOTE.TXT 4.4.2: the attributes are those of Unix, as Info-ZIP writes them: file type and mode in the upper 16 bits. */
const ZIP_UNIX = 3;
const S_IFREG = 0o100000;
const MODE_SHIFT = 16;

/** What a folder to be looked into by others has. */
const FOLDER_MODE = 0o755;

/** The same bytes for the same files. */
export async function formatZip(files: readonly KitFile[]): Promise<Uint8Array> {
  const { zipSync } = await import('fflate');
  const entries: Zippable = {};
  for (const { name, mode, bytes } of files) {
    const attributes = { os: ZIP_UNIX, attrs: (S_IFREG | mode) << MODE_SHIFT, mtime: firstMomentOfZip() };
    entries[`${FOLDER_IN_ZIP}/${name}`] = [bytes, attributes];
  }
  return zipSync(entries);
}

/** @throws SealdropError `already-exists`, `cannot-create`, … */
export async function writeZip(path: string, files: readonly KitFile[], existing: ExistingFile): Promise<void> {
  const { createOutputFile } = await import('@sealdrop/core');
  const zip = await formatZip(files);
  await createOutputFile(path, existing, (temporaryPath) => writeFile(temporaryPath, zip, { flag: 'wx' }));
}

/**
 * Into a new folder; with `replace` into an existing one too, where only files of a kit are replaced.
 * @throws SealdropError `already-exists`, `cannot-create`, …
 */
export async function writeFolder(path: string, files: readonly KitFile[], existing: ExistingFile): Promise<void> {
  const { alreadyExists, pathExists } = await import('@sealdrop/core');
  const taken = await pathExists(path);
  if (taken && existing === 'refuse') throw alreadyExists(path);
  await (taken ? replaceFiles(path, files) : createFolder(path, files));
}

async function replaceFiles(folder: string, files: readonly KitFile[]): Promise<void> {
  const { createOutputFile } = await import('@sealdrop/core');
  for (const { name, mode, bytes } of files) {
    await createOutputFile(join(folder, name), 'replace', (path) => writeWithMode(path, bytes, mode));
  }
}

async function createFolder(path: string, files: readonly KitFile[]): Promise<void> {
  const { SealdropError, toSealdropError } = await import('@sealdrop/core');
  const staging = await mkdtemp(join(dirname(path), `.${basename(path)}.part-`)).catch((error: unknown) => {
    const failure = toSealdropError(error, path);
    if (failure.code !== 'not-found') throw failure;
    throw new SealdropError('cannot-create', `${path}: its directory does not exist`, { cause: error });
  });
  try {
    for (const { name, mode, bytes } of files) await writeWithMode(join(staging, name), bytes, mode);
    await chmod(staging, FOLDER_MODE);
    await rename(staging, path);
  } catch (error) {
    throw toSealdropError(error, path);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** All of it is public, whatever the umask says. */
async function writeWithMode(path: string, bytes: Buffer, mode: number): Promise<void> {
  await writeFile(path, bytes, { flag: 'wx' });
  await chmod(path, mode);
}
