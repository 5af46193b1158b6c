import { execFile } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, publicEncrypt, constants } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DecryptCommand, DescribeKeyCommand } from '@aws-sdk/client-kms';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startKmsEmulator } from '../src/index.ts';
import { runScript } from './aws-command.ts';
import { emulate } from './emulation.ts';

const execFileAsync = promisify(execFile);

describe('an imported private key', () => {
  test.each(['pkcs1', 'pkcs8'] as const)('is used as it is (%s)', async (type) => {
    const { kms, client } = await emulate();
    const pair = generateKeyPairSync('rsa', { modulusLength: 3072 });
    const privateKey = pair.privateKey.export({ type, format: 'pem' }).toString();
    const { keyId: KeyId, publicKey } = kms.createKey({ privateKey });
    expect(publicKey.equals(pair.publicKey)).toBe(true);
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata?.KeySpec).toBe('RSA_3072');
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const CiphertextBlob = publicEncrypt({ key: pair.publicKey, padding, oaepHash: 'sha1' }, Buffer.from('secret'));
    const request = { KeyId, CiphertextBlob, EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' } as const;
    const { Plaintext } = await client.send(new DecryptCommand(request));
    expect(Buffer.from(Plaintext ?? []).toString()).toBe('secret');
  });

  const pem = (modulusLength: number) =>
    generateKeyPairSync('rsa', { modulusLength }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  test.each([
    { title: 'of 1024 bits', privateKey: pem(1024), says: 'not rsa 1024' },
    { title: 'not RSA', privateKey: curve.export({ type: 'pkcs8', format: 'pem' }).toString(), says: 'not ec' },
    { title: 'no PEM', privateKey: 'secret', says: 'not the PEM text of a private key' },
    {
      title: 'of another spec',
      privateKey: pem(2048),
      keySpec: 'RSA_4096' as const,
      says: 'is RSA_2048, not RSA_4096',
    },
  ])('$title is refused, and leaves no key or alias behind', async ({ privateKey, keySpec, says }) => {
    const { kms } = await emulate();
    const options = keySpec === undefined ? { privateKey } : { privateKey, keySpec };
    expect(() => kms.createKey({ ...options, alias: 'inbound' })).toThrow(says);
    expect(() => kms.createKey({ alias: 'inbound' })).not.toThrow();
  });
});

test('an alias may be given with or without its prefix', async () => {
  const { kms, client } = await emulate();
  for (const alias of ['inbound', 'alias/archive']) {
    const { keyId } = kms.createKey({ alias });
    const KeyId = `alias/${alias.replace('alias/', '')}`;
    await expect(client.send(new DescribeKeyCommand({ KeyId }))).resolves.toMatchObject({
      KeyMetadata: { KeyId: keyId },
    });
  }
});

test('the state of a key that is not there cannot be set', async () => {
  const { kms } = await emulate();
  expect(() => kms.setKeyState('alias/none', 'Disabled')).toThrow('alias/none is not found');
});

test('a port that is taken is an error', async () => {
  const { kms } = await emulate();
  const port = Number(new URL(kms.endpoint).port);
  await expect(startKmsEmulator({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('closing twice is harmless, and the port is free again', async () => {
  const { kms } = await emulate();
  await Promise.all([kms.close(), kms.close()]);
  await kms.close();
  const again = await startKmsEmulator({ port: Number(new URL(kms.endpoint).port) });
  onTestFinished(() => again.close());
  expect(again.endpoint).toBe(kms.endpoint);
});

const outside = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal);

test.skipIf(outside === undefined)('no other address of the machine answers', async () => {
  const { kms } = await emulate();
  const socket = connect(Number(new URL(kms.endpoint).port), outside?.address ?? '');
  const [error] = (await once(socket, 'error')) as [Error];
  expect(error).toMatchObject({ code: 'ECONNREFUSED' });
});

describe('the environment', () => {
  const SCRIPT = `
import { KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
const { Keys } = await new KMSClient().send(new ListKeysCommand());
process.stdout.write(Keys[0].KeyArn);`;

  /** A home directory whose AWS files lead astray. */
  async function misleadingHome(): Promise<string> {
    const home = await mkdtemp(join(tmpdir(), 'kms-emulator-'));
    onTestFinished(() => rm(home, { recursive: true }));
    await mkdir(join(home, '.aws'));
    const astray = 'region = eu-west-1\nendpoint_url = http://127.0.0.1:9\nignore_configured_endpoint_urls = true\n';
    await writeFile(join(home, '.aws/config'), `[default]\n${astray}use_fips_endpoint = true\n`);
    await writeFile(join(home, '.aws/credentials'), '[default]\ncredential_process = false\n');
    return home;
  }

  test('is all that the SDK needs, whatever the machine’s files say', async () => {
    const { kms } = await emulate({ region: 'ap-southeast-2' });
    const { arn } = kms.createKey();
    const env = { HOME: await misleadingHome(), ...kms.environment };
    const options = { env, cwd: import.meta.dirname };
    const { stdout } = await execFileAsync(process.execPath, ['--input-type=module', '--eval', SCRIPT], options);
    expect(stdout).toBe(arn);
  });

  test('is all that the aws command needs, whatever the machine’s files say', async () => {
    const { kms } = await emulate({ region: 'ap-southeast-2' });
    const { arn } = kms.createKey();
    const script = "aws kms list-keys --query 'Keys[].KeyArn' --output text";
    expect(await runScript(kms, await misleadingHome(), script)).toEqual({ status: 0, stdout: `${arn}\n`, stderr: '' });
  });
});

test('a key made without a request is the one that its public key says', async () => {
  const { kms } = await emulate();
  const { publicKey } = kms.createKey({ keySpec: 'RSA_4096' });
  expect(createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).asymmetricKeyDetails?.modulusLength).toBe(
    4096,
  );
});
