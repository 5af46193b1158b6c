import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { describe, expect, onTestFinished, test } from 'vitest';

const MAIN = join(import.meta.dirname, '../src/main.ts');

function start(...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function finish(child: ChildProcess): Promise<{ status: unknown; stdout: string; stderr: string }> {
  const streams = [child.stdout, child.stderr].map((stream) => (stream === null ? '' : text(stream)));
  const [[status], stdout = '', stderr = ''] = await Promise.all([once(child, 'exit'), ...streams]);
  return { status, stdout, stderr };
}

/** The AWS environment of a shell that has read what the emulator prints. */
async function readVariables(child: ChildProcess): Promise<Readonly<Record<string, string>>> {
  const lines: string[] = [];
  if (child.stdout === null) throw new Error('no stdout');
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.includes('KMS_EMULATOR_KEY_ARN')) break;
  }
  const env = { PATH: process.env['PATH'] ?? '', AWS_PROFILE: 'work', AWS_SESSION_TOKEN: 'old' };
  const { stdout } = spawnSync('sh', ['-euc', `${lines.join('\n')}\nenv`], { env, encoding: 'utf8' });
  const variables = stdout.split('\n').map((line) => line.split('=', 2) as [string, string]);
  return Object.fromEntries(variables.filter(([name]) => /^(?:AWS|KMS)_/.test(name)));
}

async function describeKey(variables: Readonly<Record<string, string>>, KeyId: string | undefined) {
  const client = new KMSClient({
    endpoint: variables['AWS_ENDPOINT_URL_KMS'] ?? '',
    region: variables['AWS_REGION'] ?? '',
    credentials: {
      accessKeyId: variables['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: variables['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  });
  onTestFinished(() => client.destroy());
  return (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
}

async function temporaryFile(content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kms-emulator-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'private.pem');
  await writeFile(file, content);
  return file;
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  'it serves the key that it prints until %s, and ends well',
  async (signal) => {
    const child = start();
    const variables = await readVariables(child);
    expect(await describeKey(variables, 'alias/inbound')).toMatchObject({
      Arn: variables['KMS_EMULATOR_KEY_ARN'],
      KeySpec: 'RSA_2048',
    });
    expect(variables).toHaveProperty('AWS_CONFIG_FILE', '/dev/null');
    expect(variables).not.toHaveProperty('AWS_PROFILE');
    expect(variables).not.toHaveProperty('AWS_SESSION_TOKEN');
    const exited = once(child, 'exit');
    child.kill(signal);
    expect(await exited).toEqual([0, null]);
  },
);

test('port, region, key spec and alias are as told', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const child = start('--port', String(port), '--region', 'eu-west-3', '--key-spec', 'RSA_4096', '--alias', 'a/b');
  const variables = await readVariables(child);
  expect(variables['AWS_ENDPOINT_URL_KMS']).toBe(`http://127.0.0.1:${port}`);
  expect(variables['KMS_EMULATOR_KEY_ARN']).toMatch(/^arn:aws:kms:eu-west-3:/);
  expect(await describeKey(variables, 'alias/a/b')).toMatchObject({ KeySpec: 'RSA_4096' });
});

test('a private key is imported', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 });
  const file = await temporaryFile(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  const variables = await readVariables(start('--private-key', file));
  expect(await describeKey(variables, variables['KMS_EMULATOR_KEY_ARN'])).toMatchObject({ KeySpec: 'RSA_3072' });
});

test('--help says how to use it', async () => {
  const { status, stdout, stderr } = await finish(start('--help'));
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^Usage: /);
  for (const option of ['--port', '--region', '--key-spec', '--alias', '--private-key', '--help']) {
    expect(stdout).toContain(option);
  }
});

describe('one line says what is wrong', () => {
  test.each([
    { args: ['--prot', '1'], status: 64, says: "Unknown option '--prot'" },
    { args: ['extra'], status: 64, says: "Unexpected argument 'extra'" },
    { args: ['--port', '65536'], status: 64, says: '--port 65536: not a port number' },
    { args: ['--key-spec', 'RSA_1024'], status: 64, says: '--key-spec RSA_1024: not one of RSA_2048' },
    { args: ['--alias', 'a b'], status: 64, says: '--alias a b: ' },
    { args: ['--private-key', 'no/such.pem'], status: 66, says: "no such file or directory, open 'no/such.pem'" },
  ])('$args', async ({ args, status, says }) => {
    const finished = await finish(start(...args));
    expect(finished).toMatchObject({ status, stdout: '' });
    expect(finished.stderr).toMatch(/^kms-emulator: .*\n$/);
    expect(finished.stderr).toContain(says);
  });

  test('a file that is no private key', async () => {
    const file = await temporaryFile('secret');
    const { status, stderr } = await finish(start('--private-key', file));
    expect(status).toBe(64);
    expect(stderr).toBe(`kms-emulator: ${file}: not the PEM text of a private key without a passphrase\n`);
  });

  test('a port in use', async () => {
    const { AWS_ENDPOINT_URL_KMS } = await readVariables(start());
    const { status, stderr } = await finish(start('--port', new URL(AWS_ENDPOINT_URL_KMS ?? '').port));
    expect(status).toBe(69);
    expect(stderr).toMatch(/^kms-emulator: .*EADDRINUSE.*\n$/);
  });
});
