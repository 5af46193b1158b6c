import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createDecryptStream, decryptPayload, parseFlags } from '../../src/index.ts';
import { decryptPayloadFile } from '../../src/openssl/payload-file.ts';
import { sharedWorkerPool } from '../../src/openssl/worker-pool.ts';
import { whole } from './byte-streams.ts';
import { opensslEnc, temporaryDirectory } from './openssl-enc.ts';

const PAYLOAD = Buffer.concat([Buffer.from('Salted__'), Buffer.alloc(24, 1)]);
/** More than enough for threads of their own. */
const MANY = 100;

const directory = temporaryDirectory();

async function decrypt(iterations: number): Promise<string> {
  const parameters = parseFlags(`-aes-256-ctr -pbkdf2 -iter ${iterations}`);
  for await (const _ of decryptPayload(whole(PAYLOAD), { parameters, secret: passphrase() })) break;
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

test('of many at once, each gets the key of its own passphrase and salt', async () => {
  const flags = '-aes-256-cbc -pbkdf2 -iter 500 -md sha512';
  const made = Array.from({ length: MANY }, (_, index) => {
    // Of all lengths up to the longest that openssl reads.
    const secret = Buffer.from(
      randomBytes(512)
        .toString('hex')
        .slice(0, 1 + ((index * 11) % 1022)),
    );
    const words = [...flags.split(' '), '-pass', `pass:${secret.toString()}`];
    return { secret, payload: opensslEnc(words, Buffer.from(`file ${index}`)), text: `file ${index}` };
  });
  const opened = made.map(async ({ secret, payload }) => {
    const stream = createDecryptStream({ parameters: parseFlags(flags), secret });
    stream.end(payload);
    return Buffer.concat(await stream.toArray()).toString();
  });
  expect(await Promise.all(opened)).toEqual(made.map(({ text }) => text));
});

test('a large file does not wait until all keys are derived', async () => {
  const input = join(directory, 'large.enc');
  const output = join(directory, 'large');
  // A key that takes no time, and so no turn.
  const flags = '-aes-256-cbc -md sha256';
  writeFileSync(input, opensslEnc([...flags.split(' '), '-pass', 'pass:secret'], Buffer.from('large')));
  let left = 400;
  const derivations = Array.from({ length: left }, async () => {
    await decrypt(20_000);
    left -= 1;
  });
  const options = {
    parameters: parseFlags(flags),
    secret: Buffer.from('secret'),
    digests: { hmacKey: null, sha256: 'compute' } as const,
  };
  await derivations[MANY];
  await decryptPayloadFile({ ...options, input, output, mode: 0o600 });
  expect(left).toBeGreaterThan(0);
  await Promise.all(derivations);
});

test('however long large files keep the threads, keys are derived meanwhile', async () => {
  const derivations = Array.from({ length: MANY }, () => decrypt(20_000));
  const all = Promise.all(derivations);
  await derivations[MANY / 2];
  const every = Math.max(2, availableParallelism());
  const kept = sharedWorkerPool().lend({ minimum: every, maximum: every }, () => all);
  expect(new Set(await kept)).toEqual(new Set(['derived']));
});

test('when the threads end, every key is derived all the same', async () => {
  const derivations = Array.from({ length: MANY }, () => decrypt(20_000));
  const all = Promise.all(derivations);
  await derivations[MANY / 2];
  await sharedWorkerPool().end();
  expect(new Set(await all)).toEqual(new Set(['derived']));
});
