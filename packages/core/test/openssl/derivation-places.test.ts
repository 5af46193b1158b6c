import { stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { decryptPayload, parseFlags } from '../../src/index.ts';

const PAYLOAD = Buffer.concat([Buffer.from('Salted__'), Buffer.alloc(24, 1)]);

async function* payload(): AsyncGenerator<Buffer> {
  yield PAYLOAD;
}

async function decrypt(iterations: number): Promise<string> {
  const parameters = parseFlags(`-aes-256-ctr -pbkdf2 -iter ${iterations}`);
  for await (const _ of decryptPayload(payload(), { parameters, secret: passphrase() })) break;
  return 'derived';
}

const passphrase = () => Buffer.from('correct horse battery staple');

test('however many long derivations are under way, files can be used meanwhile', async () => {
  const derivations = Array.from({ length: 5 }, () => decrypt(1_000_000));
  // All of them have got as far as they can without a thread.
  await new Promise(setImmediate);
  const looked = async (): Promise<string> => {
    for (let count = 0; count < 10; count += 1) await stat(import.meta.filename);
    return 'looked';
  };
  expect(await Promise.race([looked(), ...derivations])).toBe('looked');
  expect(await Promise.all(derivations)).toEqual(Array.from({ length: 5 }, () => 'derived'));
});
