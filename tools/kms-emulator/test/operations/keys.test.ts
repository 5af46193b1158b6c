import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GetPublicKeyCommand,
  ListKeysCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { emulate } from '../emulation.ts';

const UNKNOWN = '00000000-0000-4000-8000-000000000000';
const DAY = 24 * 60 * 60 * 1000;

test('a new RSA key is described as KMS describes it', async () => {
  const { client } = await emulate({ region: 'eu-central-1' });
  const { KeyMetadata: created } = await client.send(
    new CreateKeyCommand({ KeySpec: 'RSA_3072', KeyUsage: 'ENCRYPT_DECRYPT', Description: 'for senders' }),
  );
  const { KeyMetadata: described } = await client.send(new DescribeKeyCommand({ KeyId: created?.KeyId }));
  expect(described).toEqual(created);
  expect(described).toMatchObject({
    AWSAccountId: '111122223333',
    Arn: `arn:aws:kms:eu-central-1:111122223333:key/${created?.KeyId}`,
    CreationDate: expect.any(Date) as Date,
    Description: 'for senders',
    Enabled: true,
    EncryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'],
    KeyManager: 'CUSTOMER',
    KeySpec: 'RSA_3072',
    KeyState: 'Enabled',
    KeyUsage: 'ENCRYPT_DECRYPT',
    Origin: 'AWS_KMS',
  });
});

test('the older name of KeySpec still works', async () => {
  const { client } = await emulate();
  const request = { CustomerMasterKeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' } as const;
  const { KeyMetadata } = await client.send(new CreateKeyCommand(request));
  expect(KeyMetadata?.KeySpec).toBe('RSA_2048');
});

test('an RSA key without a usage, and a symmetric key for signatures, are refused', async () => {
  const { client } = await emulate();
  for (const request of [{ KeySpec: 'RSA_2048' }, { KeyUsage: 'SIGN_VERIFY' }] as const) {
    await expect(client.send(new CreateKeyCommand(request))).rejects.toMatchObject({ name: 'ValidationException' });
  }
});

test('a key spec that is not emulated is refused by name', async () => {
  const { client } = await emulate();
  const request = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' } as const;
  await expect(client.send(new CreateKeyCommand(request))).rejects.toMatchObject({
    name: 'ValidationException',
    message: expect.stringContaining("'ECC_NIST_P256' at 'keySpec'") as string,
  });
});

test('ListKeys gives every key once, page by page', async () => {
  const { kms, client } = await emulate();
  const made = [kms.createKey(), kms.createKey(), kms.createKey()].map(({ keyId, arn }) => ({
    KeyId: keyId,
    KeyArn: arn,
  }));
  const first = await client.send(new ListKeysCommand({ Limit: 2 }));
  expect(first).toMatchObject({ Keys: made.slice(0, 2), Truncated: true });
  const second = await client.send(new ListKeysCommand({ Limit: 2, Marker: first.NextMarker }));
  expect(second).toMatchObject({ Keys: made.slice(2), Truncated: false });
});

test('a key is disabled and enabled', async () => {
  const { kms, client } = await emulate();
  const { keyId: KeyId } = kms.createKey();
  await client.send(new DisableKeyCommand({ KeyId }));
  await expect(client.send(new GetPublicKeyCommand({ KeyId }))).rejects.toMatchObject({ name: 'DisabledException' });
  await client.send(new EnableKeyCommand({ KeyId }));
  await expect(client.send(new GetPublicKeyCommand({ KeyId }))).resolves.toMatchObject({ KeySpec: 'RSA_2048' });
});

test('a key scheduled for deletion stays so until that is cancelled, and is disabled then', async () => {
  const { kms, client } = await emulate();
  const { keyId: KeyId, arn } = kms.createKey();
  const before = Date.now();
  const scheduled = await client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
  expect(scheduled).toMatchObject({ KeyId: arn, KeyState: 'PendingDeletion', PendingWindowInDays: 7 });
  expect(scheduled.DeletionDate?.getTime()).toBeGreaterThanOrEqual(before + 7 * DAY);
  await expect(client.send(new EnableKeyCommand({ KeyId }))).rejects.toMatchObject({
    name: 'KMSInvalidStateException',
    message: `${arn} is pending deletion.`,
  });
  await client.send(new CancelKeyDeletionCommand({ KeyId }));
  const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
  expect(KeyMetadata).toMatchObject({ KeyState: 'Disabled' });
  expect(KeyMetadata).not.toHaveProperty('DeletionDate');
  await expect(client.send(new CancelKeyDeletionCommand({ KeyId }))).rejects.toMatchObject({
    name: 'KMSInvalidStateException',
  });
});

test('a deletion in less than 7 days is refused', async () => {
  const { kms, client } = await emulate();
  const request = { KeyId: kms.createKey().keyId, PendingWindowInDays: 6 };
  await expect(client.send(new ScheduleKeyDeletionCommand(request))).rejects.toMatchObject({
    name: 'ValidationException',
  });
});

describe('KeyId', () => {
  test('may be an id, a key ARN, an alias or an alias ARN; the answer has the key ARN', async () => {
    const { kms, client } = await emulate();
    const { keyId, arn } = kms.createKey({ alias: 'inbound' });
    const aliasArn = 'arn:aws:kms:us-east-1:111122223333:alias/inbound';
    for (const KeyId of [keyId, arn, 'alias/inbound', aliasArn]) {
      await expect(client.send(new GetPublicKeyCommand({ KeyId }))).resolves.toMatchObject({ KeyId: arn });
    }
  });

  test.each([
    { KeyId: UNKNOWN, message: `Key 'arn:aws:kms:us-east-1:111122223333:key/${UNKNOWN}' does not exist` },
    { KeyId: 'alias/none', message: 'Alias arn:aws:kms:us-east-1:111122223333:alias/none is not found.' },
    { KeyId: 'inbound', message: "Invalid keyId 'inbound'" },
    { KeyId: 'arn:aws:s3:::bucket', message: 'Invalid arn arn:aws:s3:::bucket' },
    { KeyId: `arn:aws:kms:eu-west-1:111122223333:key/${UNKNOWN}`, message: 'Invalid arn eu-west-1' },
    { KeyId: 'arn:aws:kms:eu-west-1:111122223333:alias/inbound', message: 'Invalid arn eu-west-1' },
  ])('$KeyId is not found', async ({ KeyId, message }) => {
    const { kms, client } = await emulate();
    kms.createKey({ alias: 'inbound' });
    await expect(client.send(new DescribeKeyCommand({ KeyId }))).rejects.toMatchObject({
      name: 'NotFoundException',
      message,
      $metadata: { httpStatusCode: 400 },
    });
  });

  test("another account's key is denied, with a Message", async () => {
    const { client } = await emulate();
    const KeyId = `arn:aws:kms:us-east-1:444455556666:key/${UNKNOWN}`;
    await expect(client.send(new DescribeKeyCommand({ KeyId }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining('does not exist in this region') as string,
    });
  });

  test('longer than 2048 characters, or absent, it is refused', async () => {
    const { client } = await emulate();
    for (const KeyId of ['x'.repeat(2049), '', undefined]) {
      await expect(client.send(new DescribeKeyCommand({ KeyId }))).rejects.toMatchObject({
        name: 'ValidationException',
        message: expect.stringContaining("at 'keyId'") as string,
      });
    }
  });
});
