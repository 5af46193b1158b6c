/** The Node.js that the package carries, so that the host needs none: the pinned version, stripped of its symbols. */
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './repository.ts';
import { run } from './run.ts';

/** Debian's architecture names, by Node's. */
const DEBIAN_ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

export function debianArchitecture(): string {
  const architecture = DEBIAN_ARCHITECTURES[process.arch];
  if (architecture === undefined) throw new Error(`no Debian package is built for ${process.arch}`);
  return architecture;
}

async function pinnedVersion(): Promise<string> {
  const { devDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    devDependencies: { node: string };
  };
  return devDependencies.node;
}

/**
 * Puts the binary at `binary` and Node's licence at `licence`.
 * @param work an empty directory for the download
 */
export async function placePrivateNode(work: string, places: { binary: string; licence: string }): Promise<void> {
  const specification = `node-linux-${process.arch}@${await pinnedVersion()}`;
  await mkdir(work, { recursive: true });
  const tarball = (await run('npm', ['pack', specification, '--silent'], work)).trim();
  await run('tar', ['xzf', tarball, 'package/bin/node', 'package/LICENSE'], work);
  await run('strip', ['-o', places.binary, join(work, 'package/bin/node')]);
  await cp(join(work, 'package/LICENSE'), places.licence);
  await rm(work, { recursive: true });
}
