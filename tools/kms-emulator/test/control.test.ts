import { GetPublicKeyCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import type { KmsEmulator } from '../src/index.ts';
import { emulate } from './emulation.ts';

async function ask(kms: KmsEmulator, path: string, init: RequestInit = {}): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${kms.endpoint}/_emulator/${path}`, init);
  return { status: response.status, body: await response.json() };
}

test('faults are injected, listed with what is left of them, and cleared from outside', async () => {
  const { kms, client } = await emulate();
  const fault = { operation: 'ListKeys', error: { type: 'ThrottlingException', status: 400 }, times: 2 };
  const posted = await ask(kms, 'faults', { method: 'POST', body: JSON.stringify(fault) });
  expect(posted).toEqual({ status: 200, body: { faults: [fault] } });
  await expect(client.send(new ListKeysCommand({}))).rejects.toMatchObject({ name: 'ThrottlingException' });
  expect(await ask(kms, 'faults')).toEqual({ status: 200, body: { faults: [{ ...fault, times: 1 }] } });
  expect(await ask(kms, 'faults', { method: 'DELETE' })).toEqual({ status: 200, body: { faults: [] } });
  await expect(client.send(new ListKeysCommand({}))).resolves.toMatchObject({ Keys: [] });
});

test('requests are listed, but not those to the emulator itself', async () => {
  const { kms, client } = await emulate();
  await expect(client.send(new GetPublicKeyCommand({ KeyId: 'alias/none' }))).rejects.toThrow('not found');
  await ask(kms, 'faults');
  const request = { operation: 'GetPublicKey', body: { KeyId: 'alias/none' }, attempt: 'attempt=1; max=1' };
  expect(await ask(kms, 'requests')).toEqual({ status: 200, body: { requests: [request] } });
  expect(kms.requests).toEqual([request]);
});

test.each([
  { body: '{', says: 'not JSON' },
  { body: '[]', says: 'a JSON object' },
  { body: '{"operations":"Decrypt"}', says: '"operations"' },
  { body: '{"error":{"message":"no type"}}', says: '"error"' },
  { body: '{"error":{"type":"E","status":200}}', says: '"error"' },
  { body: '{"delay":-1}', says: '"delay"' },
  { body: '{"times":1.5}', says: '"times"' },
  { body: '{"connection":"slow"}', says: '"connection"' },
  { body: '{"toString":"x"}', says: '"toString"' },
])('the fault $body is refused', async ({ body, says }) => {
  const { kms } = await emulate();
  const answer = await ask(kms, 'faults', { method: 'POST', body });
  expect(answer).toEqual({ status: 400, body: { error: expect.stringContaining(says) as string } });
  expect(await ask(kms, 'faults')).toMatchObject({ body: { faults: [] } });
});

test('a web page cannot inject faults', async () => {
  const { kms } = await emulate();
  const init = { method: 'POST', body: '{"connection":"hang"}', headers: { Origin: 'https://example.com' } };
  expect(await ask(kms, 'faults', init)).toMatchObject({ status: 403 });
  expect(await ask(kms, 'faults')).toMatchObject({ body: { faults: [] } });
});

test('another path names the ones there are', async () => {
  const { kms } = await emulate();
  expect(await ask(kms, 'keys')).toEqual({
    status: 404,
    body: { error: expect.stringContaining('/_emulator/faults') as string },
  });
});
