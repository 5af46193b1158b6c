import * as fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import {
  createDecryptStream,
  createEncryptStream,
  decryptPayload,
  DEFAULT_PARAMETERS,
  type EncParameters,
  encryptPayload,
  parseFlags,
  type SealdropError,
} from '../../src/index.ts';
import { collect, inChunks, rejection, splitBy, whole } from './byte-streams.ts';

const KIB = 1024;
const secret = randomBytes(32);
const FAST = parseFlags('-aes-256-cbc -md sha256');

const encrypt = (plaintext: Uint8Array, parameters: EncParameters): Promise<Buffer> =>
  collect(encryptPayload(whole(plaintext), { parameters, secret }));

const PARAMETER_SETS = [
  '-aes-256-cbc -md sha256',
  '-aes-256-cbc -md sha256 -a',
  '-aes-256-ctr -md sha256 -a -A',
  '-des-ede3 -md md5',
  '-aes-128-cfb8 -md sha1 -nosalt',
  '-chacha -md md5',
  '-chacha20 -pbkdf2 -iter 1 -saltlen 3',
];

describe.each(PARAMETER_SETS)('under %s', (flags) => {
  const parameters = parseFlags(flags);
  const sizes = fc.array(fc.nat(100), { maxLength: 10 });
  const bytes = fc.uint8Array({ maxLength: 300 });

  test('any split of a payload gives the same plaintext', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, sizes, async (plaintext, split) => {
        const payload = await encrypt(plaintext, parameters);
        const opened = await collect(decryptPayload(splitBy(payload, split), { parameters, secret }));
        expect(opened.equals(plaintext)).toBe(true);
      }),
    );
  });

  test('any split of a plaintext gives the same payload', async () => {
    const salt = parameters.salt.kind === 'header' ? randomBytes(parameters.salt.length) : undefined;
    await fc.assert(
      fc.asyncProperty(bytes, sizes, async (plaintext, split) => {
        const options = { parameters, secret, salt };
        const expected = await collect(encryptPayload(whole(plaintext), options));
        expect(await collect(encryptPayload(splitBy(plaintext, split), options))).toEqual(expected);
      }),
    );
  });

  test('any cut is an error, or gives a beginning of the plaintext', async () => {
    const plaintext = randomBytes(100);
    const payload = await encrypt(plaintext, parameters);
    for (let size = 0; size < payload.length; size++) {
      const cut = payload.subarray(0, size);
      const outcome = await collect(decryptPayload(whole(cut), { parameters, secret })).then(
        (opened) => (plaintext.subarray(0, opened.length).equals(opened) ? 'a beginning' : 'something else'),
        (error: SealdropError) => error.code,
      );
      expect(['a beginning', 'truncated-payload', 'bad-decrypt']).toContain(outcome);
    }
  });
});

test('each payload has a salt of its own', async () => {
  const [first, second] = await Promise.all([encrypt(Buffer.from('x'), FAST), encrypt(Buffer.from('x'), FAST)]);
  expect(first.subarray(0, 8)).toEqual(second.subarray(0, 8));
  expect(first.subarray(8)).not.toEqual(second.subarray(8));
});

test('large pieces come out in parts', async () => {
  const plaintext = randomBytes(3 * KIB * KIB);
  const payload = await encrypt(plaintext, FAST);
  const parts: number[] = [];
  for await (const part of decryptPayload(whole(payload), { parameters: FAST, secret })) parts.push(part.length);
  expect(Math.max(...parts)).toBeLessThanOrEqual(256 * KIB);
});

test('neither the secret nor the input is changed', async () => {
  const passphrase = Buffer.from('a passphrase of good length');
  const payload = await collect(encryptPayload(whole(Buffer.from('plain')), { parameters: FAST, secret: passphrase }));
  const copy = Buffer.from(payload);
  await collect(decryptPayload(whole(payload), { parameters: FAST, secret: passphrase }));
  expect(payload).toEqual(copy);
  expect(passphrase.toString()).toBe('a passphrase of good length');
});

