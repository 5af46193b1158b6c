import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, runSuccessfully } from './run.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PACKAGES = ['core', 'cli', 'daemon'] as const;

let directory = '';
/** An empty project with the three packed packages installed, as a user of the registry has them. */
let project = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealdrop-packages-'));
  project = join(directory, 'project');
  await mkdir(project);
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'project', private: true, type: 'module' }));
  const workspaces = PACKAGES.flatMap((name) => ['-w', `packages/${name}`]);
  await runSuccessfully('npm', ['pack', '--pack-destination', directory, ...workspaces], { cwd: ROOT });
  const tarballs = PACKAGES.map((name) => join(directory, `sealdrop-${name}-0.1.0.tgz`));
  await runSuccessfully('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs], {
    cwd: project,
  });
});

afterAll(() => rm(directory, { recursive: true, force: true }));

async function makeTriple(): Promise<void> {
  const script = `
    openssl genrsa -out key.pem 2048 2> /dev/null
    openssl pkey -in key.pem -pubout -out public.pem
    printf 'hello\\n' > greeting.txt
    openssl rand -base64 32 > key.bin
    openssl pkeyutl -encrypt -pubin -inkey public.pem -in key.bin -out greeting.txt.keypke.bin.enc \
      -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
    openssl enc -aes-256-cbc -pbkdf2 -pass file:key.bin -in greeting.txt -out greeting.txt.enc
    echo 'openssl enc -aes-256-cbc -pbkdf2' > greeting.txt.alg`;
  await runSuccessfully('sh', ['-euc', script], { cwd: project });
}

describe('the packed packages, installed in an empty directory', () => {
  test('sealdrop and sealdropd say their version', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'packages/cli/package.json'), 'utf8')) as {
      version: string;
    };
    for (const program of ['sealdrop', 'sealdropd']) {
      const { stdout } = await runSuccessfully(join(project, 'node_modules/.bin', program), ['--version']);
      expect(stdout).toContain(version);
    }
  });

  test.each([
    ['cli', ['', 'kit', 'decrypt', 'completion']],
    ['daemon', ['', 'quarantine', 'history']],
  ] as const)('the bundle of %s lays out its help as the sources do', async (name, commands) => {
    const program = join(project, 'node_modules/.bin', name === 'cli' ? 'sealdrop' : 'sealdropd');
    const source = ['--conditions=@sealdrop/source', join(ROOT, 'packages', name, 'src/main.ts')];
    for (const command of commands) {
      const words = [command, '--help'].filter((word) => word !== '');
      const { stdout } = await runSuccessfully(program, words);
      expect(stdout).toBe((await runSuccessfully(process.execPath, [...source, ...words])).stdout);
    }
  });

  test.each([
    ['cli', ['yargs', 'zod', 'fflate', '@aws-sdk/client-kms']],
    ['daemon', ['yargs', 'zod', 'winston', '@aws-sdk/client-kms']],
  ])('the bundle of %s names every library in it with its licence', async (name, libraries) => {
    const file = join(project, 'node_modules/@sealdrop', name, 'dist/third-party-licences.txt');
    const licences = await readFile(file, 'utf8');
    for (const library of libraries) expect(licences).toMatch(new RegExp(`^${library} [\\d.]+ \\(`, 'm'));
  });

  test('sealdrop decrypts what openssl made', async () => {
    await makeTriple();
    const program = join(project, 'node_modules/.bin/sealdrop');
    const { stdout } = await runSuccessfully(
      program,
      ['decrypt', 'greeting.txt', '--key', 'file:key.pem', '--output', '-'],
      {
        cwd: project,
      },
    );
    expect(stdout).toBe('hello\n');
  });

  test('@sealdrop/core is imported by name and ships its types', async () => {
    await writeFile(
      join(project, 'use.ts'),
      `import { findCipher, SealdropError } from '@sealdrop/core';
       const cipher: { readonly keyLength: number } = findCipher('-aes256');
       process.stdout.write(\`\${cipher.keyLength} \${SealdropError.name}\\n\`);\n`,
    );
    const { stdout } = await runSuccessfully(process.execPath, ['use.ts'], { cwd: project });
    expect(stdout).toBe('32 SealdropError\n');
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node'];
    const roots = ['--typeRoots', join(ROOT, 'node_modules/@types')];
    await runSuccessfully(join(ROOT, 'node_modules/.bin/tsc'), [...options, ...roots, 'use.ts'], { cwd: project });
  });

  test('the published JSON Schemas can be resolved', async () => {
    const names = ['core/manifest.schema.json', 'daemon/config.schema.json', 'daemon/report.schema.json'];
    for (const schema of names) {
      const source = `import schema from '@sealdrop/${schema}' with { type: 'json' }; process.stdout.write(String(schema.$schema));`;
      const { stdout } = await runSuccessfully(process.execPath, ['--input-type=module', '-e', source], {
        cwd: project,
      });
      expect(stdout).toContain('json-schema.org');
    }
  });

  test('an unknown command ends with the usage status', async () => {
    expect((await run(join(project, 'node_modules/.bin/sealdrop'), ['decrpyt'])).status).toBe(64);
  });
});
