/** The file path gives what the streams give, and leaves nothing behind when it fails. */
import { spawnSync } from 'node:child_process';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encryptPayload, parseFlags, readPassphrase, type SealdropError } from '../../src/index.ts';
import {
  decryptPayloadFile,
  type DecryptFileOptions,
  encryptPayloadFile,
  type FileOutcome,
} from '../../src/openssl/payload-file.ts';
import { type LeaseOptions, type PoolWorker, WorkerPool } from '../../src/openssl/worker-pool.ts';
import { collect, rejection, whole } from './byte-streams.ts';
import {
  type EncVector,
  parametersOf,
  readEncVectors,
  readNegativeVectors,
  readVectorFile,
  saidParameters,
  sha256,
} from './enc-vectors.ts';
import { temporaryDirectory } from './openssl-enc.ts';

const pool = new WorkerPool(3);
afterAll(() => pool.end());

/** So small that a few hundred bytes go over every seam. */
const TINY = { pool, rangeSize: 64, slotSize: 64, slots: 2 };
const ORDINARY = { pool };
/** Who writes ciphertext is otherwise a matter of who is ahead. */
const ENCRYPTOR_WRITES = { behind: 0 };
const CARRIER_WRITES = { behind: Infinity };
const MIB = 1024 * 1024;
/** A sparse file so large that its decryption is never over before a test has done what it wants to do meanwhile. */
const ENDLESS = 2 ** 43;

const directory = temporaryDirectory();
const hmacKey = randomBytes(32);
const DIGESTS = { hmacKey, sha256: 'compute' } as const;

let files = 0;
function newPath(): string {
  return join(directory, `file-${files++}`);
}

function fileOf(bytes: Uint8Array): string {
  const path = newPath();
  writeFileSync(path, bytes);
  return path;
}

type Changes = Omit<DecryptFileOptions, 'output' | 'mode'>;

/** What the new file holds, and what was said of it. */
async function into(
  run: (options: DecryptFileOptions) => Promise<FileOutcome>,
  options: Changes,
): Promise<{ readonly bytes: Buffer; readonly outcome: FileOutcome }> {
  const output = newPath();
  const outcome = await run({ ...options, output, mode: 0o600 });
  return { bytes: readFileSync(output), outcome };
}

/** The error, once it is certain that no output is left. */
async function failure(
  run: (options: DecryptFileOptions) => Promise<FileOutcome>,
  options: Changes,
): Promise<SealdropError> {
  const output = newPath();
  const error = await rejection(run({ ...options, output, mode: 0o600 }));
  expect(existsSync(output)).toBe(false);
  return error as SealdropError;
}

describe('a payload file that some openssl made', () => {
  const vectors = readEncVectors().filter(({ armored }) => armored === null);

  const optionsOf = (vector: EncVector) => {
    const parameters = parametersOf(vector);
    const keyFile = Buffer.from(vector.keyFile.hex, 'hex');
    const secret = vector.kdf === 'none' ? keyFile : readPassphrase(keyFile, parameters.passphraseRule);
    return { parameters, secret, input: fileOf(readVectorFile('envelopes', vector.id, vector.data.file)) };
  };

  test.each(vectors)('gives its plaintext in ranges, in tandem, and in one piece: $id', async (vector) => {
    const options = optionsOf(vector);
    const inTandem = [TINY, { ...TINY, slots: 1 }, ORDINARY].map((tuning) => ({ tuning, digests: DIGESTS }));
    const ways = [{ tuning: TINY }, ...inTandem];
    for (const way of ways) {
      const { bytes, outcome } = await into(decryptPayloadFile, { ...options, ...way });
      expect(sha256(bytes)).toBe(vector.plaintextSha256);
      expect(outcome).toMatchObject({ plaintextSize: vector.plaintextSize, payloadSize: vector.data.size });
    }
  });

  /** One of each kind is enough, and the many iterations of others take their time. */
  const quick = vectors.filter(({ iter, group }) => (iter ?? 1) <= 10_000 && group !== 'versions');
  test.each(quick)('is made anew, byte for byte what the stream makes: $id', async (vector) => {
    const options = optionsOf(vector);
    const plaintext = await into(decryptPayloadFile, { ...options, tuning: TINY });
    const salt = vector.salted ? randomBytes(vector.saltLen) : undefined;
    const expected = await collect(encryptPayload(whole(plaintext.bytes), { ...options, salt }));
    for (const tuning of [TINY, { ...TINY, ...ENCRYPTOR_WRITES }, { ...TINY, ...CARRIER_WRITES }, ORDINARY]) {
      const input = fileOf(plaintext.bytes);
      const made = await into((all) => encryptPayloadFile({ ...all, salt }), {
        ...options,
        input,
        tuning,
        digests: DIGESTS,
      });
      expect(made.bytes.equals(expected)).toBe(true);
      expect(made.outcome).toMatchObject({ plaintextSize: vector.plaintextSize, payloadSize: expected.length });
      expect(made.outcome.digests).toEqual(digestsOf(expected));
    }
  });
});

