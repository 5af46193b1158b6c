import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { knownKeys } from '../../src/config/known-keys.ts';
import { parseConfig } from '../../src/config/load.ts';
import { configJsonSchema, configSchema } from '../../src/config/schema.ts';

const PACKAGE = join(import.meta.dirname, '../..');

function exampleOfReadme(): string {
  const readme = readFileSync(join(PACKAGE, 'README.md'), 'utf8');
  const example = /```yaml\n([\s\S]*?)```/.exec(readme)?.[1];
  if (example === undefined) throw new Error('README.md has no YAML example');
  return example;
}

test('the published JSON Schema is the schema that the daemon checks with', () => {
  const published: unknown = JSON.parse(readFileSync(join(PACKAGE, 'src/config.schema.json'), 'utf8'));
  expect(published).toEqual(configJsonSchema());
});

test('the example in the README is valid, and shows the defaults', () => {
  const example = parseConfig(exampleOfReadme(), 'README.md');
  const { spool, keys, aws, landings } = example;
  const [{ name, directory, delivery } = { name: '', directory: '', delivery: '' }] = landings;
  const bare = configSchema.parse({
    spool,
    keys,
    aws: { region: 'eu-central-1', timeout: '30s' },
    landings: [{ name, directory, delivery }],
  });
  expect(example).toEqual({ ...bare, aws });
});

test('the example in the README names every setting', () => {
  const example = exampleOfReadme();
  const sections = [[], ['aws'], ['landings'], ['ledger'], ['status'], ['log']];
  const settings = sections.flatMap((section) => knownKeys(section));
  expect(settings.filter((setting) => !new RegExp(`^[ #-]*${setting}:`, 'm').test(example))).toEqual([]);
});

test('durations become milliseconds and modes numbers', () => {
  const { landings, scanInterval, incompleteAfter } = parseConfig(exampleOfReadme(), 'README.md');
  expect({ scanInterval, incompleteAfter }).toEqual({ scanInterval: 300_000, incompleteAfter: 86_400_000 });
  expect(landings[0]).toMatchObject({ settle: 2000, mode: 0o600 });
});
