/** A manifest may name its sender; MAC and signature bind the name. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { inspectEnvelope, openEnvelope } from '../../src/index.ts';
import type { EnvelopeMembers, OpenOptions, SealOptions } from '../../src/index.ts';
import { newDirectory, newReceiver, seal } from './envelope-kit.ts';

const PLAINTEXT = Buffer.from('name,amount\nAda,12\n');
const receiver = await newReceiver();
const signer = generateKeyPairSync('ed25519').privateKey;

async function sealed(options: Partial<SealOptions>): Promise<EnvelopeMembers> {
  return (await seal(PLAINTEXT, { publicKey: receiver.publicKey, directory: newDirectory(), ...options })).members;
}

function open(members: EnvelopeMembers, options: Partial<OpenOptions> = {}) {
  return openEnvelope(members, { keys: [receiver.key], ...options });
}

function edit({ manifest }: EnvelopeMembers, change: (fields: Record<string, unknown>) => void): void {
  const fields = JSON.parse(readFileSync(manifest ?? '', 'utf8')) as Record<string, unknown>;
  change(fields);
  writeFileSync(manifest ?? '', JSON.stringify(fields));
}

describe('an envelope whose manifest names a sender', () => {
  test('opens where that sender is expected, and where nobody is', async () => {
    const members = await sealed({ sender: 'acme' });
    for (const sender of ['acme', undefined]) {
      const opened = await open(members, { sender });
      expect(opened.sender).toBe('acme');
      expect(await opened.verifyPayload()).toBe('manifest-mac');
    }
    expect(await inspectEnvelope(members)).toMatchObject({ sender: 'acme' });
  });

  test('is wrong-sender where another is expected, before its key is unwrapped', async () => {
    const members = await sealed({ sender: 'acme' });
    await expect(open(members, { keys: [], sender: 'globex' })).rejects.toMatchObject({
      code: 'wrong-sender',
      blame: 'sender',
      message: 'the manifest names the sender "acme", not "globex"',
    });
  });

  test.each([
    ['another name', (fields: Record<string, unknown>) => (fields['sender'] = 'globex')],
    ['no name', (fields: Record<string, unknown>) => delete fields['sender']],
  ])('no longer has its MAC once %s is put there', async (_, change) => {
    const members = await sealed({ sender: 'acme' });
    edit(members, change);
    const opened = await open(members, { sender: 'globex' });
    await expect(opened.verifyPayload()).rejects.toMatchObject({ code: 'payload-changed' });
  });

  test('no longer has its signature once the name is changed', async () => {
    const members = await sealed({ sender: 'acme', signWith: signer });
    const signature = { publicKeys: [createPublicKey(signer)], missing: 'refuse' as const };
    expect((await open(members, { sender: 'acme', signature })).sender).toBe('acme');
    edit(members, (fields) => (fields['sender'] = 'globex'));
    await expect(open(members, { sender: 'globex', signature })).rejects.toMatchObject({ code: 'bad-signature' });
  });
});

test('an envelope that names no sender opens wherever it is expected from', async () => {
  expect((await open(await sealed({}), { sender: 'acme' })).sender).toBeNull();
});

test.each(['', 'two\nlines', '\u0000', 'x'.repeat(256)])('a sender %j cannot be named', async (sender) => {
  await expect(sealed({ sender })).rejects.toMatchObject({ code: 'usage' });
  const members = await sealed({});
  edit(members, (fields) => (fields['sender'] = sender));
  await expect(open(members)).rejects.toMatchObject({ code: 'bad-manifest' });
});

test('without a manifest nobody can be named', async () => {
  await expect(sealed({ sender: 'acme', manifest: 'omit' })).rejects.toMatchObject({ code: 'usage' });
});

test('the digest of a wrapped key is that of the RSA ciphertext, whatever text is around it', async () => {
  const members = await sealed({});
  const first = await open(members);
  const base64 = readFileSync(members.wrappedKey).toString('base64');
  writeFileSync(members.wrappedKey, base64.replaceAll(/.{60}/g, '$&\r\n'));
  const second = await open(members);
  expect(first.wrappedKeySha256).toMatch(/^[0-9a-f]{64}$/);
  expect(second.wrappedKeySha256).toBe(first.wrappedKeySha256);
});
