import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyProvider } from '../../src/keys/key-provider.ts';
import { parseOaep } from '../../src/keys/oaep-parameters.ts';
import { openKey } from '../../src/keys/open-key.ts';
import { readWycheproof, type WycheproofGroup } from './vectors.ts';

const FILES = [
  'rsa_oaep_2048_sha1_mgf1sha1_test.json',
  'rsa_oaep_2048_sha256_mgf1sha1_test.json',
  'rsa_oaep_2048_sha256_mgf1sha256_test.json',
  'rsa_oaep_3072_sha256_mgf1sha1_test.json',
  'rsa_oaep_3072_sha256_mgf1sha256_test.json',
  'rsa_oaep_4096_sha256_mgf1sha1_test.json',
  'rsa_oaep_4096_sha256_mgf1sha256_test.json',
];

const hashName = (name: string) => name.replace('-', '').toLowerCase();

function oaepOf(group: WycheproofGroup, label: string) {
  return parseOaep(`rsa_oaep_md:${hashName(group.sha)} rsa_mgf1_md:${hashName(group.mgfSha)} rsa_oaep_label:${label}`);
}

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealdrop-wycheproof-'));
});
afterAll(async () => rm(directory, { recursive: true }));

async function openGroup(group: WycheproofGroup, name: string): Promise<KeyProvider> {
  const path = join(directory, name);
  await writeFile(path, group.privateKeyPem);
  return openKey(`file:${path}`);
}

describe.each(FILES)('Wycheproof %s', (file) => {
  const cases = readWycheproof(file).flatMap((group) => group.tests.map((test) => ({ group, test })));

  it('has valid and invalid cases', () => {
    expect(new Set(cases.map(({ test }) => test.result))).toEqual(new Set(['valid', 'invalid']));
  });

  it('valid ciphertexts give the message, with their label', async () => {
    for (const { group, test } of cases.filter(({ test: { result } }) => result === 'valid')) {
      const key = await openGroup(group, file);
      const message = await key.unwrap(Buffer.from(test.ct, 'hex'), oaepOf(group, test.label));
      expect(message.toString('hex'), `case ${test.tcId}`).toBe(test.msg);
    }
  });

  it('invalid ciphertexts are unwrap-failed, and those of the right length all with the same words', async () => {
    const messages = new Set<string>();
    for (const { group, test } of cases.filter(({ test: { result } }) => result === 'invalid')) {
      const key = await openGroup(group, file);
      const wrapped = Buffer.from(test.ct, 'hex');
      const failure: unknown = await key.unwrap(wrapped, oaepOf(group, test.label)).catch((error: unknown) => error);
      expect(failure, `case ${test.tcId}`).toMatchObject({ code: 'unwrap-failed' });
      if (wrapped.length === group.keySize / 8) messages.add((failure as Error).message.replace(/_label:\w+/, ''));
    }
    expect(messages.size).toBe(1);
  });

  it('valid ciphertexts do not open with another label', async () => {
    const valid = cases.find(({ test }) => test.result === 'valid' && test.label === '');
    if (valid === undefined) throw new Error('no valid case without a label');
    const key = await openGroup(valid.group, file);
    const wrapped = Buffer.from(valid.test.ct, 'hex');
    await expect(key.unwrap(wrapped, oaepOf(valid.group, '00'))).rejects.toMatchObject({ code: 'unwrap-failed' });
  });
});
