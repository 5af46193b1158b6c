import { createPublicKey, generateKeyPairSync, publicEncrypt, constants, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GetPublicKeyCommand,
} from '@aws-sdk/client-kms';
import type { EncryptionAlgorithmSpec } from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { emulate } from '../emulation.ts';

const secret = Buffer.from('a passphrase of a sender\n');

function wrap(key: KeyObject, oaepHash: string): Uint8Array {
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, secret);
}

const sizes = [
  { keySpec: 'RSA_2048', sha1: 214, sha256: 190 },
  { keySpec: 'RSA_3072', sha1: 342, sha256: 318 },
  { keySpec: 'RSA_4096', sha1: 470, sha256: 446 },
] as const;

const algorithms = [
  { EncryptionAlgorithm: 'RSAES_OAEP_SHA_1', oaepHash: 'sha1' },
  { EncryptionAlgorithm: 'RSAES_OAEP_SHA_256', oaepHash: 'sha256' },
] as const;

describe.each(sizes)('$keySpec', (size) => {
  test.each(algorithms)(
    'opens with $EncryptionAlgorithm what was wrapped under its public key',
    async ({ EncryptionAlgorithm, oaepHash }) => {
      const { kms, client } = await emulate();
      const { arn, keyId } = kms.createKey({ keySpec: size.keySpec });
      const { PublicKey, KeySpec } = await client.send(new GetPublicKeyCommand({ KeyId: keyId }));
      const der = createPublicKey({ key: Buffer.from(PublicKey ?? []), type: 'spki', format: 'der' });
      const CiphertextBlob = wrap(der, oaepHash);
      const answer = await client.send(new DecryptCommand({ KeyId: keyId, CiphertextBlob, EncryptionAlgorithm }));
      expect(Buffer.from(answer.Plaintext ?? [])).toEqual(secret);
      expect(answer).toMatchObject({ KeyId: arn, EncryptionAlgorithm });
      expect(KeySpec).toBe(size.keySpec);
    },
  );

  test.each(algorithms)(
    'encrypts with $EncryptionAlgorithm as many bytes as OAEP leaves, and not one more',
    async ({ EncryptionAlgorithm, oaepHash }) => {
      const { kms, client } = await emulate();
      const { keyId: KeyId } = kms.createKey({ keySpec: size.keySpec });
      const Plaintext = randomBytes(size[oaepHash]);
      const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext, EncryptionAlgorithm }));
      const answer = await client.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm }));
      expect(Buffer.from(answer.Plaintext ?? [])).toEqual(Plaintext);
      const tooLong = { KeyId, Plaintext: Buffer.alloc(size[oaepHash] + 1), EncryptionAlgorithm };
      await expect(client.send(new EncryptCommand(tooLong))).rejects.toMatchObject({
        name: 'ValidationException',
        message: `Algorithm ${EncryptionAlgorithm} and key spec ${size.keySpec} cannot encrypt data larger than ${size[oaepHash]} bytes.`,
      });
    },
  );
});

test('the public key comes with what it is for', async () => {
  const { kms, client } = await emulate();
  const { arn, publicKey } = kms.createKey({ alias: 'inbound' });
  const answer = await client.send(new GetPublicKeyCommand({ KeyId: 'alias/inbound' }));
  expect(Buffer.from(answer.PublicKey ?? [])).toEqual(publicKey.export({ type: 'spki', format: 'der' }));
  expect(answer).toMatchObject({
    KeyId: arn,
    KeySpec: 'RSA_2048',
    KeyUsage: 'ENCRYPT_DECRYPT',
    EncryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'],
  });
  expect(answer).not.toHaveProperty('SigningAlgorithms');
});

