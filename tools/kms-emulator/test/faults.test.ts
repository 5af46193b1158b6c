import { DescribeKeyCommand, GetPublicKeyCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startKmsEmulator } from '../src/index.ts';
import { clientFor, emulate } from './emulation.ts';

const DEADLINE = { timeout: 60_000 };
/** Milliseconds that no test lives to see the end of. */
const LONG = 10_000_000;

const list = () => new ListKeysCommand({});

/** What a promise ends in, be it an error; taken at once, so that no rejection is ever unhandled. */
function settled(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}

test.each([
  { type: 'ThrottlingException', status: 400, message: /^You have exceeded the rate/ },
  { type: 'KMSInternalException', status: 500, message: /./ },
  { type: 'KeyUnavailableException', status: 500, message: /./ },
  { type: 'DependencyTimeoutException', status: 503, message: /./ },
  { type: 'ExpiredTokenException', status: 400, message: /expired/ },
  { type: 'AccessDeniedException', status: 400, message: /not allowed/ },
  { type: 'LimitExceededException', status: 400, message: /./ },
])('$type comes with status $status', async ({ type, status, message }) => {
  const { kms, client } = await emulate();
  kms.inject({ error: { type } });
  await expect(client.send(list())).rejects.toMatchObject({
    name: type,
    message: expect.stringMatching(message) as string,
    $metadata: { httpStatusCode: status },
  });
});

test('an error may say and be anything', async () => {
  const { kms, client } = await emulate();
  kms.inject({ error: { type: 'NewException', message: 'of tomorrow', status: 418 } });
  await expect(client.send(list())).rejects.toMatchObject({
    name: 'NewException',
    message: 'of tomorrow',
    $metadata: { httpStatusCode: 418 },
  });
});

test('a fault without a number lasts until it is cleared', async () => {
  const { kms, client } = await emulate();
  kms.inject({ error: { type: 'AccessDeniedException' } });
  await expect(client.send(list())).rejects.toMatchObject({ name: 'AccessDeniedException' });
  await expect(client.send(list())).rejects.toMatchObject({ name: 'AccessDeniedException' });
  kms.clearFaults();
  await expect(client.send(list())).resolves.toMatchObject({ Keys: [] });
});

test('a fault of one operation leaves the others alone', async () => {
  const { kms, client } = await emulate();
  const { keyId: KeyId } = kms.createKey();
  kms.inject({ operation: 'GetPublicKey', error: { type: 'AccessDeniedException' } });
  await expect(client.send(new DescribeKeyCommand({ KeyId }))).resolves.toMatchObject({ KeyMetadata: { KeyId } });
  await expect(client.send(new GetPublicKeyCommand({ KeyId }))).rejects.toMatchObject({
    name: 'AccessDeniedException',
  });
});

test('faults follow one another, and the SDK retries through them', async () => {
  const { kms } = await emulate();
  kms.inject({ error: { type: 'KMSInternalException' }, times: 1 });
  kms.inject({ connection: 'reset', times: 1 });
  const client = clientFor(kms, { maxAttempts: 3 });
  await expect(client.send(list())).resolves.toMatchObject({ Keys: [] });
  expect(kms.requests).toMatchObject([
    { operation: 'ListKeys', body: {}, attempt: 'attempt=1; max=3' },
    { operation: 'ListKeys', body: {}, attempt: 'attempt=2; max=3' },
    { operation: 'ListKeys', body: {}, attempt: 'attempt=3; max=3' },
  ]);
});

test('a reset cuts the connection', async () => {
  const { kms, client } = await emulate();
  kms.inject({ connection: 'reset', times: 1 });
  await expect(client.send(list())).rejects.toMatchObject({ code: 'ECONNRESET' });
  await expect(client.send(list())).resolves.toMatchObject({ Keys: [] });
});

test('a hanging request is never answered, and other requests are', async () => {
  const { kms, client } = await emulate();
  kms.inject({ connection: 'hang', times: 1 });
  const abort = new AbortController();
  const hanging = settled(client.send(list(), { abortSignal: abort.signal }));
  await vi.waitUntil(() => kms.requests.length === 1, DEADLINE);
  await expect(clientFor(kms).send(list())).resolves.toMatchObject({ Keys: [] });
  abort.abort();
  expect(await hanging).toMatchObject({ name: 'AbortError' });
});

test('a delayed request holds up no other', async () => {
  const { kms, client } = await emulate();
  kms.inject({ delay: LONG, times: 1 });
  const delayed = settled(client.send(list()));
  await vi.waitUntil(() => kms.requests.length === 1, DEADLINE);
  await expect(clientFor(kms).send(list())).resolves.toMatchObject({ Keys: [] });
  await kms.close();
  expect(await delayed).toMatchObject({ code: 'ECONNRESET' });
});

test('a delay may end in an error', async () => {
  const { kms, client } = await emulate();
  kms.inject({ delay: 1, error: { type: 'ThrottlingException' } });
  await expect(client.send(list())).rejects.toMatchObject({ name: 'ThrottlingException' });
});

describe('close', () => {
  test.each([{ connection: 'hang' as const }, { delay: LONG }])('does not wait for %o', async (fault) => {
    const kms = await startKmsEmulator();
    onTestFinished(() => kms.close());
    kms.inject(fault);
    const failure = settled(clientFor(kms).send(list()));
    await vi.waitUntil(() => kms.requests.length === 1, DEADLINE);
    await kms.close();
    expect(await failure).toMatchObject({ code: 'ECONNRESET' });
    await expect(clientFor(kms).send(list())).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