describe('an error', () => {
  test('of the source passes through and the source is closed', async () => {
    const failure = new Error('the disk is gone');
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('Salted__12345678');
      throw failure;
    };
    expect(await rejection(collect(decryptPayload(source(), { parameters: FAST, secret })))).toBe(failure);
  });

  test('in the header closes the source', async () => {
    const source = Readable.from([Buffer.from('no header at all'), Buffer.from('more')]);
    const error = await rejection(collect(decryptPayload(source, { parameters: FAST, secret })));
    expect(error).toMatchObject({ code: 'bad-header' });
    expect(source.destroyed).toBe(true);
  });

  test('of too many iterations comes before the work', async () => {
    const parameters = parseFlags('-aes-256-cbc -pbkdf2 -iter 2147483647');
    const payload = Buffer.concat([Buffer.from('Salted__'), Buffer.alloc(24)]);
    const error = await rejection(collect(decryptPayload(whole(payload), { parameters, secret })));
    expect(error).toMatchObject({ code: 'limit-exceeded', blame: 'sender', details: { iterations: 2147483647 } });
    const lower = decryptPayload(whole(payload), { parameters: DEFAULT_PARAMETERS, secret, maximumIterations: 9999 });
    expect(await rejection(collect(lower))).toMatchObject({ code: 'limit-exceeded' });
  });

  test('of parameters comes before anything is read', async () => {
    const source = {
      [Symbol.asyncIterator]: (): never => {
        throw new Error('it was read');
      },
    };
    const parameters = { ...DEFAULT_PARAMETERS, cipher: 'rc4' };
    const error = await rejection(collect(decryptPayload(source, { parameters, secret })));
    expect(error).toMatchObject({ code: 'unsupported-cipher' });
  });

  test('of -nopad says which sizes it takes', async () => {
    const parameters = parseFlags('-aes-256-cbc -md sha256 -nopad');
    expect(await rejection(encrypt(Buffer.alloc(17), parameters))).toMatchObject({
      code: 'bad-parameters',
      message: expect.stringContaining('16'),
    });
  });

  test.each([
    ['is empty', ''],
    ['is not hexadecimal', 'key\n'],
  ])('of a raw key file that %s does not repeat it', async (_title, content) => {
    const parameters = parseFlags('-aes-256-cbc -K file:key.hex -iv 0');
    const options = { parameters, secret: Buffer.from(content) };
    const error = await rejection(collect(decryptPayload(whole(Buffer.alloc(16)), options)));
    expect(error).toMatchObject({ code: 'bad-key-file' });
  });
});

describe('when the signal aborts', () => {
  test('before the start, it is cancelled', async () => {
    const payload = await encrypt(Buffer.from('x'), FAST);
    const decrypted = collect(
      decryptPayload(whole(payload), { parameters: FAST, secret, signal: AbortSignal.abort() }),
    );
    expect(await rejection(decrypted)).toMatchObject({ code: 'cancelled', blame: 'passing' });
  });

  test('while the source keeps it waiting, it is cancelled and no listener stays', async () => {
    const controller = new AbortController();
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('Salted__');
      controller.abort();
      await new Promise(() => undefined);
    };
    const options = { parameters: FAST, secret, signal: controller.signal };
    expect(await rejection(collect(decryptPayload(source(), options)))).toMatchObject({ code: 'cancelled' });
    expect(await rejection(collect(encryptPayload(source(), options)))).toMatchObject({ code: 'cancelled' });
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });
});

describe('as Node streams', () => {
  test('what is encrypted is decrypted', async () => {
    const plaintext = randomBytes(300 * KIB);
    const received: Buffer[] = [];
    await pipeline(
      Readable.from(inChunks(plaintext, 1000)),
      createEncryptStream({ parameters: FAST, secret }),
      createDecryptStream({ parameters: FAST, secret }),
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          received.push(chunk);
          done();
        },
      }),
    );
    expect(Buffer.concat(received).equals(plaintext)).toBe(true);
  });

  test('text that is written is its UTF-8', async () => {
    const stream = createEncryptStream({ parameters: FAST, secret });
    stream.end('Grüße');
    const plaintext = await collect(decryptPayload(stream, { parameters: FAST, secret }));
    expect(plaintext.toString('utf8')).toBe('Grüße');
  });

  test.each([
    ['at the beginning', Buffer.alloc(100 * KIB), 'bad-header'],
    ['at the end', Buffer.concat([Buffer.from('Salted__'), Buffer.alloc(100 * KIB + 1)]), 'truncated-payload'],
  ])('a damage %s rejects the pipeline', async (_title, payload, code) => {
    const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
    const source = Readable.from(inChunks(payload, KIB));
    const running = pipeline(source, createDecryptStream({ parameters: FAST, secret }), sink);
    expect(await rejection(running)).toMatchObject({ code });
    expect(source.destroyed).toBe(true);
    expect(sink.destroyed).toBe(true);
  });

  test.each(['encrypt', 'decrypt'] as const)('a slow consumer holds the source back: %s', async (direction) => {
    const chunk = Buffer.alloc(64 * KIB);
    let produced = 0;
    const source = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('Salted__12345678');
      for (; produced < 1000; produced++) yield chunk;
    };
    const create = direction === 'encrypt' ? createEncryptStream : createDecryptStream;
    const stream = create({ parameters: parseFlags('-aes-256-ctr -md sha256'), secret });
    const { promise: writing, resolve: firstWrite } = Promise.withResolvers<void>();
    // It takes one chunk and is never done with it.
    const sink = new Writable({ write: () => firstWrite() });
    const running = rejection(pipeline(Readable.from(source()), stream, sink));
    await writing;
    const settled = await standingStill(() => produced);
    expect(settled).toBeLessThan(100);
    sink.destroy(new Error('enough'));
    expect(await running).toMatchObject({ message: 'enough' });
  });
});

/** The value once it has not changed over many turns of the event loop. */
async function standingStill(read: () => number): Promise<number> {
  const TURNS = 200;
  let last = read();
  for (let turn = 0; turn < TURNS; turn++) {
    await new Promise(setImmediate);
    if (read() !== last) turn = 0;
    last = read();
  }
  return last;
}