function digestsOf(payload: Uint8Array): FileOutcome['digests'] {
  return {
    hmac: Uint8Array.from(createHmac('sha256', hmacKey).update(payload).digest()),
    sha256: Uint8Array.from(createHash('sha256').update(payload).digest()),
  };
}

describe('a damaged or wrongly declared payload file', () => {
  const negatives = readNegativeVectors().filter(({ said }) => said.armored === null);

  test.each(negatives.filter(({ stage }) => stage === 'header' || stage === 'decrypt'))(
    'is refused as the stream refuses it, and leaves no file: $id',
    async (vector) => {
      const parameters = saidParameters(vector);
      const secret = Buffer.from('none of these is the right one');
      const data = readVectorFile('negative', vector.id, vector.data.file);
      const options = { parameters, secret, input: fileOf(data) };
      const { decryptPayload } = await import('../../src/index.ts');
      const expected = (await rejection(collect(decryptPayload(whole(data), options)))) as SealdropError;
      for (const digests of [undefined, DIGESTS]) {
        const { code, message, hint } = await failure(decryptPayloadFile, { ...options, digests, tuning: TINY });
        expect({ code, message, hint }).toEqual({
          code: expected.code,
          message: expected.message,
          hint: expected.hint,
        });
      }
    },
  );
});

const secret = randomBytes(32);
const CBC = parseFlags('-aes-256-cbc -md sha256');
const WAYS = [
  ['in ranges', undefined],
  ['in tandem', DIGESTS],
] as const;

describe.each(WAYS)('decrypting %s', (_title, digests) => {
  test('gives several megabytes as they were, and digests of the payload', async () => {
    const plaintext = randomBytes(9 * MIB + 5);
    const payload = await collect(encryptPayload(whole(plaintext), { parameters: CBC, secret }));
    const options = { parameters: CBC, secret, input: fileOf(payload), digests, tuning: ORDINARY };
    const { bytes, outcome } = await into(decryptPayloadFile, options);
    expect(bytes.equals(plaintext)).toBe(true);
    expect(outcome.digests).toEqual(digests === undefined ? { hmac: null, sha256: null } : digestsOf(payload));
  });

  test('tells how far it is, and has the disk begin meanwhile', async () => {
    const input = fileOf(Buffer.concat([Buffer.from('Salted__12345678'), Buffer.alloc(96 * MIB)]));
    const seen: number[] = [];
    const parameters = parseFlags('-aes-256-ctr -md sha256');
    const onProgress = (bytes: number) => seen.push(bytes);
    await into(decryptPayloadFile, { parameters, secret, input, digests, tuning: ORDINARY, onProgress });
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).toEqual(seen.toSorted((left, right) => left - right));
    expect(seen.at(-1)).toBeLessThanOrEqual(96 * MIB + 16);
  });

  test('leaves an existing output alone', async () => {
    const payload = await collect(encryptPayload(whole(Buffer.from('x')), { parameters: CBC, secret }));
    const output = fileOf(Buffer.from('mine'));
    const options = { parameters: CBC, secret, input: fileOf(payload), output, mode: 0o600, digests, tuning: TINY };
    expect(await rejection(decryptPayloadFile(options))).toMatchObject({
      code: 'already-exists',
      message: expect.stringContaining(output),
    });
    expect(readFileSync(output, 'utf8')).toBe('mine');
  });

  test('names an input that is not there, and makes no output', async () => {
    const input = newPath();
    const options = { parameters: CBC, secret, input, digests, tuning: TINY };
    expect(await failure(decryptPayloadFile, options)).toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(input),
    });
  });
});

