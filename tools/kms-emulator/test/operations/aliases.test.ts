import {
  CreateAliasCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  ListAliasesCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { emulate } from '../emulation.ts';

test('an alias is made, listed, pointed at another key and deleted', async () => {
  const { kms, client } = await emulate();
  const [first, second] = [kms.createKey(), kms.createKey()];
  const AliasName = 'alias/inbound/2026';
  await client.send(new CreateAliasCommand({ AliasName, TargetKeyId: first.arn }));
  const { Aliases } = await client.send(new ListAliasesCommand({ KeyId: first.keyId }));
  const AliasArn = `arn:aws:kms:us-east-1:111122223333:${AliasName}`;
  expect(Aliases).toMatchObject([{ AliasName, AliasArn, TargetKeyId: first.keyId }]);
  await client.send(new UpdateAliasCommand({ AliasName, TargetKeyId: second.keyId }));
  const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: AliasName }));
  expect(KeyMetadata?.KeyId).toBe(second.keyId);
  expect((await client.send(new ListAliasesCommand({ KeyId: first.keyId }))).Aliases).toEqual([]);
  await client.send(new DeleteAliasCommand({ AliasName }));
  await expect(client.send(new DescribeKeyCommand({ KeyId: AliasName }))).rejects.toMatchObject({
    name: 'NotFoundException',
  });
});

test('an alias that exists is not made again', async () => {
  const { kms, client } = await emulate();
  const { keyId: TargetKeyId } = kms.createKey({ alias: 'alias/inbound' });
  const request = new CreateAliasCommand({ AliasName: 'alias/inbound', TargetKeyId });
  await expect(client.send(request)).rejects.toMatchObject({
    name: 'AlreadyExistsException',
    message: 'An alias with the name arn:aws:kms:us-east-1:111122223333:alias/inbound already exists',
  });
  expect(() => kms.createKey({ alias: 'inbound' })).toThrow('alias/inbound is in use');
});

test.each([
  { AliasName: 'inbound', name: 'ValidationException' },
  { AliasName: 'alias/with space', name: 'ValidationException' },
  { AliasName: 'alias/', name: 'ValidationException' },
  { AliasName: `alias/${'x'.repeat(251)}`, name: 'ValidationException' },
  { AliasName: 'alias/aws/mine', name: 'NotAuthorizedException' },
])('the alias name "$AliasName" is refused', async ({ AliasName, name }) => {
  const { kms, client } = await emulate();
  const request = new CreateAliasCommand({ AliasName, TargetKeyId: kms.createKey().keyId });
  await expect(client.send(request)).rejects.toMatchObject({ name });
});

test('an alias of an alias, of nothing, or of a key that waits for deletion is refused', async () => {
  const { kms, client } = await emulate();
  const { keyId } = kms.createKey({ alias: 'inbound' });
  const create = (TargetKeyId: string) => client.send(new CreateAliasCommand({ AliasName: 'alias/new', TargetKeyId }));
  await expect(create('alias/inbound')).rejects.toMatchObject({ name: 'ValidationException' });
  await expect(create('00000000-0000-4000-8000-000000000000')).rejects.toMatchObject({ name: 'NotFoundException' });
  kms.setKeyState(keyId, 'PendingDeletion');
  await expect(create(keyId)).rejects.toMatchObject({ name: 'KMSInvalidStateException' });
});

test('an alias that is not there is neither updated nor deleted', async () => {
  const { kms, client } = await emulate();
  const AliasName = 'alias/none';
  const update = new UpdateAliasCommand({ AliasName, TargetKeyId: kms.createKey().keyId });
  await expect(client.send(update)).rejects.toMatchObject({ name: 'NotFoundException' });
  await expect(client.send(new DeleteAliasCommand({ AliasName }))).rejects.toMatchObject({ name: 'NotFoundException' });
});
