import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { startKmsEmulator } from '@sealdrop/kms-emulator';
import type { EmulatedKey, KmsEmulator } from '@sealdrop/kms-emulator';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { send } from './sender.ts';
import { finish, Workspace } from './transcript.ts';

const PLAINTEXT = 'name,amount\nAda,12\n';
/** Any will do: the emulator checks no signature. */
const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

let kms: KmsEmulator;
let key: EmulatedKey;
let workspace: Workspace;

beforeAll(async () => {
  kms = await startKmsEmulator();
  key = kms.createKey({ alias: 'inbound' });
});

afterAll(() => kms.close());

beforeEach(() => {
  workspace = new Workspace();
  workspace.write('pubkey.pem', key.publicKey.export({ format: 'pem', type: 'spki' }).toString());
  workspace.write('plain', PLAINTEXT);
  send(workspace, { plaintext: 'plain', stem: 'report.csv' });
});

afterEach(() => {
  kms.clearFaults();
  kms.setKeyState(key.keyId, 'Enabled');
  workspace.remove();
});

/** As a person would call it who names the endpoint and the region. */
function decrypt(...options: readonly string[]) {
  const args = ['decrypt', 'report.csv', '--endpoint-url', kms.endpoint, '--region', kms.region, ...options];
  return workspace.sealdrop(args, { env: CREDENTIALS });
}

describe('an AWS KMS key, however it is named', () => {
  test.each([
    ['alias', () => 'alias/inbound'],
    ['aws-kms: and alias', () => 'aws-kms:alias/inbound'],
    ['aws-kms: and id', () => `aws-kms:${key.keyId}`],
    ['bare ARN', () => key.arn],
  ])('%s', async (_what, name) => {
    expect(await decrypt('--key', name(), '--output', '-')).toMatchObject({ status: 0, stdout: PLAINTEXT });
  });

  test('gives its public key', async () => {
    const args = ['public-key', '--key', 'alias/inbound'];
    const { status, stdout } = await workspace.sealdrop(args, { env: kms.environment });
    expect([status, stdout]).toEqual([0, workspace.read('pubkey.pem').toString()]);
  });

  test('takes endpoint, region and credentials from the environment too', async () => {
    const args = ['decrypt', 'report.csv', '--key', 'alias/inbound'];
    expect((await workspace.sealdrop(args, { env: kms.environment })).status).toBe(0);
  });

  test('takes them from a profile too', async () => {
    workspace.write('config', `[profile intake]\nregion = ${kms.region}\nendpoint_url = ${kms.endpoint}\n`);
    workspace.write('credentials', '[intake]\naws_access_key_id = test\naws_secret_access_key = test\n');
    const env = {
      AWS_CONFIG_FILE: workspace.path('config'),
      AWS_SHARED_CREDENTIALS_FILE: workspace.path('credentials'),
    };
    const args = ['decrypt', 'report.csv', '--key', 'alias/inbound', '--profile', 'intake'];
    expect((await workspace.sealdrop(args, { env })).status).toBe(0);
  });
});

const ONE_SENTENCE_AND_A_CURE = /^sealdrop: [^\n]+\n[^\n]+\n$/;

describe('what is missing or wrong is one plain sentence and the cure', () => {
  const missing = async (env: Readonly<Record<string, string>>, ...options: readonly string[]) => {
    const transcript = await workspace.sealdrop(['decrypt', 'report.csv', '--key', 'alias/inbound', ...options], {
      env,
    });
    expect(transcript.stderr).toMatch(ONE_SENTENCE_AND_A_CURE);
    expect(workspace.files()).not.toContain('report.csv');
    return transcript;
  };

  test('no region', async () => {
    const { status, stderr } = await missing(CREDENTIALS);
    expect([status, stderr]).toEqual([78, expect.stringMatching(/region/i)]);
  });

  test('no credentials', async () => {
    const { status, stderr } = await missing({}, '--region', 'us-east-1', '--endpoint-url', kms.endpoint);
    expect([status, stderr]).toEqual([78, expect.stringMatching(/credentials/i)]);
  });

  test('an unknown key', async () => {
    const transcript = await decrypt('--key', 'alias/none');
    expect([transcript.status, transcript.stderr]).toEqual([78, expect.stringMatching(ONE_SENTENCE_AND_A_CURE)]);
    expect(transcript.stderr).toContain('alias/none');
  });

  test("a key of another region: the ARN's own region is the one that counts", async () => {
    const { status, stderr } = await decrypt('--key', key.arn.replace('us-east-1', 'eu-west-1'));
    expect([status, stderr]).toEqual([expect.toBeOneOf([64, 77, 78]), expect.stringMatching(ONE_SENTENCE_AND_A_CURE)]);
    expect(stderr).toContain('eu-west-1');
  });

  test('a wrong region', async () => {
    const { status, stderr } = await missing(CREDENTIALS, '--region', 'eu-west-1', '--endpoint-url', kms.endpoint);
    expect([status, stderr]).toEqual([expect.toBeOneOf([77, 78]), expect.stringMatching(/region/i)]);
  });

  test('a disabled key', async () => {
    kms.setKeyState(key.keyId, 'Disabled');
    const { status, stderr } = await decrypt('--key', 'alias/inbound');
    expect([status, stderr]).toEqual([78, expect.stringMatching(/disabled/i)]);
  });

  test.each([
    ['AccessDeniedException', 77],
    ['ExpiredTokenException', 77],
    ['UnrecognizedClientException', 77],
    ['ThrottlingException', 75],
    ['KMSInternalException', 69],
    ['KeyUnavailableException', 69],
  ] as const)('%s', async (type, status) => {
    kms.inject({ operation: 'Decrypt', error: { type } });
    const transcript = await decrypt('--key', 'alias/inbound');
    expect([transcript.status, transcript.stderr]).toEqual([status, expect.stringMatching(ONE_SENTENCE_AND_A_CURE)]);
  });

  test('no answer within --timeout', async () => {
    kms.inject({ operation: 'Decrypt', connection: 'hang' });
    const { status, stderr } = await decrypt('--key', 'alias/inbound', '--timeout', '0.5');
    expect([status, stderr]).toEqual([69, expect.stringMatching(ONE_SENTENCE_AND_A_CURE)]);
  });

  test('nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const args = ['decrypt', 'report.csv', '--key', 'alias/inbound', '--timeout', '1', '--region', 'us-east-1'];
    const { status, stderr } = await workspace.sealdrop([...args, '--endpoint-url', `http://127.0.0.1:${port}`], {
      env: CREDENTIALS,
    });
    expect([status, stderr]).toEqual([69, expect.stringMatching(ONE_SENTENCE_AND_A_CURE)]);
  });

  test.each(['0', '-1', 'soon'])('--timeout %s is a usage error', async (text) => {
    expect((await decrypt('--key', 'alias/inbound', '--timeout', text)).status).toBe(64);
  });
});

test('Ctrl-C ends the waiting for KMS', async () => {
  kms.inject({ operation: 'Decrypt', connection: 'hang' });
  const before = kms.requests.length;
  const child = workspace.start(['decrypt', 'report.csv', '--key', 'alias/inbound'], { env: kms.environment });
  const poll = Promise.withResolvers<void>();
  const timer = setInterval(() => (kms.requests.length > before ? poll.resolve() : undefined), 5);
  await poll.promise.finally(() => clearInterval(timer));
  child.kill('SIGINT');
  expect(await finish(child)).toMatchObject({
    status: 130,
    stderr: 'sealdrop: interrupted; no partial file is left\n',
  });
});