describe('InvalidCiphertextException', () => {
  const cases: readonly { title: string; change: (blob: Buffer) => Buffer; algorithm?: EncryptionAlgorithmSpec }[] = [
    { title: 'the other hash', change: (blob) => blob, algorithm: 'RSAES_OAEP_SHA_1' },
    { title: 'a cut blob', change: (blob) => blob.subarray(1) },
    { title: 'a longer blob', change: (blob) => Buffer.concat([blob, Buffer.alloc(1)]) },
    { title: 'a damaged blob', change: (blob) => Buffer.from(blob).fill(blob.readUInt8(40) ^ 1, 40, 41) },
    { title: 'a blob of 6144 bytes', change: () => Buffer.alloc(6144) },
  ];
  test.each(cases)('$title is refused, without a word', async ({ change, algorithm }) => {
    const { kms, client } = await emulate();
    const { keyId: KeyId, publicKey } = kms.createKey();
    const CiphertextBlob = change(Buffer.from(wrap(publicKey, 'sha256')));
    const EncryptionAlgorithm = algorithm ?? 'RSAES_OAEP_SHA_256';
    const sent = client.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm }));
    await expect(sent).rejects.toMatchObject({
      name: 'InvalidCiphertextException',
      $metadata: { httpStatusCode: 400 },
    });
  });

  test("another key's blob is refused", async () => {
    const { kms, client } = await emulate();
    const { keyId: KeyId } = kms.createKey();
    const CiphertextBlob = wrap(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey, 'sha1');
    const sent = client.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' }));
    await expect(sent).rejects.toThrow(expect.objectContaining({ name: 'InvalidCiphertextException' }));
  });

  test('a blob without metadata is refused when no key is named', async () => {
    const { client } = await emulate();
    const sent = client.send(new DecryptCommand({ CiphertextBlob: Buffer.alloc(256) }));
    await expect(sent).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
  });
});

describe('InvalidKeyUsageException', () => {
  const decrypt = { CiphertextBlob: Buffer.alloc(256), EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' } as const;

  test('a key for signatures does not decrypt, and says what it is for', async () => {
    const { client } = await emulate();
    const { KeyMetadata } = await client.send(new CreateKeyCommand({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }));
    const KeyId = KeyMetadata?.KeyId;
    await expect(client.send(new DecryptCommand({ KeyId, ...decrypt }))).rejects.toMatchObject({
      name: 'InvalidKeyUsageException',
      message: `${KeyMetadata?.Arn} key usage is SIGN_VERIFY which is not valid for Decrypt.`,
    });
    const answer = await client.send(new GetPublicKeyCommand({ KeyId }));
    expect(answer.SigningAlgorithms).toContain('RSASSA_PSS_SHA_256');
    expect(answer).not.toHaveProperty('EncryptionAlgorithms');
  });

  test('a symmetric key does not decrypt with OAEP, and has no public key', async () => {
    const { client } = await emulate();
    const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
    const KeyId = KeyMetadata?.KeyId;
    await expect(client.send(new DecryptCommand({ KeyId, ...decrypt }))).rejects.toMatchObject({
      name: 'InvalidKeyUsageException',
      message: 'Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.',
    });
    await expect(client.send(new GetPublicKeyCommand({ KeyId }))).rejects.toMatchObject({
      name: 'UnsupportedOperationException',
    });
    await expect(client.send(new DecryptCommand({ KeyId, CiphertextBlob: Buffer.alloc(256) }))).rejects.toMatchObject({
      name: 'UnsupportedOperationException',
    });
  });

  test('an RSA key does not decrypt without an algorithm', async () => {
    const { kms, client } = await emulate();
    const { keyId: KeyId } = kms.createKey();
    const sent = client.send(new DecryptCommand({ KeyId, CiphertextBlob: Buffer.alloc(256) }));
    await expect(sent).rejects.toMatchObject({
      name: 'InvalidKeyUsageException',
      message: 'Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.',
    });
  });
});

test.each([
  { state: 'Disabled', name: 'DisabledException', says: 'is disabled.' },
  { state: 'PendingDeletion', name: 'KMSInvalidStateException', says: 'is pending deletion.' },
  { state: 'Unavailable', name: 'KMSInvalidStateException', says: 'is unavailable.' },
  { state: 'Creating', name: 'KMSInvalidStateException', says: 'is creating.' },
] as const)('a key in state $state refuses all but DescribeKey', async ({ state, name, says }) => {
  const { kms, client } = await emulate();
  const { keyId: KeyId, arn, publicKey } = kms.createKey();
  const CiphertextBlob = wrap(publicKey, 'sha256');
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256';
  kms.setKeyState(KeyId, state);
  const refusal = { name, message: `${arn} ${says}`, $metadata: { httpStatusCode: 400 } };
  await expect(client.send(new GetPublicKeyCommand({ KeyId }))).rejects.toMatchObject(refusal);
  const encrypt = new EncryptCommand({ KeyId, Plaintext: secret, EncryptionAlgorithm });
  await expect(client.send(encrypt)).rejects.toMatchObject(refusal);
  const decrypt = new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm });
  await expect(client.send(decrypt)).rejects.toMatchObject(refusal);
  const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
  expect(KeyMetadata).toMatchObject({ KeyState: state, Enabled: false });
  kms.setKeyState(KeyId, 'Enabled');
  const answer = await client.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm }));
  expect(Buffer.from(answer.Plaintext ?? [])).toEqual(secret);
});

