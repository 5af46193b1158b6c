import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openKey } from '../../src/keys/open-key.ts';
import { VECTORS } from './vectors.ts';

const UUID = '1234abcd-12ab-34cd-56ef-1234567890ab';
const ARN = `arn:aws:kms:eu-central-1:111122223333:key/${UUID}`;

describe('a key specification', () => {
  it.each([
    [`aws-kms:${UUID}`, `aws-kms:${UUID}`],
    [`aws-kms:mrk-${'0123456789abcdef'.repeat(2)}`, `aws-kms:mrk-${'0123456789abcdef'.repeat(2)}`],
    ['aws-kms:alias/inbound', 'aws-kms:alias/inbound'],
    ['alias/in_bound/2026-files', 'aws-kms:alias/in_bound/2026-files'],
    [`aws-kms:${ARN}`, `aws-kms:${ARN}`],
    [ARN, `aws-kms:${ARN}`],
    [
      'arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/inbound',
      'aws-kms:arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/inbound',
    ],
    [
      `arn:aws-cn:kms:cn-north-1:111122223333:key/${UUID}`,
      `aws-kms:arn:aws-cn:kms:cn-north-1:111122223333:key/${UUID}`,
    ],
  ])('%s is a key in AWS KMS', async (specification, name) => {
    expect((await openKey(specification)).name).toBe(name);
  });

  it('file: is a local key, whatever its path looks like', async () => {
    const path = join(VECTORS, 'keys/rsa2048.pem');
    expect((await openKey(`file:${path}`)).name).toBe(`file:${path}`);
    await expect(openKey('file:alias/inbound')).rejects.toMatchObject({ code: 'not-found' });
  });

  it.each([
    '',
    'file:',
    'aws-kms:',
    'aws-kms:inbound',
    'aws-kms:alias/in bound',
    'aws-kms:alias/x\nalias/y',
    'alias/',
    'key.pem',
    '/etc/sealdrop/key.pem',
    'arn:aws:s3:::bucket',
    'arn:aws:kms:eu-central-1:111122223333:grant/1',
    'pkcs11:token=x',
  ])('%j is wrong usage, and the hint shows the forms', async (specification) => {
    await expect(openKey(specification)).rejects.toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('aws-kms:'),
    });
  });

  it('a bare key id is refused, and the hint completes it', async () => {
    await expect(openKey(UUID)).rejects.toMatchObject({ code: 'usage', hint: `write aws-kms:${UUID}` });
  });

  it('does not load the AWS SDK', () => {
    const module = pathToFileURL(join(import.meta.dirname, '../../src/keys/open-key.ts')).href;
    const script = `
      const { createRequire } = await import('node:module');
      const { openKey } = await import(${JSON.stringify(module)});
      await openKey('alias/inbound');
      const { cache } = createRequire(${JSON.stringify(module)});
      console.log(Object.keys(cache).filter((file) => file.includes('aws-sdk')).length);
      await import('@aws-sdk/client-kms');
      console.log(Object.keys(cache).filter((file) => file.includes('aws-sdk')).length > 0);`;
    const options = { cwd: import.meta.dirname, encoding: 'utf8' } as const;
    const args = ['--conditions=@sealdrop/source', '--input-type=module', '--eval', script];
    const { stdout, stderr } = spawnSync(process.execPath, args, options);
    expect(stderr).toBe('');
    expect(stdout).toBe('0\ntrue\n');
  });
});
