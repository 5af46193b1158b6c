import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { Outbox } from '../../src/operations/outbox.ts';
import type { OutboxResult } from '../../src/operations/outbox-lane.ts';
import { parseWebhookUrl, webhookTarget, type WebhookOptions } from '../../src/operations/webhook.ts';
import { event, temporaryFolder } from './events.ts';

const FOREVER = new AbortController().signal;
const SECRET = 'a throwaway secret for tests';

interface Received {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Where a webhook goes: an HTTPS server with a certificate that openssl made, and a secret. */
async function receiver(respond: RequestListener = (_, response) => response.end('ok')) {
  const folder = temporaryFolder();
  const [key, authorityFile, secretFile] = ['key.pem', 'cert.pem', 'secret'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const words = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=localhost',
  ];
  execFileSync(
    'openssl',
    [...words, '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', authorityFile],
    { stdio: 'ignore' },
  );
  writeFileSync(secretFile, `${SECRET}\n`);
  const received: Received[] = [];
  const server: Server = createServer(
    { key: readFileSync(key), cert: readFileSync(authorityFile) },
    (request, response) => {
      void text(request).then(
        (body) => {
          received.push({ method: request.method, path: request.url, headers: request.headers, body });
          respond(request, response);
        },
        () => {},
      );
    },
  );
  server.on('tlsClientError', () => {});
  server.listen(0, 'localhost');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `https://localhost:${(server.address() as AddressInfo).port}/sealdrop?tenant=1`;
  const target = (options: Partial<WebhookOptions> = {}) =>
    webhookTarget({ name: 'webhook', url, secretFile, authorityFile, events: ['delivered'], ...options });
  return { url, folder, secretFile, received, target };
}

test('an event is posted as JSON, with a signature that openssl can check', async () => {
  const { target, received, folder } = await receiver();
  const sent = event({ plaintextName: 'naïve.csv' });
  const before = Math.floor(Date.now() / 1000);
  expect(await target().send(sent, FOREVER)).toEqual({ result: 'sent', detail: 'HTTP status 200: ok' });
  const [request] = received;
  expect(request).toMatchObject({
    method: 'POST',
    path: '/sealdrop?tenant=1',
    headers: { 'content-type': 'application/json' },
  });
  expect(JSON.parse(request?.body ?? '')).toEqual(sent);

  const [, time = '', digest = ''] =
    /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(request?.headers['sealdrop-signature'])) ?? [];
  expect(Number(time)).toBeGreaterThanOrEqual(before);
  expect(Number(time)).toBeLessThanOrEqual(Date.now() / 1000);
  const signed = join(folder, 'signed');
  writeFileSync(signed, `${time}.${request?.body}`);
  const openssl = execFileSync('openssl', ['dgst', '-sha256', '-hmac', SECRET, signed], { encoding: 'utf8' });
  expect(openssl.trim().endsWith(`= ${digest}`)).toBe(true);
});

test.each([
  [200, 'sent'],
  [204, 'sent'],
  [400, 'rejected'],
  [401, 'rejected'],
  [404, 'rejected'],
  [410, 'rejected'],
  [408, 'try-again'],
  [429, 'try-again'],
  [500, 'try-again'],
  [503, 'try-again'],
])('after status %i the event counts as %s', async (status, result) => {
  const { target } = await receiver((_, response) => response.writeHead(status).end());
  expect(await target().send(event(), FOREVER)).toEqual({ result, detail: `HTTP status ${status}` });
});

test('a redirect is not followed', async () => {
  const elsewhere = await receiver();
  const { target } = await receiver((_, response) => response.writeHead(307, { location: elsewhere.url }).end());
  expect((await target({ authorityFile: undefined }).send(event(), FOREVER)).result).toBe('try-again');
  expect(await target().send(event(), FOREVER)).toEqual({ result: 'rejected', detail: 'HTTP status 307' });
  expect(elsewhere.received).toEqual([]);
});

test('a certificate that nothing vouches for gets no event', async () => {
  const { target, received } = await receiver();
  const { result, detail } = await target({ authorityFile: undefined }).send(event(), FOREVER);
  expect(result).toBe('try-again');
  expect(detail).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
  expect(received).toEqual([]);
});

