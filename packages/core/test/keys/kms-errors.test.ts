import { startKmsEmulator, type KmsEmulator } from '@sealdrop/kms-emulator';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SealdropError } from '../../src/errors.ts';
import type { KeyProvider } from '../../src/keys/key-provider.ts';
import { oaepWith } from '../../src/keys/oaep-parameters.ts';
import { openKey } from '../../src/keys/open-key.ts';
import { stubAwsEnvironment } from './aws-environment.ts';

let kms: KmsEmulator;
let key: KeyProvider;
beforeAll(async () => {
  kms = await startKmsEmulator();
  kms.createKey({ alias: 'inbound' });
});
beforeEach(async () => {
  stubAwsEnvironment({ ...kms.environment, AWS_MAX_ATTEMPTS: '1' });
  key = await openKey('alias/inbound');
});
afterEach(() => {
  kms.clearFaults();
  vi.unstubAllEnvs();
});
afterAll(async () => kms.close());

async function failureOf(work: Promise<unknown>): Promise<SealdropError> {
  return work.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: SealdropError) => error,
  );
}

const unwrap = () => failureOf(key.unwrap(Buffer.alloc(256, 1), oaepWith('sha256')));

/** Exception, status on the wire or in the model, code, blame. */
const EXCEPTIONS = [
  ['InvalidCiphertextException', 400, 'unwrap-failed', 'sender'],
  ['IncorrectKeyException', 400, 'unwrap-failed', 'sender'],
  ['InvalidKeyUsageException', 400, 'wrong-key-usage', 'receiver'],
  ['UnsupportedOperationException', 400, 'wrong-key-usage', 'receiver'],
  ['InvalidGrantTokenException', 400, 'access-denied', 'receiver'],
  ['AccessDeniedException', 400, 'access-denied', 'receiver'],
  ['AccessDeniedException', 403, 'access-denied', 'receiver'],
  ['DisabledException', 400, 'key-disabled', 'receiver'],
  ['DisabledException', 409, 'key-disabled', 'receiver'],
  ['KMSInvalidStateException', 400, 'key-disabled', 'receiver'],
  ['KMSInvalidStateException', 409, 'key-disabled', 'receiver'],
  ['NotFoundException', 400, 'key-not-found', 'receiver'],
  ['NotFoundException', 404, 'key-not-found', 'receiver'],
  ['InvalidArnException', 400, 'key-not-found', 'receiver'],
  ['ThrottlingException', 400, 'kms-throttled', 'passing'],
  ['LimitExceededException', 400, 'kms-throttled', 'passing'],
  ['KeyUnavailableException', 500, 'kms-unavailable', 'passing'],
  ['KMSInternalException', 500, 'kms-unavailable', 'passing'],
  ['DependencyTimeoutException', 503, 'kms-unavailable', 'passing'],
  ['DependencyTimeoutException', 500, 'kms-unavailable', 'passing'],
  ['ServiceUnavailable', 503, 'kms-unavailable', 'passing'],
  ['InternalFailure', 500, 'kms-unavailable', 'passing'],
  ['UnrecognizedClientException', 400, 'bad-credentials', 'receiver'],
  ['InvalidClientTokenId', 403, 'bad-credentials', 'receiver'],
  ['MissingAuthenticationToken', 403, 'bad-credentials', 'receiver'],
  ['IncompleteSignature', 400, 'bad-credentials', 'receiver'],
  ['SignatureDoesNotMatch', 403, 'bad-credentials', 'receiver'],
  ['InvalidSignatureException', 400, 'bad-credentials', 'receiver'],
  ['ExpiredTokenException', 400, 'expired-credentials', 'receiver'],
  ['ExpiredToken', 403, 'expired-credentials', 'receiver'],
  ['ValidationException', 400, 'bad-configuration', 'receiver'],
] as const;

describe('an exception of KMS', () => {
  it.each(EXCEPTIONS)('%s with status %i', async (type, status, ...[code, blame]) => {
    kms.inject({ operation: 'Decrypt', error: { type, status, message: `because\nof ${type}` }, times: 1 });
    const failure = await unwrap();
    expect(failure).toMatchObject({ name: 'SealdropError', code, blame, hint: expect.any(String) });
    expect(failure.message).toMatch(/^aws-kms:alias\/inbound: [^\n]+$/);
    expect(failure.message).toContain(`${type}: because of ${type}`);
  });

  it.each(EXCEPTIONS.filter(([, , , blame]) => blame !== 'sender'))(
    '%s with status %i and no message means the same',
    async (type, status, code) => {
      kms.inject({ operation: 'Decrypt', error: { type, status, message: '' }, times: 1 });
      const failure = await unwrap();
      expect(failure.code).toBe(code);
      expect(failure.message).toContain(`(${type})`);
    },
  );

  it.each([
    [400, 'bad-configuration'],
    [403, 'access-denied'],
    [404, 'bad-configuration'],
    [429, 'kms-throttled'],
    [500, 'kms-unavailable'],
    [503, 'kms-unavailable'],
  ] as const)('that nobody knows yet, with status %i, is %s and never blames the sender', async (status, code) => {
    kms.inject({ error: { type: 'BrandNewException', status, message: 'surprise' }, times: 1 });
    const failure = await unwrap();
    expect(failure.code).toBe(code);
    expect(failure.blame).not.toBe('sender');
    expect(failure.message).toContain('BrandNewException: surprise');
  });
});

describe('the hint', () => {
  it.each([
    ['Decrypt', () => key.unwrap(Buffer.alloc(256, 1), oaepWith('sha256'))],
    ['GetPublicKey', () => key.publicKey()],
  ] as const)('of a denied call names the action kms:%s and the key', async (operation, call) => {
    kms.inject({ error: { type: 'AccessDeniedException', message: 'User is not authorized' }, times: 1 });
    expect((await failureOf(call())).hint).toMatch(new RegExp(`kms:${operation} on alias/inbound`));
  });

  it.each(['SignatureDoesNotMatch', 'InvalidSignatureException'])('of %s mentions the clock', async (type) => {
    kms.inject({ error: { type, status: 403 }, times: 1 });
    expect((await unwrap()).hint).toContain('clock');
  });
});
