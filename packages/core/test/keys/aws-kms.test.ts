import { once } from 'node:events';
import { publicEncrypt } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { startKmsEmulator, type KmsEmulator } from '@sealdrop/kms-emulator';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeKey } from '../../src/keys/aws-kms.ts';
import { oaepWith, parseOaep } from '../../src/keys/oaep-parameters.ts';
import { openKey } from '../../src/keys/open-key.ts';
import { unwrapKey } from '../../src/keys/wrapped-key.ts';
import { openssl } from './openssl.ts';
import { stubAwsEnvironment } from './aws-environment.ts';

const KEY_FILE = Buffer.from('RJSc3l7w5g0zF8sT8kQmZyYy3xJv4m1Qe0c0t2l5n1Y=\n');
const SHA1 = oaepWith('sha1');
const SHA256 = oaepWith('sha256');

let kms: KmsEmulator;
beforeAll(async () => {
  kms = await startKmsEmulator();
});
beforeEach(() => stubAwsEnvironment(kms.environment));
afterEach(() => {
  kms.clearFaults();
  vi.unstubAllEnvs();
});
afterAll(async () => kms.close());

const countOf = (operation: string) => kms.requests.filter((request) => request.operation === operation).length;

describe('a key in AWS KMS', () => {
  it.each([
    ['RSA_2048', 'sha1'],
    ['RSA_2048', 'sha256'],
    ['RSA_3072', 'sha1'],
    ['RSA_3072', 'sha256'],
    ['RSA_4096', 'sha1'],
    ['RSA_4096', 'sha256'],
  ] as const)('%s unwraps with OAEP %s', async (keySpec, hash) => {
    const { arn } = kms.createKey({ keySpec });
    const key = await openKey(arn);
    const wrapped = publicEncrypt({ key: await key.publicKey(), oaepHash: hash }, KEY_FILE);
    expect(await key.unwrap(wrapped, oaepWith(hash))).toEqual(KEY_FILE);
  });

  it('is found by key id, alias, key ARN and alias ARN', async () => {
    const { keyId, arn, publicKey } = kms.createKey({ alias: 'four-names' });
    const aliasArn = arn.replace(/key\/.*$/, 'alias/four-names');
    for (const specification of [`aws-kms:${keyId}`, 'alias/four-names', arn, aliasArn]) {
      const found = await (await openKey(specification)).publicKey();
      expect(found.equals(publicKey)).toBe(true);
    }
  });

  it('is asked for its public key once', async () => {
    const key = await openKey(kms.createKey().arn);
    const before = countOf('GetPublicKey');
    await key.publicKey();
    await key.publicKey();
    expect(countOf('GetPublicKey') - before).toBe(1);
  });

  it('serves many calls at once', async () => {
    const { arn, publicKey } = kms.createKey();
    const key = await openKey(arn);
    const wrapped = publicEncrypt({ key: publicKey, oaepHash: 'sha256' }, KEY_FILE);
    const results = await Promise.all(Array.from({ length: 20 }, () => key.unwrap(wrapped, SHA256)));
    expect(results.every((result) => result.equals(KEY_FILE))).toBe(true);
  });

  it.each([
    'sha224',
    'sha384',
    'sha512',
    'rsa_oaep_md:sha256 rsa_mgf1_md:sha1',
    'rsa_oaep_md:sha256 rsa_oaep_label:00',
  ])('says unsupported-oaep to %s, with the cure and without asking KMS', async (text) => {
    const key = await openKey(kms.createKey().arn);
    const before = countOf('Decrypt');
    await expect(key.unwrap(Buffer.alloc(256), parseOaep(text))).rejects.toMatchObject({
      code: 'unsupported-oaep',
      message: expect.stringContaining(text),
      hint: expect.stringContaining('rsa_oaep_md:sha256'),
    });
    expect(countOf('Decrypt')).toBe(before);
  });

  it('says unwrap-failed to another hash, another key, another length and noise', async () => {
    const { arn, publicKey } = kms.createKey();
    const other = kms.createKey();
    const key = await openKey(arn);
    const sha1 = publicEncrypt({ key: publicKey, oaepHash: 'sha1' }, KEY_FILE);
    const foreign = publicEncrypt({ key: other.publicKey, oaepHash: 'sha256' }, KEY_FILE);
    for (const wrapped of [sha1, foreign, Buffer.alloc(512, 1), Buffer.alloc(256, 255)]) {
      await expect(key.unwrap(wrapped, SHA256)).rejects.toMatchObject({ code: 'unwrap-failed', blame: 'sender' });
    }
  });

  it('is tried in a rotation with a second one and both hashes', async () => {
    const [former, present] = [kms.createKey(), kms.createKey({ keySpec: 'RSA_3072' })];
    const keys = [await openKey(present.arn), await openKey(former.arn)];
    const wrapped = publicEncrypt({ key: former.publicKey, oaepHash: 'sha1' }, KEY_FILE);
    const result = await unwrapKey(wrapped, { keys, oaep: [SHA256, SHA1] });
    expect(result).toEqual({ keyFile: KEY_FILE, keyName: `aws-kms:${former.arn}`, oaep: SHA1 });
  });

  it('that cannot be asked keeps a rotation from blaming the sender', async () => {
    const [disabled, present] = [kms.createKey(), kms.createKey()];
    kms.setKeyState(disabled.keyId, 'Disabled');
    const keys = [await openKey(disabled.arn), await openKey(present.arn)];
    const wrapped = publicEncrypt({ key: disabled.publicKey, oaepHash: 'sha256' }, KEY_FILE);
    await expect(unwrapKey(wrapped, { keys, oaep: [SHA256] })).rejects.toMatchObject({
      code: 'key-disabled',
      blame: 'receiver',
    });
  });

  it.each(['Disabled', 'PendingDeletion', 'Unavailable', 'Creating'] as const)(
    'in state %s is key-disabled, for unwrapping and for its public key, and works again once enabled',
    async (state) => {
      const { arn, keyId, publicKey } = kms.createKey();
      const key = await openKey(arn);
      const wrapped = publicEncrypt({ key: publicKey, oaepHash: 'sha256' }, KEY_FILE);
      kms.setKeyState(keyId, state);
      await expect(key.unwrap(wrapped, SHA256)).rejects.toMatchObject({ code: 'key-disabled', blame: 'receiver' });
      await expect(key.publicKey()).rejects.toMatchObject({ code: 'key-disabled' });
      kms.setKeyState(keyId, 'Enabled');
      expect(await key.unwrap(wrapped, SHA256)).toEqual(KEY_FILE);
    },
  );

  it('that does not exist is key-not-found, and the hint names it, region and account', async () => {
    const key = await openKey('alias/no-such-key');
    await expect(key.publicKey()).rejects.toMatchObject({
      code: 'key-not-found',
      blame: 'receiver',
      hint: expect.stringMatching(/alias\/no-such-key.*region and account/),
    });
  });
});

