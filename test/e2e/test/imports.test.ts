import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from './run.ts';

const ROOT = join(import.meta.dirname, '../../..');
const OXLINT = join(ROOT, 'node_modules/.bin/oxlint');

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealdrop-imports-'));
  await cp(join(ROOT, '.oxlintrc.json'), join(directory, '.oxlintrc.json'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function lint(file: string, source: string): Promise<number | null> {
  const path = join(directory, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${source}\n`);
  return (await run(OXLINT, [file], { cwd: directory })).status;
}

const WRONG_WAY: readonly (readonly [file: string, from: string])[] = [
  ['packages/core/src/wrong.ts', '@sealdrop/cli'],
  ['packages/core/src/wrong.ts', '@sealdrop/daemon'],
  ['packages/core/src/wrong.ts', '../../cli/src/terminal.ts'],
  ['packages/core/test/wrong.test.ts', '../../daemon/src/daemon.ts'],
  ['packages/core/src/openssl/wrong.ts', '../../../cli/src/batch.ts'],
  ['packages/core/src/keys/wrong.ts', '../../../daemon/src/daemon.ts'],
  ['packages/core/src/openssl/wrong.ts', '../envelope/naming.ts'],
  ['packages/core/src/openssl/wrong.ts', '../keys/key-provider.ts'],
  ['packages/core/src/openssl/wrong.ts', '@aws-sdk/client-kms'],
  ['packages/core/src/keys/wrong.ts', '../envelope/open.ts'],
  ['packages/core/src/keys/wrong.ts', '../openssl/ciphers.ts'],
  ['packages/cli/src/wrong.ts', '@sealdrop/daemon'],
  ['packages/cli/src/commands/wrong.ts', '../../../daemon/src/daemon.ts'],
  ['packages/cli/src/wrong.ts', '../../core/src/errors.ts'],
  ['packages/daemon/src/wrong.ts', '@sealdrop/cli'],
  ['packages/daemon/src/spool/wrong.ts', '../../../cli/src/terminal.ts'],
  ['packages/daemon/src/wrong.ts', '@sealdrop/core/dist/errors.js'],
];

const FORMS: Readonly<Record<string, (from: string) => string>> = {
  import: (from) => `import { thing } from '${from}';\nprocess.exitCode = thing;`,
  'type import': (from) => `import type { Thing } from '${from}';\nexport const thing: Thing | null = null;`,
  're-export': (from) => `export { thing } from '${from}';`,
  'dynamic import': (from) => `export const thing: unknown = await import('${from}');`,
};

function everyForm(imports: readonly (readonly [string, string])[]): { file: string; from: string; form: string }[] {
  return imports.flatMap(([file, from]) => Object.keys(FORMS).map((form) => ({ file, from, form })));
}

test.each(everyForm(WRONG_WAY))('the linter refuses in $file the $form of $from', async ({ file, from, form }) => {
  expect(await lint(file, FORMS[form]?.(from) ?? '')).not.toBe(0);
});

const RIGHT_WAY: readonly (readonly [file: string, from: string])[] = [
  ['packages/cli/src/right.ts', '@sealdrop/core'],
  ['packages/daemon/src/right.ts', '@sealdrop/core'],
  ['packages/core/src/envelope/right.ts', '../keys/key-provider.ts'],
  ['packages/core/src/envelope/right.ts', '../openssl/ciphers.ts'],
];

test.each(everyForm(RIGHT_WAY))('the linter allows in $file the $form of $from', async ({ file, from, form }) => {
  expect(await lint(file, FORMS[form]?.(from) ?? '')).toBe(0);
});
