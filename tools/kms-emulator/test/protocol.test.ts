import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { GetPublicKeyCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import { describe, expect, onTestFinished, test } from 'vitest';
import { clientFor, emulate, post } from './emulation.ts';

const MEBIBYTE = 1024 * 1024;

test('an answer is AWS JSON 1.1 with a request id of its own', async () => {
  const { kms } = await emulate();
  const [first, second] = [await post(kms, '{}'), await post(kms, '{}')];
  expect(first).toMatchObject({ status: 200, body: { Keys: [], Truncated: false } });
  expect(first.headers.get('content-type')).toBe('application/x-amz-json-1.1');
  expect(first.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
  expect(second.headers.get('x-amzn-requestid')).not.toBe(first.headers.get('x-amzn-requestid'));
});

test('an error is HTTP 400 with its name in __type', async () => {
  const { kms } = await emulate();
  const answer = await post(kms, '{"KeyId":"alias/none"}', { 'X-Amz-Target': 'TrentService.GetPublicKey' });
  expect(answer).toMatchObject({
    status: 400,
    body: {
      __type: 'NotFoundException',
      message: 'Alias arn:aws:kms:us-east-1:111122223333:alias/none is not found.',
    },
  });
});

test('InvalidCiphertextException has no message at all', async () => {
  const { kms } = await emulate();
  const answer = await post(kms, '{"CiphertextBlob":"AAAA"}', { 'X-Amz-Target': 'TrentService.Decrypt' });
  expect(answer).toMatchObject({ status: 400, body: { __type: 'InvalidCiphertextException' } });
  expect(answer.body).not.toHaveProperty('message');
});

describe('a request that no SDK sends', () => {
  const decrypt = { 'X-Amz-Target': 'TrentService.Decrypt' };
  const target = (value: string | undefined) => ({ 'X-Amz-Target': value });
  test.each([
    { title: 'no JSON', body: '{"KeyId":', headers: decrypt, type: 'SerializationException' },
    { title: 'no body', body: '', headers: decrypt, type: 'SerializationException' },
    { title: 'a list', body: '[]', headers: decrypt, type: 'SerializationException' },
    { title: 'null', body: 'null', headers: decrypt, type: 'SerializationException' },
    { title: 'no UTF-8', body: new Uint8Array([0x22, 0xff, 0x22]), headers: decrypt, type: 'SerializationException' },
    { title: 'a number as blob', body: '{"CiphertextBlob":1}', headers: decrypt, type: 'SerializationException' },
    { title: 'no base64', body: '{"CiphertextBlob":"@"}', headers: decrypt, type: 'SerializationException' },
    { title: 'no members', body: '{}', headers: decrypt, type: 'ValidationException' },
    { title: 'members of the prototype', body: '{"__proto__":{}}', headers: decrypt, type: 'ValidationException' },
    { title: 'no target', body: '{}', headers: target(undefined), type: 'UnknownOperationException' },
    {
      title: 'a strange target',
      body: '{}',
      headers: target('TrentService.toString'),
      type: 'UnknownOperationException',
    },
    { title: 'another service', body: '{}', headers: target('DynamoDB.ListTables'), type: 'UnknownOperationException' },
  ])('$title is answered with $type', async ({ body, headers, type }) => {
    const { kms, client } = await emulate();
    expect(await post(kms, body, headers)).toMatchObject({ status: 400, body: { __type: type } });
    await expect(client.send(new ListKeysCommand({}))).resolves.toMatchObject({ Keys: [] });
  });

  test('a body of more than 1 MiB is refused before it is read', async () => {
    const { kms } = await emulate();
    const answer = await post(kms, 'x'.repeat(MEBIBYTE + 1));
    expect(answer).toMatchObject({ status: 413, body: { __type: 'RequestEntityTooLargeException' } });
    expect(kms.requests).toEqual([]);
    expect(await post(kms, `{"Marker":"${'x'.repeat(MEBIBYTE - 100)}"}`)).toMatchObject({
      status: 400,
      body: { __type: 'ValidationException' },
    });
  });

  test('GET is answered', async () => {
    const { kms } = await emulate();
    const response = await fetch(`${kms.endpoint}/`);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      __type: 'MissingAuthenticationTokenException',
      message: 'Missing Authentication Token',
    });
  });

  test('what is no HTTP closes its own connection only', async () => {
    const { kms, client } = await emulate();
    const socket = connect(Number(new URL(kms.endpoint).port), '127.0.0.1');
    socket.resume().write('\u0000\u0001 hello\r\n\r\n');
    await once(socket, 'close');
    await expect(client.send(new ListKeysCommand({}))).resolves.toMatchObject({ Keys: [] });
  });

  test('a client that goes away in the middle of its body harms nobody', async () => {
    const { kms, client } = await emulate();
    const socket = connect(Number(new URL(kms.endpoint).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.end('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"Key');
    socket.resume();
    await once(socket, 'close');
    await expect(client.send(new ListKeysCommand({}))).resolves.toMatchObject({ Keys: [] });
    expect(kms.requests).toHaveLength(1);
  });
});

describe('the credential scope', () => {
  test('is asked for', async () => {
    const { kms } = await emulate();
    expect(await post(kms, '{}', { Authorization: undefined })).toMatchObject({
      status: 400,
      body: { __type: 'MissingAuthenticationTokenException', message: 'Missing Authentication Token' },
    });
    expect(await post(kms, '{}', { Authorization: 'Basic dTpw' })).toMatchObject({
      status: 400,
      body: { __type: 'IncompleteSignatureException' },
    });
  });

  test('must name the region', async () => {
    const { kms } = await emulate();
    const client = clientFor(kms, { region: 'eu-west-1' });
    await expect(client.send(new GetPublicKeyCommand({ KeyId: 'alias/inbound' }))).rejects.toMatchObject({
      name: 'InvalidSignatureException',
      message: "Credential should be scoped to a valid region, not 'eu-west-1'. ",
    });
  });

  test('must name the service', async () => {
    const { kms } = await emulate();
    const Authorization =
      'AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0';
    expect(await post(kms, '{}', { Authorization })).toMatchObject({
      status: 400,
      body: { __type: 'InvalidSignatureException' },
    });
  });
});

test('one connection carries many requests, also after an error', async () => {
  const { kms } = await emulate();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const sockets = new Set<Socket>();
  const exchange = async (body: string) => {
    const request = httpRequest(kms.endpoint, { agent, method: 'POST' });
    request.on('socket', (socket) => sockets.add(socket));
    request.end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await once(response.resume(), 'end');
  };
  for (const body of ['{}', '{', '']) await exchange(body);
  expect(sockets.size).toBe(1);
  expect(kms.requests).toHaveLength(3);
});
