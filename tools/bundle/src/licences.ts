/** The libraries that went into a bundle, whose licences want to be passed on with it. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface BundledLibrary {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** The text of its licence file; null when it ships none. */
  readonly text: string | null;
}

/** @param modules paths of all modules of the bundle */
export function librariesOf(modules: readonly string[]): readonly BundledLibrary[] {
  const folders = new Set(modules.flatMap((id) => packageFolder(id) ?? []));
  return [...folders].map(describeLibrary).toSorted((left, right) => left.name.localeCompare(right.name));
}

/** `…/node_modules/@scope/name` of a module in it; null for our own. */
function packageFolder(id: string): string | null {
  return /^\/.*[/\\]node_modules[/\\](?:@[^/\\]+[/\\])?[^/\\]+/.exec(id)?.[0] ?? null;
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
