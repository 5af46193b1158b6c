import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { runScript } from './aws-command.ts';
import { emulate } from './emulation.ts';

let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kms-emulator-'));
  return () => rm(directory, { recursive: true });
});

const createKey = `
key=$(aws kms create-key --description 'files from third parties' --key-spec RSA_2048 --key-usage ENCRYPT_DECRYPT \\
  --query KeyMetadata.KeyId --output text)
aws kms create-alias --alias-name alias/inbound --target-key-id "$key"
`;

const givePublicKey = `
aws kms get-public-key --key-id alias/inbound --output text --query PublicKey | base64 -d > pubkey.der
openssl pkey -pubin -inform DER -in pubkey.der -out pubkey.pem
`;

const makeKeyFile = 'openssl rand -base64 32 > key.bin';

function unwrap(algorithm: string): string {
  return `
aws kms decrypt --key-id alias/inbound --ciphertext-blob fileb://key.bin.enc --encryption-algorithm ${algorithm} \\
  --query Plaintext --output text | base64 -d > key.bin.unwrapped
cmp key.bin key.bin.unwrapped
`;
}

describe('the article, step by step, with the real aws and openssl', () => {
  const wraps = [
    {
      algorithm: 'RSAES_OAEP_SHA_1',
      command: 'openssl rsautl -encrypt -oaep -pubin -inkey pubkey.pem -in key.bin -out key.bin.enc',
    },
    {
      algorithm: 'RSAES_OAEP_SHA_1',
      command:
        'openssl pkeyutl -encrypt -pubin -inkey pubkey.pem -pkeyopt rsa_padding_mode:oaep -in key.bin -out key.bin.enc',
    },
    {
      algorithm: 'RSAES_OAEP_SHA_256',
      command:
        'openssl pkeyutl -encrypt -pubin -inkey pubkey.pem -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -in key.bin -out key.bin.enc',
    },
  ];
  test.each(wraps)('$algorithm opens what this wrapped: $command', async ({ algorithm, command }) => {
    const { kms } = await emulate();
    const script = [createKey, givePublicKey, makeKeyFile, command, unwrap(algorithm)].join('\n');
    const { status, stderr } = await runScript(kms, directory, script);
    expect(stderr.replace(/^The command rsautl was deprecated.*\n/m, '')).toBe('');
    expect(status).toBe(0);
    const unwrapped = await readFile(join(directory, 'key.bin.unwrapped'), 'utf8');
    expect(unwrapped).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
  });

  test('openssl rsa reads the public key too', async () => {
    const { kms } = await emulate();
    const { publicKey } = kms.createKey({ alias: 'inbound' });
    const convert = 'openssl rsa -pubin -inform DER -in pubkey.der -outform PEM -out pubkey.pem 2>/dev/null';
    expect(await runScript(kms, directory, givePublicKey + convert)).toMatchObject({ status: 0 });
    const pem = await readFile(join(directory, 'pubkey.pem'), 'utf8');
    expect(pem).toBe(publicKey.export({ type: 'spki', format: 'pem' }));
  });

  test('aws kms encrypt wraps too', async () => {
    const { kms } = await emulate();
    const wrap = `aws kms encrypt --key-id alias/inbound --plaintext fileb://key.bin \\
      --encryption-algorithm RSAES_OAEP_SHA_256 --query CiphertextBlob --output text | base64 -d > key.bin.enc`;
    const script = [createKey, makeKeyFile, wrap, unwrap('RSAES_OAEP_SHA_256')].join('\n');
    expect(await runScript(kms, directory, script)).toMatchObject({ status: 0, stderr: '' });
  });
});

test('aws lists and describes keys and aliases', async () => {
  const { kms } = await emulate({ region: 'eu-central-1' });
  const { keyId, arn } = kms.createKey({ alias: 'inbound' });
  const script = `
aws kms list-keys --query 'Keys[].KeyArn' --output text
aws kms list-aliases --query 'Aliases[].[AliasName,TargetKeyId]' --output text
aws kms describe-key --key-id alias/inbound --query 'KeyMetadata.[KeyState,KeySpec]' --output text
aws kms schedule-key-deletion --key-id '${keyId}' --pending-window-in-days 7 --query KeyState --output text
aws kms cancel-key-deletion --key-id '${keyId}' --query KeyId --output text
aws kms enable-key --key-id '${keyId}'
aws kms describe-key --key-id '${arn}' --query KeyMetadata.Enabled --output text
`;
  const { stdout, stderr } = await runScript(kms, directory, script);
  expect(stderr).toBe('');
  expect(stdout.split('\n')).toEqual([
    arn,
    `alias/inbound\t${keyId}`,
    'Enabled\tRSA_2048',
    'PendingDeletion',
    arn,
    'True',
    '',
  ]);
});

