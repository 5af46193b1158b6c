/** Both programs with everything they import, in one folder of modules that share their common parts. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';
import { ROOT } from './repository.ts';

export interface BundledLibrary {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** The text of its licence file; null when it ships none. */
  readonly text: string | null;
}

/** Without the bundler's module fields, the AWS SDK's CommonJS build would need a `require` that ESM does not have. */
const RESOLVE = {
  conditionNames: ['@sealdrop/source', 'node', 'import', 'module', 'default'],
  mainFields: ['module', 'main'],
};

/**
 * Writes `sealdrop.mjs`, `sealdropd.mjs` and their shared modules into `directory`.
 * @returns the libraries that went in, by name
 */
export async function bundlePrograms(directory: string): Promise<readonly BundledLibrary[]> {
  const bundle = await rolldown({
    input: {
      sealdrop: join(ROOT, 'packages/cli/src/main.ts'),
      sealdropd: join(ROOT, 'packages/daemon/src/main.ts'),
      // A thread's program is found by its name beside the module that starts it.
      'payload-worker': join(ROOT, 'packages/core/src/openssl/payload-worker.ts'),
    },
    platform: 'node',
    resolve: RESOLVE,
    logLevel: 'warn',
  });
  const { output } = await bundle.write({
    dir: directory,
    format: 'esm',
    minify: true,
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
  });
  await bundle.close();
  const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
  return librariesOf(modules);
}

function librariesOf(modules: readonly string[]): readonly BundledLibrary[] {
  const folders = new Set(modules.flatMap((id) => packageFolder(id) ?? []));
  return [...folders].map(describeLibrary).toSorted((left, right) => left.name.localeCompare(right.name));
}

/** `…/node_modules/@scope/name` of a module in it; null for our own. */
function packageFolder(id: string): string | null {
  return /^.*[/\\]node_modules[/\\](?:@[^/\\]+[/\\])?[^/\\]+/.exec(id)?.[0] ?? null;
}

const LICENCE_FILES = [
  'LICENSE',
  'LICENSE.md',
  'LICENSE.txt',
  'LICENCE',
  'LICENCE.md',
  'license',
  'License',
  'COPYING',
];

function describeLibrary(folder: string): BundledLibrary {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name?: string;
    version?: string;
    license?: string;
  };
  const file = LICENCE_FILES.map((name) => join(folder, name)).find((path) => existsSync(path));
  return {
    name: manifest.name ?? dirname(folder),
    version: manifest.version ?? '',
    licence: manifest.license ?? 'see its text',
    text: file === undefined ? null : readFileSync(file, 'utf8'),
  };
}

export function formatLicences(libraries: readonly BundledLibrary[]): string {
  return libraries
    .map(({ name, version, licence, text }) => `${name} ${version} (${licence})\n\n${text?.trim() ?? ''}\n`)
    .join(`\n${'-'.repeat(80)}\n\n`);
}
