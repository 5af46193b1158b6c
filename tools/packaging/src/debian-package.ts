/** Lays the files of the package out as they will lie on the host, and wraps them up. */
import { chmod, cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeManPage } from './man-pages.ts';
import type { Program } from './man-pages.ts';
import { entryOf, licencesOf, placeProgram } from './place-programs.ts';
import type { ProgramName } from './place-programs.ts';
import { debianArchitecture, placePrivateNode } from './private-node.ts';
import { readVersion, ROOT } from './repository.ts';
import { run } from './run.ts';

export type Compression = 'xz' | 'zstd' | 'gzip' | 'none';

const FILES = join(import.meta.dirname, '../files');
const LIBRARY = 'usr/lib/sealdrop';
const DOCUMENTATION = 'usr/share/doc/sealdrop';

const PROGRAMS: Readonly<Record<ProgramName, Pick<Program, 'purpose' | 'section'>>> = {
  sealdrop: { purpose: 'make, open and inspect envelopes of openssl enc files', section: 1 },
  sealdropd: { purpose: 'take in what third parties drop on an SFTP host', section: 8 },
};
const PROGRAM_NAMES = Object.keys(PROGRAMS) as ProgramName[];

/** Fills `stage` with the file tree of the package. */
export async function stagePackage(stage: string, work: string): Promise<void> {
  const version = readVersion();
  for (const name of PROGRAM_NAMES) await placeProgram(name, join(stage, LIBRARY), join(work, name));
  await mkdir(join(stage, DOCUMENTATION), { recursive: true });
  await placePrivateNode(join(work, 'node'), {
    binary: join(stage, LIBRARY, 'node'),
    licence: join(stage, DOCUMENTATION, 'node-licence.txt'),
  });
  await putDocumentation(stage, version);
  for (const name of PROGRAM_NAMES) {
    await putProgram(stage, name, version);
    await putCompletion(stage, name);
  }
  await cpInto(stage, 'sealdropd.service', 'lib/systemd/system/sealdropd.service');
  await cpInto(stage, 'sealdropd.yaml', 'etc/sealdrop/sealdropd.yaml');
}

async function put(stage: string, path: string, contents: string | Buffer): Promise<void> {
  await mkdir(dirname(join(stage, path)), { recursive: true });
  await writeFile(join(stage, path), contents);
}

async function cpInto(stage: string, file: string, path: string): Promise<void> {
  await put(stage, path, await readFile(join(FILES, file)));
}

async function putDocumentation(stage: string, version: string): Promise<void> {
  await cpInto(stage, 'copyright', `${DOCUMENTATION}/copyright`);
  await put(stage, `${DOCUMENTATION}/README.md`, await readFile(join(ROOT, 'packages/daemon/README.md')));
  await put(stage, `${DOCUMENTATION}/changelog.gz`, gzipSync(await readFile(join(ROOT, 'CHANGELOG.md')), { level: 9 }));
  await put(stage, `${DOCUMENTATION}/VERSION`, `${version}\n`);
}

async function putProgram(stage: string, name: ProgramName, version: string): Promise<void> {
  const wrapper = `#!/bin/sh\nexec /${LIBRARY}/node /${LIBRARY}/${entryOf(name)} "$@"\n`;
  await put(stage, `usr/bin/${name}`, wrapper);
  await chmod(join(stage, 'usr/bin', name), 0o755);
  const licences = await readFile(join(stage, LIBRARY, licencesOf(name)));
  await put(stage, `${DOCUMENTATION}/${name}-third-party-licences.txt`, licences);
  const program: Program = { name, ...PROGRAMS[name], command: stagedCommand(stage, name) };
  const { section } = program;
  const page = await makeManPage(program, version);
  await put(stage, `usr/share/man/man${section}/${name}.${section}.gz`, page);
}

function stagedCommand(stage: string, name: ProgramName): readonly [string, ...string[]] {
  return [join(stage, LIBRARY, 'node'), join(stage, LIBRARY, entryOf(name))];
}

async function putCompletion(stage: string, name: ProgramName): Promise<void> {
  for (const [shell, path] of [
    ['bash', `usr/share/bash-completion/completions/${name}`],
    ['zsh', `usr/share/zsh/vendor-completions/_${name}`],
  ] as const) {
    await put(stage, path, await run('env', [`SHELL=/bin/${shell}`, ...stagedCommand(stage, name), 'completion']));
  }
}

/** Kibibytes of all files, as dpkg wants to know. */
async function installedSize(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
  );
  return Math.ceil(sizes.reduce((sum, size) => sum + size, 0) / 1024);
}

function control(size: number): string {
  return `Package: sealdrop
Version: ${readVersion()}
Architecture: ${debianArchitecture()}
Maintainer: The Sealdrop authors <maintainers@sealdrop.invalid>
Installed-Size: ${size}
Depends: adduser, systemd, libc6 (>= 2.28), libstdc++6, libgcc-s1
Recommends: openssh-server
Section: net
Priority: optional
Description: takes in encrypted files from people who have nothing but OpenSSL
 sealdropd watches the upload directories of an SFTP host, decrypts each complete
 envelope (an openssl enc file with an RSA-OAEP wrapped key) with a key in AWS KMS
 or a local one, delivers the plaintext and quarantines what fails.
 sealdrop does the same by hand.
 .
 The package carries its own Node.js and needs nothing from the network.
`;
}

/** @returns the path of the package file in `directory` */
export async function buildPackage(stage: string, directory: string, compression: Compression): Promise<string> {
  const meta = join(stage, 'DEBIAN');
  const size = await installedSize(stage);
  await put(stage, 'DEBIAN/control', control(size));
  await put(stage, 'DEBIAN/conffiles', '/etc/sealdrop/sealdropd.yaml\n');
  for (const script of ['postinst', 'prerm', 'postrm']) {
    await cp(join(FILES, script), join(meta, script));
    await chmod(join(meta, script), 0o755);
  }
  await run('chmod', ['-R', 'u=rwX,go=rX', stage]);
  await mkdir(directory, { recursive: true });
  const path = join(directory, `sealdrop_${readVersion()}_${debianArchitecture()}.deb`);
  await run('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '--build', stage, path]);
  return path;
}