describe('describing a key', () => {
  it('tells usage, spec and state, of a disabled key too', async () => {
    const { arn, keyId } = kms.createKey({ keySpec: 'RSA_3072', alias: 'described' });
    kms.setKeyState(keyId, 'Disabled');
    expect(await describeKey(await openKey('alias/described'))).toEqual({
      arn,
      usage: 'ENCRYPT_DECRYPT',
      spec: 'RSA_3072',
      state: 'Disabled',
    });
  });

  it('is null for a key that is not in AWS KMS', async () => {
    const local = {
      name: 'hsm:1',
      publicKey: () => Promise.reject(new Error()),
      unwrap: () => Promise.reject(new Error()),
    };
    expect(await describeKey(local)).toBeNull();
  });
});

const ARN = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';

/** Something that answers in KMS's place: with another key, or with the page of a proxy or a web site. */
async function answerWith(body: string, status = 200): Promise<{ server: Server; endpoint: string }> {
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      response.writeHead(status).end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('an answer that is not what was asked for', () => {
  const other = ARN.replace('1234abcd', 'ffffffff');
  const text = Buffer.from('plaintext').toString('base64');

  it.each([
    ['Decrypt for another key', { KeyId: other, Plaintext: text }, 'bad-configuration', 'another key'],
    ['Decrypt without a plaintext', { KeyId: ARN }, 'bad-configuration', 'no plaintext'],
  ] as const)('%s', async (...[, answer, code, reason]) => {
    const { server, endpoint } = await answerWith(JSON.stringify(answer));
    const key = await openKey(ARN, { aws: { endpoint } });
    const attempt = key.unwrap(Buffer.alloc(256), SHA256);
    await expect(attempt).rejects.toMatchObject({ code, message: expect.stringContaining(reason) });
    server.close();
  });

  it.each([
    ['a signing key', { KeyUsage: 'SIGN_VERIFY', KeySpec: 'RSA_2048' }, 'wrong-key-usage'],
    ['an elliptic curve key', { KeyUsage: 'KEY_AGREEMENT', KeySpec: 'ECC_NIST_P256' }, 'wrong-key-usage'],
    ['no public key', { KeyUsage: 'ENCRYPT_DECRYPT', KeySpec: 'RSA_2048' }, 'bad-configuration'],
  ] as const)('GetPublicKey of %s', async (...[, answer, code]) => {
    const { server, endpoint } = await answerWith(JSON.stringify({ KeyId: ARN, ...answer }));
    const key = await openKey(ARN, { aws: { endpoint } });
    await expect(key.publicKey()).rejects.toMatchObject({ code, blame: 'receiver' });
    server.close();
  });
});

describe('an endpoint that is not AWS KMS', () => {
  it.each([
    [200, 'bad-configuration'],
    [403, 'bad-configuration'],
    [404, 'bad-configuration'],
    [502, 'kms-unavailable'],
  ] as const)('and shows a page with status %i is %s', async (status, code) => {
    vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
    const { server, endpoint } = await answerWith('<html><body>hello</body></html>', status);
    const key = await openKey(ARN, { aws: { endpoint } });
    await expect(key.unwrap(Buffer.alloc(256), SHA256)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(new RegExp(`status ${status}.* is not one of AWS KMS$`)),
    });
    server.close();
  });

  it('and whose answer is cut short leaks nothing of it', async () => {
    const { server, endpoint } = await answerWith(`{"KeyId":"${ARN}","Plaintext":"c2VjcmV0"oops`);
    const key = await openKey(ARN, { aws: { endpoint } });
    const failure: unknown = await key.unwrap(Buffer.alloc(256), SHA256).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'bad-configuration' });
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toMatch(/c2Vj|J0"/);
    server.close();
  });

  it('or whose certificate is not trusted is bad-configuration, and the hint says how to trust it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sealdrop-tls-'));
    openssl(
      directory,
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      'key.pem',
      '-out',
      'certificate.pem',
      '-subj',
      '/CN=127.0.0.1',
    );
    const [key, cert] = await Promise.all(
      ['key.pem', 'certificate.pem'].map((file) => readFile(join(directory, file))),
    );
    const server = createTlsServer({ key, cert }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const attempt = (await openKey(ARN, { aws: { endpoint } })).publicKey();
    await expect(attempt).rejects.toMatchObject({
      code: 'bad-configuration',
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
    server.close();
    await rm(directory, { recursive: true });
  });
});