describe('errors as aws prints them', () => {
  const wrap = `${makeKeyFile}
openssl pkeyutl -encrypt -pubin -inkey pubkey.pem -pkeyopt rsa_padding_mode:oaep -in key.bin -out key.bin.enc`;
  const decrypt = (keyId: string, algorithm = 'RSAES_OAEP_SHA_1') =>
    `aws kms decrypt --key-id ${keyId} --ciphertext-blob fileb://key.bin.enc --encryption-algorithm ${algorithm}`;

  test.each([
    {
      title: 'a disabled key',
      fails: `aws kms disable-key --key-id "$KEY_ID"\n${decrypt('alias/inbound')}`,
      says: '(DisabledException) when calling the Decrypt operation: $ARN is disabled.',
    },
    {
      title: 'a key that waits for deletion',
      fails: `aws kms schedule-key-deletion --key-id "$KEY_ID" > deletion.json\n${decrypt('alias/inbound')}`,
      says: '(KMSInvalidStateException) when calling the Decrypt operation: $ARN is pending deletion.',
    },
    {
      title: 'an unknown alias',
      fails: decrypt('alias/outbound'),
      says: '(NotFoundException) when calling the Decrypt operation: Alias arn:aws:kms:us-east-1:111122223333:alias/outbound is not found.',
    },
    {
      title: "another region's key",
      fails: decrypt('arn:aws:kms:eu-west-1:111122223333:alias/inbound'),
      says: '(NotFoundException) when calling the Decrypt operation: Invalid arn eu-west-1',
    },
    {
      title: 'the wrong hash',
      fails: decrypt('alias/inbound', 'RSAES_OAEP_SHA_256'),
      says: '(InvalidCiphertextException) when calling the Decrypt operation:',
    },
    {
      title: 'the algorithm of symmetric keys',
      fails: decrypt('alias/inbound', 'SYMMETRIC_DEFAULT'),
      says: '(InvalidKeyUsageException) when calling the Decrypt operation: Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.',
    },
    {
      title: 'the wrong region',
      fails: decrypt('alias/inbound --region eu-west-1'),
      says: "(InvalidSignatureException) when calling the Decrypt operation: Credential should be scoped to a valid region, not 'eu-west-1'.",
    },
  ])('$title', async ({ fails, says }) => {
    const { kms } = await emulate();
    const { keyId, arn, publicKey } = kms.createKey({ alias: 'inbound' });
    await writeFile(join(directory, 'pubkey.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
    const { status, stdout, stderr } = await runScript(kms, directory, `KEY_ID=${keyId}\n${wrap}\n${fails}`);
    expect(stderr.trim()).toBe(`An error occurred ${says.replace('$ARN', arn)}`);
    expect(stdout).toBe('');
    expect(status).not.toBe(0);
  });

  test('no credentials: aws does not even ask', async () => {
    const { kms } = await emulate();
    const script = 'unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY\naws kms list-keys';
    const { status, stderr } = await runScript(kms, directory, script);
    expect(stderr).toContain('Unable to locate credentials');
    expect(status).not.toBe(0);
    expect(kms.requests).toEqual([]);
  });

  test('unsigned requests: aws says that the token is missing', async () => {
    const { kms } = await emulate();
    const { stderr } = await runScript(kms, directory, 'aws --no-sign-request kms list-keys');
    expect(stderr).toContain('(MissingAuthenticationTokenException) when calling the ListKeys operation');
  });
});

test('aws retries through throttling', async () => {
  const { kms } = await emulate();
  kms.inject({ error: { type: 'ThrottlingException' }, times: 1 });
  const { stdout } = await runScript(kms, directory, "aws kms list-keys --query 'length(Keys)'");
  expect(stdout).toBe('0\n');
  expect(kms.requests).toHaveLength(2);
});
