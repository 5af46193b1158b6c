import { generateKeyPairSync, publicEncrypt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SealdropError, type ErrorCode } from '../../src/errors.ts';
import type { KeyProvider } from '../../src/keys/key-provider.ts';
import { oaepWith } from '../../src/keys/oaep-parameters.ts';
import { openKey } from '../../src/keys/open-key.ts';
import { unwrapKey } from '../../src/keys/wrapped-key.ts';

const KEY_FILE = Buffer.from('RJSc3l7w5g0zF8sT8kQmZyYy3xJv4m1Qe0c0t2l5n1Y=\n');
const SHA1 = oaepWith('sha1');
const SHA256 = oaepWith('sha256');

let directory = '';
let old: KeyProvider;
let current: KeyProvider;
let large: KeyProvider;

async function makeKey(name: string, modulusLength: number): Promise<KeyProvider> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength });
  const path = join(directory, name);
  await writeFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return openKey(`file:${path}`);
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealdrop-rotation-'));
  old = await makeKey('old.pem', 2048);
  current = await makeKey('current.pem', 2048);
  large = await makeKey('large.pem', 3072);
});
afterAll(async () => rm(directory, { recursive: true }));

async function wrapFor(key: KeyProvider, oaepHash: string): Promise<Uint8Array> {
  return publicEncrypt({ key: await key.publicKey(), oaepHash }, KEY_FILE);
}

/** A key of somebody's own that cannot be asked, and counts how often it is. */
function unusableKey(code: ErrorCode) {
  const calls: string[] = [];
  const key: KeyProvider = {
    name: `hsm:${code}`,
    publicKey: async () => {
      throw new SealdropError(code, 'out of order');
    },
    unwrap: async (_wrapped, oaep) => {
      calls.push(oaep.hash);
      throw new SealdropError(code, `hsm: ${code}`);
    },
  };
  return { key, calls };
}

describe('unwrapping with several keys', () => {
  it('takes the first key and hash that fit, and says which', async () => {
    const wrapped = await wrapFor(old, 'sha1');
    const result = await unwrapKey(wrapped, { keys: [current, large, old], oaep: [SHA256, SHA1] });
    expect(result).toEqual({ keyFile: KEY_FILE, keyName: old.name, oaep: SHA1 });
  });

  it('serves the old and the new key alike during a rotation', async () => {
    const keys = [current, old];
    for (const key of keys) {
      const { keyName } = await unwrapKey(await wrapFor(key, 'sha256'), { keys, oaep: [SHA256] });
      expect(keyName).toBe(key.name);
    }
  });

  it('blames the sender when every key was asked, and names the keys and hashes tried', async () => {
    const wrapped = await wrapFor(old, 'sha512');
    const failure: unknown = await unwrapKey(wrapped, { keys: [current, large], oaep: [SHA256, SHA1] }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: 'unwrap-failed', blame: 'sender', hint: expect.any(String) });
    expect((failure as Error).message).toContain(`${current.name} does not open it (OAEP sha256, sha1)`);
    expect((failure as Error).message).toMatch(/large\.pem: the wrapped key has 256 bytes.*3072 bits takes 384/);
  });

  it.each(['access-denied', 'key-disabled', 'kms-unreachable', 'kms-throttled', 'no-credentials'] as const)(
    'never blames the sender when a key could not be asked: %s',
    async (code) => {
      const wrapped = await wrapFor(old, 'sha256');
      const { key, calls } = unusableKey(code);
      await expect(unwrapKey(wrapped, { keys: [key, current], oaep: [SHA256, SHA1] })).rejects.toMatchObject({ code });
      await expect(unwrapKey(wrapped, { keys: [current, key], oaep: [SHA256, SHA1] })).rejects.toMatchObject({ code });
      expect(calls).toEqual(['sha256', 'sha256']);
    },
  );

  it('opens with the next key though the first could not be asked', async () => {
    const { key } = unusableKey('access-denied');
    const { keyName } = await unwrapKey(await wrapFor(old, 'sha256'), { keys: [key, old], oaep: [SHA256] });
    expect(keyName).toBe(old.name);
  });

  it('throws what may pass by itself before what must be mended', async () => {
    const keys = [unusableKey('access-denied').key, unusableKey('kms-throttled').key];
    const attempt = unwrapKey(Buffer.alloc(256, 1), { keys, oaep: [SHA256] });
    await expect(attempt).rejects.toMatchObject({ code: 'kms-throttled' });
  });

  it('says unsupported-oaep when a key could not do what was asked, after trying the other hashes', async () => {
    const { key, calls } = unusableKey('unsupported-oaep');
    const attempt = unwrapKey(await wrapFor(old, 'sha256'), { keys: [key, current], oaep: [SHA256, SHA1] });
    await expect(attempt).rejects.toMatchObject({ code: 'unsupported-oaep' });
    expect(calls).toEqual(['sha256', 'sha1']);
  });

  it('says internal when a key of somebody else breaks the contract', async () => {
    const broken: KeyProvider = { ...unusableKey('internal').key, unwrap: async () => Promise.reject(new TypeError()) };
    const attempt = unwrapKey(Buffer.alloc(256, 1), { keys: [broken], oaep: [SHA256] });
    await expect(attempt).rejects.toMatchObject({ code: 'internal', blame: 'receiver' });
  });

  it('is cancelled between two attempts', async () => {
    const controller = new AbortController();
    const { key, calls } = unusableKey('unwrap-failed');
    const stopping: KeyProvider = {
      ...key,
      unwrap: async (...call) => {
        controller.abort();
        return key.unwrap(...call);
      },
    };
    const options = { keys: [stopping], oaep: [SHA256, SHA1], signal: controller.signal };
    await expect(unwrapKey(Buffer.alloc(256, 1), options)).rejects.toMatchObject({ code: 'cancelled' });
    expect(calls).toEqual(['sha256']);
  });

  it('without keys or OAEP parameters is wrong usage', async () => {
    const wrapped = Buffer.alloc(256);
    await expect(unwrapKey(wrapped, { keys: [], oaep: [SHA1] })).rejects.toMatchObject({ code: 'usage' });
    await expect(unwrapKey(wrapped, { keys: [old], oaep: [] })).rejects.toMatchObject({ code: 'usage' });
  });
});