describe('limits of KMS’s model', () => {
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256';
  test.each([
    { member: 'ciphertextBlob', length: 0, bound: 'greater than or equal to 1' },
    { member: 'ciphertextBlob', length: 6145, bound: 'less than or equal to 6144' },
  ])('$length bytes of ciphertext are $bound: refused', async ({ member, length, bound }) => {
    const { kms, client } = await emulate();
    const { keyId: KeyId } = kms.createKey();
    const CiphertextBlob = Buffer.alloc(length);
    await expect(client.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm }))).rejects.toMatchObject(
      {
        name: 'ValidationException',
        message: `1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must have length ${bound}`,
      },
    );
  });

  test.each([0, 4097])('a plaintext of %i bytes is refused', async (length) => {
    const { kms, client } = await emulate();
    const { keyId: KeyId } = kms.createKey();
    const sent = client.send(new EncryptCommand({ KeyId, Plaintext: Buffer.alloc(length), EncryptionAlgorithm }));
    await expect(sent).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining("at 'plaintext'") as string,
    });
  });

  test('an algorithm that KMS does not have is refused', async () => {
    const { kms, client } = await emulate();
    const { keyId: KeyId } = kms.createKey();
    const wrong = 'RSAES_OAEP_SHA_512' as EncryptionAlgorithmSpec;
    const request = new DecryptCommand({ KeyId, CiphertextBlob: Buffer.alloc(256), EncryptionAlgorithm: wrong });
    await expect(client.send(request)).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining("'RSAES_OAEP_SHA_512' at 'encryptionAlgorithm'") as string,
    });
  });

  test('an encryption context is only for symmetric keys', async () => {
    const { kms, client } = await emulate();
    const { keyId: KeyId } = kms.createKey();
    const request = { KeyId, Plaintext: secret, EncryptionAlgorithm, EncryptionContext: { a: 'b' } } as const;
    await expect(client.send(new EncryptCommand(request))).rejects.toMatchObject({ name: 'ValidationException' });
  });
});

test('a dry run fails with DryRunOperationException exactly when the request would succeed', async () => {
  const { kms, client } = await emulate();
  const { keyId: KeyId, publicKey } = kms.createKey();
  const CiphertextBlob = wrap(publicKey, 'sha256');
  const request = { KeyId, CiphertextBlob, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256', DryRun: true } as const;
  await expect(client.send(new DecryptCommand(request))).rejects.toMatchObject({ name: 'DryRunOperationException' });
  kms.setKeyState(KeyId, 'Disabled');
  await expect(client.send(new DecryptCommand(request))).rejects.toMatchObject({ name: 'DisabledException' });
});
