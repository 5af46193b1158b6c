import { KMSClient } from '@aws-sdk/client-kms';
import { onTestFinished } from 'vitest';
import { startKmsEmulator } from '../src/index.ts';
import type { KmsEmulator } from '../src/index.ts';

/** An emulator and the AWS SDK's client for it, both gone when the test ends. The client tries once. */
export async function emulate(
  options: { readonly region?: string } = {},
): Promise<{ readonly kms: KmsEmulator; readonly client: KMSClient }> {
  const kms = await startKmsEmulator(options);
  onTestFinished(() => kms.close());
  return { kms, client: clientFor(kms) };
}

export function clientFor(
  kms: KmsEmulator,
  options: { readonly region?: string; readonly maxAttempts?: number } = {},
): KMSClient {
  const client = new KMSClient({
    endpoint: kms.endpoint,
    region: options.region ?? kms.region,
    maxAttempts: options.maxAttempts ?? 1,
    credentials: { accessKeyId: 'emulator', secretAccessKey: 'emulator' },
  });
  onTestFinished(() => client.destroy());
  return client;
}

const AUTHORIZATION =
  'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=00';

/** A hand-made request, for what no SDK would send. A header that is undefined is left out. */
export async function post(
  kms: KmsEmulator,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string | undefined>> = {},
): Promise<{ readonly status: number; readonly body: unknown; readonly headers: Headers }> {
  const all = {
    'Content-Type': 'application/x-amz-json-1.1',
    'X-Amz-Target': 'TrentService.ListKeys',
    Authorization: AUTHORIZATION,
    ...headers,
  };
  const present = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const response = await fetch(`${kms.endpoint}/`, { method: 'POST', body, headers: present });
  return { status: response.status, body: await response.json(), headers: response.headers };
}