describe.each([
  ['the encrypting thread', ENCRYPTOR_WRITES],
  ['the digesting thread', CARRIER_WRITES],
  ['whoever is ahead', { behind: 1 }],
])('encrypting while %s writes', (_title, who) => {
  test('gives several megabytes as the stream does, digests of them, and tells how far it is', async () => {
    const plaintext = randomBytes(19 * MIB + 5);
    const salt = randomBytes(8);
    const expected = await collect(encryptPayload(whole(plaintext), { parameters: CBC, secret, salt }));
    const seen: number[] = [];
    const onProgress = (bytes: number) => seen.push(bytes);
    const options = { parameters: CBC, secret, input: fileOf(plaintext), digests: DIGESTS, onProgress };
    const made = await into((all) => encryptPayloadFile({ ...all, salt }), { ...options, tuning: { pool, ...who } });
    expect(made.bytes.equals(expected)).toBe(true);
    expect(made.outcome.digests).toEqual(digestsOf(expected));
    // 16 MiB or more, in whole slots of 320 KiB.
    expect(seen).toEqual([52 * 320 * 1024]);
  });

  test('an abort ends all threads, leaves no file and no listener', async () => {
    const controller = new AbortController();
    const options = { digests: DIGESTS, signal: controller.signal, tuning: who, run: encryptPayloadFile };
    expect(await endless(options, () => controller.abort())).toMatchObject({ code: 'cancelled', blame: 'passing' });
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  test.each([0, 1])('the end of thread %i ends the other', async (index) => {
    const options = { digests: DIGESTS, tuning: who, run: encryptPayloadFile };
    const error = await endless(options, (_input, own) => void own.lent[index]?.end());
    expect(error).toMatchObject({ code: 'internal', blame: 'receiver' });
  });
});

/** A pool that shows which threads it has lent. */
class WatchedPool extends WorkerPool {
  lent: readonly PoolWorker[] = [];

  override lend<Result>(options: LeaseOptions, work: (workers: readonly PoolWorker[]) => Promise<Result>) {
    return super.lend(options, (workers) => work((this.lent = workers)));
  }
}

/** Work on a sparse file that would take for ever; `meanwhile` is called when it is under way. */
async function endless(
  { run = decryptPayloadFile, tuning, ...options }: Partial<Changes> & { readonly run?: typeof decryptPayloadFile },
  meanwhile: (input: string, own: WatchedPool) => void,
): Promise<SealdropError> {
  const own = new WatchedPool(3);
  const input = fileOf(Buffer.from('Salted__12345678'));
  truncateSync(input, ENDLESS);
  let begun = false;
  const onProgress = (): void => {
    if (!begun) meanwhile(input, own);
    begun = true;
  };
  const parameters = parseFlags('-aes-256-ctr -md sha256');
  const all = { parameters, secret, input, onProgress, ...options, tuning: { ...tuning, pool: own } };
  const error = await failure(run, all);
  expect(begun).toBe(true);
  await own.end();
  truncateSync(input, 0);
  return error;
}

describe.each(WAYS)('while a file of 8 TiB is decrypted %s', (_title, digests) => {
  test('an abort ends all threads, leaves no file and no listener', async () => {
    const controller = new AbortController();
    const error = await endless({ digests, signal: controller.signal }, () => controller.abort());
    expect(error).toMatchObject({ code: 'cancelled', blame: 'passing' });
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  test('an input that becomes shorter is hostile', async () => {
    let name = '';
    const error = await endless({ digests }, (input) => truncateSync((name = input), MIB));
    expect(error).toMatchObject({ code: 'hostile-file', message: expect.stringContaining(name) });
  });

  test.each([0, 1])('the end of thread %i of several ends the others', async (index) => {
    const error = await endless({ digests }, (_input, own) => void own.lent[index]?.end());
    expect(error).toMatchObject({ code: 'internal', blame: 'receiver' });
  });
});

test('an abort beforehand does nothing at all', async () => {
  const signal = AbortSignal.abort();
  const payload = await collect(encryptPayload(whole(Buffer.from('x')), { parameters: CBC, secret }));
  const options = { parameters: CBC, secret, input: fileOf(payload), signal, tuning: TINY };
  expect(await failure(decryptPayloadFile, options)).toMatchObject({ code: 'cancelled' });
  expect(await failure(encryptPayloadFile, options)).toMatchObject({ code: 'cancelled' });
});

test('an abort while others have the threads is heeded, and the next in the queue goes on', async () => {
  const two = new WorkerPool(2);
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const holding = two.lend({ minimum: 2, maximum: 2 }, () => held);
  const controller = new AbortController();
  const payload = await collect(encryptPayload(whole(Buffer.from('kept')), { parameters: CBC, secret }));
  const options = { parameters: CBC, secret, input: fileOf(payload), tuning: { pool: two } };
  const aborted = failure(decryptPayloadFile, { ...options, signal: controller.signal });
  const waiting = into(decryptPayloadFile, { ...options, digests: DIGESTS });
  controller.abort();
  expect(await aborted).toMatchObject({ code: 'cancelled' });
  release();
  await holding;
  expect((await waiting).bytes.toString('utf8')).toBe('kept');
  await two.end();
});

test('many files at once share few threads', async () => {
  const two = new WorkerPool(2);
  const plaintext = randomBytes(MIB);
  const payload = await collect(encryptPayload(whole(plaintext), { parameters: CBC, secret }));
  const input = fileOf(payload);
  const all = Array.from({ length: 12 }, (_, index) => {
    const options = {
      parameters: CBC,
      secret,
      input,
      tuning: { pool: two },
      digests: index % 2 === 0 ? DIGESTS : undefined,
    };
    return into(index % 3 === 0 ? encryptPayloadFile : decryptPayloadFile, options);
  });
  const sizes = (await Promise.all(all)).map(({ bytes }) => bytes.length);
  expect(new Set(sizes)).toEqual(new Set([plaintext.length, payload.length + 32]));
  await two.end();
});

describe.skipIf(process.getuid?.() !== 0)('on a full disk', () => {
  let small = '';
  beforeAll(() => {
    const place = newPath();
    mkdirSync(place);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'sealdrop-test', place]).status === 0) small = place;
  });
  afterAll(() => {
    if (small !== '') spawnSync('umount', [small]);
  });

  test.each([
    ['decrypting in ranges', decryptPayloadFile, undefined, {}],
    ['decrypting in tandem', decryptPayloadFile, DIGESTS, {}],
    ['encrypting', encryptPayloadFile, DIGESTS, {}],
    ['encrypting while the encrypting thread writes', encryptPayloadFile, DIGESTS, ENCRYPTOR_WRITES],
    ['encrypting while the digesting thread writes', encryptPayloadFile, DIGESTS, CARRIER_WRITES],
  ])('%s ends with its threads, says so and leaves nothing', async (...[, run, digests, who]) => {
    if (small === '') throw new Error('a tmpfs cannot be mounted here: run this as root, or leave it out');
    const input = fileOf(Buffer.concat([Buffer.from('Salted__12345678'), Buffer.alloc(20 * MIB)]));
    const parameters = parseFlags('-aes-256-ctr -md sha256');
    const output = join(small, 'output');
    const options = { parameters, secret, input, output, mode: 0o600, digests, tuning: { pool, ...who } };
    expect(await rejection(run(options))).toMatchObject({
      code: 'disk-full',
      blame: 'passing',
      message: expect.stringContaining(output),
    });
    expect(readdirSync(small)).toEqual([]);
  });
});
