import { spawn, spawnSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startKmsEmulator, type KmsEmulator } from '@sealdrop/kms-emulator';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKmsClient, type AwsOptions } from '../../src/keys/kms-client.ts';
import { openKey } from '../../src/keys/open-key.ts';
import { stubAwsEnvironment } from './aws-environment.ts';

const ALIAS = 'alias/inbound';
let kms: KmsEmulator;
let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealdrop-aws-'));
  kms = await startKmsEmulator();
  kms.createKey({ alias: ALIAS });
});
beforeEach(() => stubAwsEnvironment(kms.environment));
afterEach(() => {
  kms.clearFaults();
  vi.unstubAllEnvs();
});
afterAll(async () => {
  await kms.close();
  await rm(directory, { recursive: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('a KMS that does not answer', () => {
  it('is kms-unreachable at the time limit', async () => {
    kms.inject({ connection: 'hang' });
    const key = await openKey(ALIAS, { aws: { timeout: 300 } });
    await expect(key.publicKey()).rejects.toMatchObject({
      code: 'kms-unreachable',
      blame: 'passing',
      message: `aws-kms:${ALIAS}: no answer from AWS KMS within 300 ms`,
    });
  });

  it('is named with what kept it from being reached, when the time limit comes before the patience ends', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const key = await openKey(ALIAS, { aws: { endpoint, timeout: 5000, patience: 60_000 } });
    await expect(key.publicKey()).rejects.toMatchObject({
      code: 'kms-unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
      hint: expect.stringContaining('region'),
    });
  });

  it('is cancelled by the caller, whatever the reason given', async () => {
    kms.inject({ connection: 'hang' });
    const controller = new AbortController();
    const before = kms.requests.length;
    const call = (await openKey(ALIAS)).publicKey({ signal: controller.signal });
    const stopping = vi
      .waitUntil(() => kms.requests.length > before, { timeout: 60_000 })
      .then(() => controller.abort(new Error('stopping')));
    await expect(call).rejects.toMatchObject({ code: 'cancelled' });
    await stopping;
  });

  it('does not keep the caller waiting for a credential process that hangs', async () => {
    const [file, pipe] = [join(directory, 'hanging'), join(directory, 'pipe')];
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    await writeFile(file, `[default]\nregion = us-east-1\ncredential_process = cat ${pipe}\n`);
    const { AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _secret, ...rest } = kms.environment;
    stubAwsEnvironment({ ...rest, AWS_CONFIG_FILE: file });
    const key = await openKey(ALIAS, { aws: { timeout: 500 } });
    await expect(key.publicKey()).rejects.toMatchObject({ code: 'kms-unreachable' });
    // An end of file lets the credential process go, if it was started at all by then.
    const writer = await open(pipe, 'r+');
    await writer.close();
  });

  it('cuts the connection: kms-unreachable', async () => {
    kms.inject({ connection: 'reset' });
    const key = await openKey(ALIAS, { aws: { patience: 0 } });
    await expect(key.publicKey()).rejects.toMatchObject({ code: 'kms-unreachable', blame: 'passing' });
  });

  it('refuses the connection: kms-unreachable once patience ends', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const key = await openKey(ALIAS, { aws: { endpoint, patience: 0 } });
    await expect(key.publicKey()).rejects.toMatchObject({
      code: 'kms-unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('is waited for while the network is not up yet', async () => {
    const port = await freePort();
    const refusals = Promise.withResolvers<void>();
    let seen = 0;
    const onError = () => {
      seen += 1;
      // More than the SDK's own three attempts, so that ours must have begun anew.
      if (seen === 4) refusals.resolve();
    };
    subscribe('http.client.request.error', onError);
    const key = await openKey(ALIAS, { aws: { endpoint: `http://127.0.0.1:${port}` } });
    const call = key.publicKey();
    await Promise.race([refusals.promise, call]);
    unsubscribe('http.client.request.error', onError);
    const late = await startKmsEmulator({ port });
    const { publicKey } = late.createKey({ alias: ALIAS });
    expect((await call).equals(publicKey)).toBe(true);
    await late.close();
  });
});

describe('a KMS that asks to slow down', () => {
  it.each([
    ['ThrottlingException', 400],
    ['KMSInternalException', 500],
  ])('%s is asked again by the SDK', async (type, status) => {
    const before = kms.requests.length;
    kms.inject({ error: { type, status }, times: 2 });
    await expect((await openKey(ALIAS)).publicKey()).resolves.toBeDefined();
    const attempts = kms.requests.slice(before).map(({ attempt }) => attempt?.split(';')[0]);
    expect(attempts).toEqual(['attempt=1', 'attempt=2', 'attempt=3']);
  });

  it('is not asked again for what cannot pass by itself', async () => {
    const before = kms.requests.length;
    kms.inject({ error: { type: 'AccessDeniedException', status: 400 } });
    await expect((await openKey(ALIAS)).publicKey()).rejects.toMatchObject({ code: 'access-denied' });
    expect(kms.requests.length - before).toBe(1);
  });
});

describe('credentials', () => {
  const withoutCredentials = (extra: Readonly<Record<string, string>> = {}) => {
    const { AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _secret, ...rest } = kms.environment;
    stubAwsEnvironment({ ...rest, AWS_EC2_METADATA_DISABLED: 'true', ...extra });
  };
  const profile = (name: string) => `[${name}]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n`;

  it('that are nowhere are no-credentials, and the hint says how to give them', async () => {
    withoutCredentials();
    await expect((await openKey(ALIAS)).publicKey()).rejects.toMatchObject({
      code: 'no-credentials',
      blame: 'receiver',
      hint: expect.stringContaining('AWS_PROFILE'),
    });
  });

  it('are found by the same key once the file has them', async () => {
    const file = join(directory, 'credentials-later');
    withoutCredentials({ AWS_SHARED_CREDENTIALS_FILE: file });
    const key = await openKey(ALIAS);
    await expect(key.publicKey()).rejects.toMatchObject({ code: 'no-credentials' });
    await writeFile(file, profile('default'));
    await expect(key.publicKey()).resolves.toBeDefined();
  });

  it('are read afresh after they have expired', async () => {
    const file = join(directory, 'credentials-expired');
    await writeFile(file, profile('default'));
    withoutCredentials({ AWS_SHARED_CREDENTIALS_FILE: file });
    const key = await openKey(ALIAS);
    kms.inject({ error: { type: 'ExpiredTokenException', status: 400 }, times: 1 });
    await expect(key.publicKey()).rejects.toMatchObject({ code: 'expired-credentials' });
    await writeFile(file, '');
    await expect(key.publicKey()).rejects.toMatchObject({ code: 'no-credentials' });
  });

  it('are taken from the profile that the options name', async () => {
    const file = join(directory, 'credentials-profile');
    await writeFile(file, profile('inbound'));
    withoutCredentials({ AWS_SHARED_CREDENTIALS_FILE: file });
    await expect((await openKey(ALIAS, { aws: { profile: 'inbound' } })).publicKey()).resolves.toBeDefined();
    await expect((await openKey(ALIAS, { aws: { profile: 'none' } })).publicKey()).rejects.toMatchObject({
      code: 'no-credentials',
    });
  });
});

/** Where the SDK would send a request, without sending it. */
async function endpointOf(options: AwsOptions): Promise<string> {
  const { DescribeKeyCommand } = await import('@aws-sdk/client-kms');
  const client = await createKmsClient(options);
  let hostname = '';
  client.middlewareStack.add(
    () => async (step) => {
      hostname = (step.request as { hostname: string }).hostname;
      return { response: {}, output: { $metadata: {} } };
    },
    { step: 'build' },
  );
  await client.send(new DescribeKeyCommand({ KeyId: ALIAS }));
  client.destroy();
  return hostname;
}

const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' };

describe('the region', () => {
  beforeEach(() => {
    const none = join(directory, 'none');
    stubAwsEnvironment({ ...CREDENTIALS, AWS_CONFIG_FILE: none, AWS_SHARED_CREDENTIALS_FILE: none });
  });

  it('that is nowhere is no-region, and the hint says where to set it', async () => {
    await expect((await openKey(ALIAS)).publicKey()).rejects.toMatchObject({
      code: 'no-region',
      blame: 'receiver',
      hint: expect.stringContaining('AWS_REGION'),
    });
  });

  it('is found by the same key once it is set', async () => {
    const key = await openKey(ALIAS, { aws: { endpoint: kms.endpoint } });
    await expect(key.publicKey()).rejects.toMatchObject({ code: 'no-region' });
    vi.stubEnv('AWS_REGION', kms.region);
    await expect(key.publicKey()).resolves.toBeDefined();
  });

  it('falls back to AWS_DEFAULT_REGION', async () => {
    vi.stubEnv('AWS_DEFAULT_REGION', 'eu-west-3');
    expect(await endpointOf({})).toBe('kms.eu-west-3.amazonaws.com');
    vi.stubEnv('AWS_REGION', 'eu-west-2');
    expect(await endpointOf({})).toBe('kms.eu-west-2.amazonaws.com');
    expect(await endpointOf({ region: 'eu-west-1' })).toBe('kms.eu-west-1.amazonaws.com');
  });

  it("comes from the profile in AWS's config file", async () => {
    const file = join(directory, 'config-region');
    const keys = 'aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n';
    await writeFile(file, `[profile inbound]\nregion = ap-south-1\n${keys}`);
    stubAwsEnvironment({ AWS_CONFIG_FILE: file });
    expect(await endpointOf({ profile: 'inbound' })).toBe('kms.ap-south-1.amazonaws.com');
  });

  it('of an ARN is enough, and counts more than a setting', async () => {
    const frankfurt = await startKmsEmulator({ region: 'eu-central-1' });
    const { arn } = frankfurt.createKey();
    for (const region of [undefined, 'us-west-2']) {
      const key = await openKey(arn, { aws: { endpoint: frankfurt.endpoint, region } });
      await expect(key.publicKey()).resolves.toBeDefined();
    }
    await frankfurt.close();
  });

  it('that cannot be one is bad-configuration', async () => {
    const key = await openKey(ALIAS, { aws: { region: 'not a region' } });
    await expect(key.publicKey()).rejects.toMatchObject({ code: 'bad-configuration', blame: 'receiver' });
  });
});

describe('the endpoint', () => {
  beforeEach(() => stubAwsEnvironment({ ...CREDENTIALS, AWS_REGION: 'us-east-1' }));

  it.each([
    [{}, 'kms.us-east-1.amazonaws.com'],
    [{ useFipsEndpoint: true }, 'kms-fips.us-east-1.amazonaws.com'],
    [{ useDualstackEndpoint: true }, 'kms.us-east-1.api.aws'],
    [{ useFipsEndpoint: true, useDualstackEndpoint: true }, 'kms-fips.us-east-1.api.aws'],
    [{ endpoint: 'https://vpce-1.kms.us-east-1.vpce.amazonaws.com' }, 'vpce-1.kms.us-east-1.vpce.amazonaws.com'],
    [{ region: 'cn-north-1' }, 'kms.cn-north-1.amazonaws.com.cn'],
  ])('with the options %j is %s', async (options, hostname) => {
    expect(await endpointOf(options)).toBe(hostname);
  });

  it("with nothing in the options comes from the SDK's own variables", async () => {
    vi.stubEnv('AWS_USE_FIPS_ENDPOINT', 'true');
    expect(await endpointOf({})).toBe('kms-fips.us-east-1.amazonaws.com');
    expect(await endpointOf({ useFipsEndpoint: false })).toBe('kms.us-east-1.amazonaws.com');
  });

  it('of your own cannot be combined with FIPS, and the hint says so', async () => {
    const key = await openKey(ALIAS, { aws: { endpoint: kms.endpoint, useFipsEndpoint: true } });
    await expect(key.publicKey()).rejects.toMatchObject({
      code: 'bad-configuration',
      hint: expect.stringContaining('FIPS'),
    });
  });
});

describe('a process that used a KMS key', () => {
  const moduleUrl = pathToFileURL(join(import.meta.dirname, '../../src/keys/open-key.ts')).href;

  async function run(script: string) {
    const args = ['--conditions=@sealdrop/source', '--input-type=module', '--eval', script];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: process.env });
    const [output] = await Promise.all([child.stdout.toArray(), once(child, 'exit')]);
    return Buffer.concat(output as Buffer[]).toString();
  }

  it('ends by itself after an answer', async () => {
    const script = `const { openKey } = await import(${JSON.stringify(moduleUrl)});
      console.log((await (await openKey('${ALIAS}')).publicKey()).asymmetricKeyType);`;
    expect(await run(script)).toBe('rsa\n');
  });

  it('ends by itself after a time limit', async () => {
    kms.inject({ connection: 'hang' });
    const script = `const { openKey } = await import(${JSON.stringify(moduleUrl)});
      const key = await openKey('${ALIAS}', { aws: { timeout: 300 } });
      console.log(await key.publicKey().catch(({ code }) => code));`;
    expect(await run(script)).toBe('kms-unreachable\n');
  });
});
