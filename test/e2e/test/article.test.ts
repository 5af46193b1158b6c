import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startKmsEmulator } from '@sealdrop/kms-emulator';
import type { KmsEmulator } from '@sealdrop/kms-emulator';
import { run } from './run.ts';

const SCRIPT = join(import.meta.dirname, 'article.sh');
const SEALDROP = join(import.meta.dirname, '../../../packages/cli/bin/sealdrop.js');
/** Debian's, not one that a version manager puts before it. */
const AWS = '/usr/bin/aws';

let kms: KmsEmulator;
let directory = '';

beforeAll(async () => {
  kms = await startKmsEmulator();
  directory = await mkdtemp(join(tmpdir(), 'sealdrop-article-'));
});

afterAll(async () => {
  await kms.close();
  await rm(directory, { recursive: true, force: true });
});

test('the article works step by step, with Sealdrop on either side, on both, or on neither', async () => {
  await writeFile(join(directory, 'payroll.csv'), randomBytes(75_000).toString('base64'));
  const { AWS_PROFILE: _profile, ...inherited } = process.env;
  const { status, stdout, stderr } = await run('sh', [SCRIPT, directory], {
    env: {
      ...inherited,
      ...kms.environment,
      AWS: `${AWS} --endpoint-url ${kms.endpoint}`,
      SEALDROP: `${process.execPath} ${SEALDROP}`,
    },
  });
  const lastLine = stdout.trimEnd().split('\n').at(-1);
  expect({ status, stderr, lastLine }).toEqual({ status: 0, stderr: '', lastLine: '== Done' });
  expect(stdout.match(/is the original/g)).toHaveLength(7);
});
