/** The programs of the package: the very npm packages, which are bundles already. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './repository.ts';
import { run } from './run.ts';

export type ProgramName = 'sealdrop' | 'sealdropd';

/** Folders of `packages/`. */
const PACKAGES: Readonly<Record<ProgramName, string>> = { sealdrop: 'cli', sealdropd: 'daemon' };

/** Where a program begins, in the folder of all programs. */
export function entryOf(name: ProgramName): string {
  return join(name, 'bin', `${name}.js`);
}

/** The licences of the libraries in a program's bundle, in the folder of all programs. */
export function licencesOf(name: ProgramName): string {
  return join(name, 'dist/third-party-licences.txt');
}

/**
 * Unpacks what npm would publish, as it was built, into a folder of the program's name in `directory`.
 * @param work an empty directory for the archive
 */
export async function placeProgram(name: ProgramName, directory: string, work: string): Promise<void> {
  const folder = join(directory, name);
  await mkdir(work, { recursive: true });
  await mkdir(folder, { recursive: true });
  const words = ['pack', '--silent', '--pack-destination', work, '-w', `packages/${PACKAGES[name]}`];
  const archive = (await run('npm', words, ROOT)).trim();
  await run('tar', ['xzf', join(work, archive), '--strip-components=1', '--no-same-owner', '-C', folder]);
  await rm(work, { recursive: true });
}
