/** A bundle leaves out what of Node's own modules nobody uses (tools/bundle/src/quick-start.ts): the AWS SDK in it must still speak both protocols. */
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const SEALDROP = join(import.meta.dirname, '../../../packages/cli/bin/sealdrop.js');
const ARN = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** GetPublicKey, whatever is asked. */
const answer: RequestListener = (_request, response) => {
  const PublicKey = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
  response.end(JSON.stringify({ KeyId: ARN, PublicKey, KeyUsage: 'ENCRYPT_DECRYPT', KeySpec: 'RSA_2048' }));
};

let directory = '';
let servers: readonly Server[] = [];
let http = '';
let https = '';

async function listen(server: Server, protocol: string): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `${protocol}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealdrop-endpoints-'));
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const [keyFile, certificate] = ['key.pem', 'certificate.pem'].map((name) => join(directory, name)) as [
    string,
    string,
  ];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', keyFile, '-out', certificate];
  await promisify(execFile)('openssl', [...request, ...subject]);
  const secure = createHttpsServer({ key: await readFile(keyFile), cert: await readFile(certificate) }, answer);
  const plain = createHttpServer(answer);
  servers = [secure, plain];
  [https, http] = [await listen(secure, 'https'), await listen(plain, 'http')];
});

afterAll(async () => {
  for (const server of servers) server.close();
  await rm(directory, { recursive: true });
});

async function askForPublicKey(environment: Readonly<Record<string, string>>, ...words: string[]): Promise<string> {
  const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  const trust = { NODE_EXTRA_CA_CERTS: join(directory, 'certificate.pem') };
  const env = { PATH: process.env['PATH'], ...credentials, ...trust, ...environment };
  const commandLine = [SEALDROP, 'public-key', '--key', ARN, ...words];
  return (await promisify(execFile)(process.execPath, commandLine, { env })).stdout;
}

const PEM = publicKey.export({ format: 'pem', type: 'spki' });

test.each([
  ['named in the environment, without TLS', () => ({ AWS_ENDPOINT_URL_KMS: http }), () => []],
  ['named in the environment, with TLS', () => ({ AWS_ENDPOINT_URL: https }), () => []],
  ['named on the command line, without TLS', () => ({}), () => ['--endpoint-url', http]],
  ['named on the command line, with TLS', () => ({}), () => ['--endpoint-url', https]],
  ['with TLS, instead of one without', () => ({ AWS_ENDPOINT_URL: http }), () => ['--endpoint-url', https]],
])('an endpoint %s', async (_how, environment, words) => {
  expect(await askForPublicKey(environment() as Record<string, string>, ...words())).toBe(PEM);
});
