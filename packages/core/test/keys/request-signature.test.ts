/** Requests to AWS KMS carry the signature that openssl computes for them (AWS General Reference, "Signature Version 4 signing process"). */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, expect, it, vi } from 'vitest';
import { openKey } from '../../src/keys/open-key.ts';
import { sha256 } from '../openssl/enc-vectors.ts';
import { stubAwsEnvironment } from './aws-environment.ts';

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/(?<scope>(?<day>\d{8})\/us-east-1\/kms\/aws4_request), SignedHeaders=(?<signed>[a-z0-9;-]+), Signature=(?<signature>[0-9a-f]{64})$/;

interface Signed {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

/** One request as it comes over the wire; it is answered with an error that nobody repeats. */
async function receiveOne(ask: (endpoint: string) => Promise<unknown>): Promise<Signed> {
  const { promise, resolve } = Promise.withResolvers<Signed>();
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      response.writeHead(400).end('{"__type":"AccessDeniedException"}');
      resolve({ request, body });
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await expect(ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)).rejects.toMatchObject({
      code: 'access-denied',
    });
    return await promise;
  } finally {
    server.close();
  }
}

function hmac(key: Buffer, text: string): Buffer {
  const words = ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${key.toString('hex')}`, '-binary'];
  return execFileSync('openssl', words, { input: text });
}

function canonicalForm({ request, body }: Signed, signedHeaders: string): string {
  const headers = signedHeaders.split(';').map((name) => `${name}:${String(request.headers[name])}\n`);
  return [request.method, request.url, '', headers.join(''), signedHeaders, sha256(body)].join('\n');
}

afterEach(() => vi.unstubAllEnvs());

it.each([undefined, 'a session token'])('signs with the secret key (session: %s)', async (token) => {
  stubAwsEnvironment({
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: SECRET,
    AWS_REGION: 'us-east-1',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    ...(token === undefined ? {} : { AWS_SESSION_TOKEN: token }),
  });
  const signed = await receiveOne(async (endpoint) =>
    (await openKey('alias/inbound', { aws: { endpoint } })).publicKey(),
  );
  const { headers } = signed.request;
  const {
    scope = '',
    day = '',
    signed: names = '',
    signature,
  } = AUTHORIZATION.exec(headers.authorization ?? '')?.groups ?? {};
  expect(headers['x-amz-security-token']).toBe(token);
  const digest = sha256(Buffer.from(canonicalForm(signed, names)));
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, digest].join('\n');
  const key = [day, 'us-east-1', 'kms', 'aws4_request'].reduce(hmac, Buffer.from(`AWS4${SECRET}`));
  expect(hmac(key, toSign).toString('hex')).toBe(signature);
});