test('a certificate for another name gets no event', async () => {
  const { target, received, url } = await receiver();
  const { result, detail } = await target({ url: url.replace('localhost', '127.0.0.1') }).send(event(), FOREVER);
  expect(result).toBe('try-again');
  expect(detail).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID|ECONNREFUSED/);
  expect(received).toEqual([]);
});

test('a server that never answers is tried again after the time limit', async () => {
  const { target } = await receiver(() => {});
  expect(await target({ timeout: 300 }).send(event(), FOREVER)).toEqual({
    result: 'try-again',
    detail: 'no answer within 300 ms',
  });
});

test('a connection that is cut or refused is tried again', async () => {
  const { target } = await receiver((request) => request.socket.destroy());
  const cut = await target().send(event(), FOREVER);
  expect([cut.result, cut.detail]).toEqual(['try-again', expect.stringContaining('ECONNRESET')]);
  const refused = await target({ url: 'https://127.0.0.1:1/' }).send(event(), FOREVER);
  expect([refused.result, refused.detail]).toEqual(['try-again', expect.stringContaining('ECONNREFUSED')]);
});

test('of an endless answer only the start is read, and its status counts', async () => {
  const { target } = await receiver((_, response) => {
    const more = (): void => {
      while (response.write('z'.repeat(1000)));
      response.once('drain', more);
    };
    more();
  });
  const { result, detail } = await target().send(event(), FOREVER);
  expect(result).toBe('sent');
  expect(detail).toMatch(/^HTTP status 200: z+/);
  expect(detail.length).toBeLessThan(4200);
});

test('the secret is read anew for each request, and one that is no secret is never used', async () => {
  const { target, received, secretFile } = await receiver();
  const webhook = target();
  await webhook.send(event({ time: '2026-11-24T10:45:00.000Z' }), FOREVER);
  writeFileSync(secretFile, 'another throwaway secret');
  await webhook.send(event({ time: '2026-11-24T10:45:00.000Z' }), FOREVER);
  const digests = new Set(received.map(({ headers }) => String(headers['sealdrop-signature']).split('v1=')[1]));
  expect(digests.size).toBe(2);
  writeFileSync(secretFile, '\n');
  const { result, detail } = await webhook.send(event(), FOREVER);
  expect(result).toBe('try-again');
  expect(detail).toBe(`${secretFile}: its first line has fewer than 16 characters`);
  expect(received).toHaveLength(2);
});

test('a stopping daemon breaks off the request', async () => {
  const stopping = new AbortController();
  const { target } = await receiver(() => stopping.abort());
  expect((await target().send(event(), stopping.signal)).result).toBe('try-again');
});

test('plain http reaches a server on loopback', async () => {
  const bodies: string[] = [];
  const server = createHttpServer((request, response) => {
    void text(request).then((body) => {
      bodies.push(body);
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { target } = await receiver();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  expect((await target({ url }).send(event(), FOREVER)).result).toBe('sent');
  expect(bodies).toHaveLength(1);
});

test.each([
  ['http://example.com/', /unencrypted/],
  ['http://127.0.0.1.example.com/', /unencrypted/],
  ['http://0.0.0.0/', /unencrypted/],
  ['https://user:hunter2@example.com/', /user name or password/],
  ['ftp://example.com/', /not a webhook URL/],
  ['example.com', /not a webhook URL/],
])('%s is refused, without being repeated', (url, reason) => {
  expect(() => parseWebhookUrl(url)).toThrow(reason);
  expect(() => parseWebhookUrl(url)).toThrow(
    expect.objectContaining({ code: 'bad-configuration', hint: expect.any(String) }),
  );
  expect(() => parseWebhookUrl(url)).not.toThrow(/hunter2/);
});

test('through the outbox a webhook is told until its server is well', async () => {
  const answers = [503, 429, 200];
  const { target, received, folder } = await receiver((_, response) =>
    response.writeHead(answers.shift() ?? 500).end(),
  );
  const results: OutboxResult[] = [];
  const outbox = await Outbox.open({
    directory: join(folder, 'outbox'),
    targets: [target()],
    retryDelay: () => 1,
    giveUpAfter: 60_000,
    onResult: (result) => results.push(result),
  });
  await outbox.post(event());
  await expect.poll(() => results.map(({ result }) => result)).toEqual(['try-again', 'try-again', 'sent']);
  expect(new Set(received.map(({ body }) => body)).size).toBe(1);
  await outbox.close();
});
