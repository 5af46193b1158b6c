import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CIPHER_NAMES,
  DIGEST_NAMES,
  formatFlags,
  formatManifest,
  macKey,
  manifestJsonSchema,
  manifestParameters,
  MAXIMUM_MANIFEST_SIZE,
  parametersOfManifest,
  parseFlags,
  parseManifest,
  payloadMac,
  SealdropError,
} from '../../src/index.ts';
import type { EncParameters, Manifest } from '../../src/index.ts';
import { runOpenssl, temporaryDirectory } from '../openssl/openssl-enc.ts';

const HASH = 'ab'.repeat(32);

const FULL: Manifest = {
  sealdrop: 1,
  payload: { file: 'report.csv.enc', size: 48, sha256: HASH },
  key: { file: 'report.csv.keypke.bin.enc', oaep: 'sha256', publicKeySha256: HASH },
  parameters: { cipher: 'aes-256-cbc', kdf: 'pbkdf2', digest: 'sha256', iterations: 10_000 },
  mac: { algorithm: 'hmac-sha256', value: HASH },
  plaintext: { name: 'report.csv', size: 17 },
};

const SMALLEST: Manifest = {
  sealdrop: 1,
  payload: { file: 'a.enc', size: 0 },
  key: { file: 'a.key.enc', oaep: 'sha1' },
  parameters: { cipher: 'aes-256-cbc', kdf: 'pbkdf2', digest: 'sha256' },
  plaintext: { name: 'a' },
};

function parse(value: unknown): Manifest {
  return parseManifest(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
}

function fault(value: unknown): SealdropError {
  try {
    parse(value);
  } catch (error) {
    if (error instanceof SealdropError) return error;
    throw error;
  }
  throw new Error('it should have been refused');
}

/** `FULL` with one field, named by its path, set or (undefined) left out. */
function changed(path: string, value: unknown): unknown {
  const copy = structuredClone(FULL) as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop() ?? '';
  let place = copy;
  for (const name of names) place = place[name] as Record<string, unknown>;
  if (value === undefined) delete place[last];
  else place[last] = value;
  return copy;
}

describe('a manifest', () => {
  test.each([
    ['with every field', FULL],
    ['with the least', SMALLEST],
  ])('%s is read back as it was written', (_what, manifest) => {
    expect(parse(formatManifest(manifest))).toEqual(manifest);
  });

  test.each([
    ['payload.sha256', undefined],
    ['key.publicKeySha256', undefined],
    ['mac', undefined],
    ['plaintext.size', undefined],
    ['parameters.iterations', undefined],
    ['payload.size', 0],
    ['payload.size', Number.MAX_SAFE_INTEGER],
    ['parameters.saltLength', 16],
    ['parameters.salt', 'none'],
    ['parameters.salt', '0011223344556677'],
    ['parameters.armor', 'lines'],
    ['parameters.armor', 'one-line'],
    ['key.oaep', 'sha512'],
    ['plaintext.name', '報告書.pdf'],
  ])('may have %s %j', (path, value) => {
    expect(parse(changed(path, value))).toEqual(changed(path, value));
  });

  test.each([
    ['sender', 7],
    ['sealdrop', undefined],
    ['sealdrop', 2],
    ['sealdrop', '1'],
    ['payload', undefined],
    ['payload', null],
    ['payload', []],
    ['payload.file', undefined],
    ['payload.file', ''],
    ['payload.file', 7],
    ['payload.file', 'a'.repeat(256)],
    ['payload.size', undefined],
    ['payload.size', -1],
    ['payload.size', 1.5],
    ['payload.size', 2 ** 53],
    ['payload.size', '48'],
    ['payload.size', null],
    ['payload.sha256', 'AB'.repeat(32)],
    ['payload.sha256', 'ab'],
    ['payload.sha256', `${HASH}\n`],
    ['payload.sha256', null],
    ['payload.extra', 1],
    ['key', undefined],
    ['key.file', undefined],
    ['key.oaep', undefined],
    ['key.oaep', 'SHA256'],
    ['key.oaep', 'md5'],
    ['key.publicKeySha256', 'xy'],
    ['parameters', undefined],
    ['parameters.cipher', undefined],
    ['parameters.cipher', 'a'.repeat(256)],
    ['parameters.kdf', undefined],
    ['parameters.kdf', 'scrypt'],
    ['parameters.digest', undefined],
    ['parameters.iterations', 0],
    ['parameters.iterations', -1],
    ['parameters.iterations', 1e300],
    ['parameters.saltLength', 0],
    ['parameters.saltLength', 17],
    ['parameters.salt', 'zz'],
    ['parameters.salt', ''],
    ['parameters.salt', '00'.repeat(17)],
    ['parameters.armor', 'none'],
    ['parameters.secret', 'x'],
    ['mac', null],
    ['mac.algorithm', 'hmac-md5'],
    ['mac.value', undefined],
    ['mac.value', 'AB'.repeat(32)],
    ['plaintext', undefined],
    ['plaintext.name', undefined],
    ['plaintext.size', -1],
    ['plaintext.sha256', HASH],
    ['extra', 1],
    ['constructor', 1],
  ])('is refused with %s %j, and the message says where', (path, value) => {
    const error = fault(changed(path, value));
    expect(error).toMatchObject({ code: 'bad-manifest', blame: 'sender' });
    const [first = ''] = path.split('.');
    expect(error.message).toContain(first);
  });

  test.each(['../up', '/etc/passwd', '.hidden', 'a\nb', 'gpj.\u202eexe', '..'])(
    'is refused with the plaintext name %j',
    (name) => {
      expect(fault(changed('plaintext.name', name))).toMatchObject({ code: 'bad-name' });
    },
  );

  test.each(
    ['payload.file', 'key.file'].flatMap((field) =>
      ['../globex/secret.enc', '/etc/passwd', '..', 'a\\b', 'a\nb', 'x\u0000'].map((name) => [field, name] as const),
    ),
  )('is refused with %s %j: a member lies beside it, under a bare name', (field, name) => {
    const error = fault(changed(field, name));
    expect(error).toMatchObject({ code: 'bad-manifest', blame: 'sender' });
    expect(error.message).toContain(`${field}: must be a bare file name`);
  });
});

describe('what is no manifest at all', () => {
  const text = JSON.stringify(FULL);
  test.each([
    ['nothing', ''],
    ['null', 'null'],
    ['a number', '1'],
    ['a list', '[]'],
    ['cut', text.slice(0, -1)],
    ['followed by garbage', `${text}x`],
    ['followed by another', `${text}\n${text}`],
    ['JSON with a comment', `/* */${text}`],
    ['JSON with a trailing comma', `${text.slice(0, -1)},}`],
    ['single quotes', text.replaceAll('"', "'")],
    ['an infinite number', text.replace('"size":48', '"size":1e999')],
    ['a hexadecimal number', text.replace('"size":48', '"size":0x30')],
    ['a number of 10,000 digits', text.replace('"size":48', `"size":${'9'.repeat(10_000)}`)],
    ['NUL bytes behind it', `${text}\0`],
    ['nested lists', '['.repeat(30_000) + ']'.repeat(30_000)],
    ['unclosed lists', '['.repeat(60_000)],
    ['nested objects', '{"a":'.repeat(9_000) + '1' + '}'.repeat(9_000)],
    ['quotes', '"'.repeat(60_000)],
    ['a string of backslashes', `"${'\\'.repeat(60_000)}"`],
    ['a long string', `"${'a'.repeat(60_000)}"`],
    ['many keys', `{${Array.from({ length: 6000 }, (_, index) => `"${index}":1`).join()}}`],
  ])('%s is refused', (_what, bad) => {
    expect(fault(bad)).toMatchObject({ code: 'bad-manifest', blame: 'sender' });
  });

  test('invalid UTF-8 is refused', () => {
    const bytes = Buffer.from(text);
    bytes[bytes.indexOf('report')] = 0xff;
    expect(() => parseManifest(bytes)).toThrow(expect.objectContaining({ code: 'bad-manifest' }));
    expect(() => parseManifest(Buffer.from(text, 'utf16le'))).toThrow(
      expect.objectContaining({ code: 'bad-manifest' }),
    );
  });

  test('above the size limit it is refused unread', () => {
    expect(parse(text.padEnd(MAXIMUM_MANIFEST_SIZE, ' '))).toEqual(FULL);
    expect(fault(text.padEnd(MAXIMUM_MANIFEST_SIZE + 1, ' ')).code).toBe('limit-exceeded');
  });
});

describe('a key that stands twice', () => {
  const text = JSON.stringify(FULL);
  test.each([
    ['in a part', text.replace('"size":48', '"size":48,"size":49')],
    ['with the same value', text.replace('"size":48', '"size":48,"size":48')],
    ['at the top', text.replace('{"sealdrop":1', '{"sealdrop":1,"sealdrop":1')],
    ['spelled with an escape', text.replace('"size":48', '"size":48,"\\u0073ize":49')],
    ['with blanks before the colon', text.replace('"size":48', '"size":48,"size"\r\n\t :49')],
  ])('%s is refused', (_what, bad) => {
    expect(fault(bad)).toMatchObject({ code: 'bad-manifest', message: expect.stringContaining('twice') });
  });

  test('__proto__ is a key like others, and unknown', () => {
    const error = fault(text.replace('"size":48', '"size":48,"__proto__":{"file":"x"}'));
    expect(error.code).toBe('bad-manifest');
    expect(fault(text.replace('{"sealdrop":1', '{"__proto__":{"sealdrop":1}')).code).toBe('bad-manifest');
    expect(({} as Record<string, unknown>)['file']).toBeUndefined();
  });

  test('is not seen where a value only looks like a key', () => {
    const tricky = {
      ...FULL,
      payload: { ...FULL.payload, file: '"size": {a: "b":' },
      key: { ...FULL.key, file: '":' },
    };
    expect(parse(tricky)).toEqual(tricky);
  });
});

test('messages are short and without characters that act on a terminal, whatever the sender wrote', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\u001b[2J', '\u202e', '\n', 'k'.repeat(50_000))),
      (key) => {
        const error = fault(JSON.stringify({ ...FULL, [`x${key}`]: 1 }));
        expect(error.message).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]{1,300}$/u);
      },
    ),
  );
});

describe('parameters in a manifest', () => {
  test.each([
    '-aes-256-cbc -pbkdf2',
    '-aes-256-ctr -pbkdf2 -md sha512 -iter 600000',
    '-chacha20 -pbkdf2 -iter 1',
    '-aes-128-cbc -md md5',
    '-chacha -md md5',
    '-aes-256-cbc -pbkdf2 -nosalt',
    '-aes-256-cbc -pbkdf2 -S 0011223344556677',
    '-aes-256-cbc -pbkdf2 -S 00112233 -saltlen 4',
    '-aes-256-cbc -pbkdf2 -saltlen 16',
    '-aes-256-cbc -pbkdf2 -a',
    '-aes-256-cbc -pbkdf2 -a -A',
  ])('%s come back the same', (flags) => {
    const parameters = parseFlags(flags);
    const manifest = parse(changed('parameters', manifestParameters(parameters)));
    expect(parametersOfManifest(manifest.parameters)).toEqual(parameters);
  });

  test('any come back the same', () => {
    const names = CIPHER_NAMES.filter((name) => name !== 'chacha');
    const salt = fc.oneof(
      fc.constantFrom('', '-nosalt'),
      fc.integer({ min: 1, max: 16 }).map((length) => `-saltlen ${length}`),
      fc
        .uint8Array({ minLength: 1, maxLength: 16 })
        .map((bytes) => `-S ${Buffer.from(bytes).toString('hex')} -saltlen ${bytes.length}`),
    );
    const flags = fc.tuple(
      fc.constantFrom(...names).map((name) => `-${name}`),
      fc.oneof(
        fc.constantFrom(...DIGEST_NAMES).map((digest) => `-md ${digest}`),
        fc
          .tuple(fc.constantFrom(...DIGEST_NAMES), fc.integer({ min: 1, max: 2 ** 31 - 1 }))
          .map(([digest, count]) => `-pbkdf2 -md ${digest} -iter ${count}`),
      ),
      salt,
      fc.constantFrom('', '-a', '-a -A'),
    );
    fc.assert(
      fc.property(flags, (words) => {
        const parameters = parseFlags(words.join(' '));
        const manifest = parse(changed('parameters', manifestParameters(parameters)));
        expect(parametersOfManifest(manifest.parameters)).toEqual(parameters);
      }),
    );
  });

  test.each([
    '-aes-256-cbc -K file:key.bin -iv 00',
    '-aes-256-cbc -pbkdf2 -iv 00',
    '-aes-256-cbc -pbkdf2 -nopad',
    '-aes-256-cbc -kfile k',
  ])('%s cannot be said', (flags) => {
    expect(() => manifestParameters(parseFlags(flags))).toThrow(expect.objectContaining({ code: 'bad-parameters' }));
  });

  const base = FULL.parameters;
  test.each([
    [{ ...base, cipher: 'aes-256-xyz' }, 'unknown-cipher'],
    [{ ...base, cipher: 'rc4' }, 'unsupported-cipher'],
    [{ ...base, cipher: 'aes-256-gcm' }, 'unsupported-cipher'],
    [{ ...base, cipher: 'in', digest: '-aes-256-cbc' }, 'unknown-cipher'],
    [{ ...base, cipher: 'pass', digest: 'file:x' }, 'unknown-cipher'],
    [{ ...base, cipher: 'aes-256-cbc -nosalt' }, 'unknown-cipher'],
    [{ ...base, cipher: 'constructor' }, 'unknown-cipher'],
    [{ ...base, digest: 'sha257' }, 'bad-parameters'],
    [{ ...base, digest: '' }, 'bad-parameters'],
    [{ ...base, digest: '-nosalt' }, 'bad-parameters'],
    [{ ...base, iterations: 2 ** 31 }, 'bad-parameters'],
    [{ ...base, kdf: 'evp-bytes-to-key' as const }, 'bad-manifest'],
    [{ cipher: 'aes-256-cbc', digest: 'sha256', kdf: 'evp-bytes-to-key' as const, saltLength: 16 }, 'bad-manifest'],
  ])('%j is refused as %s', (parameters, code) => {
    expect(() => parametersOfManifest(parameters)).toThrow(expect.objectContaining({ code, blame: 'sender' }));
  });
});

describe('the MAC', () => {
  const directory = temporaryDirectory();
  const passphrase = randomBytes(32).toString('base64');
  const payload = randomBytes(100_000);
  const cases: readonly (readonly [string, string])[] = [
    ['-aes-256-cbc -pbkdf2', 'report.csv'],
    ['-aes-128-ctr -md md5 -a', '報告書 2.pdf'],
  ];

  test.each(cases)('of %s, %s is what stock openssl makes', (flags, name) => {
    const parameters = parseFlags(flags);
    const text = `sealdrop/v1/mac\n${formatFlags(parameters)}\n${name}\n${passphrase}`;
    const key = runOpenssl(['dgst', '-sha256', '-binary'], Buffer.from(text)).output;
    expect(macKey({ parameters, plaintextName: name, passphrase: Buffer.from(passphrase) })).toEqual(key);

    const file = join(directory, 'payload');
    writeFileSync(file, payload);
    const words = ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${key.toString('hex')}`, '-binary', file];
    const { output } = runOpenssl(words, Buffer.alloc(0));
    expect(
      payloadMac({ parameters, plaintextName: name, passphrase: Buffer.from(passphrase) })
        .update(payload)
        .digest(),
    ).toEqual(output);
  });

  test('binds parameters, name and passphrase, and no boundary between them can be moved', () => {
    const parameters = parseFlags('-aes-256-cbc -pbkdf2');
    const keyOf = (given: EncParameters, name: string, secret: string): string =>
      macKey({ parameters: given, plaintextName: name, passphrase: Buffer.from(secret) }).toString('hex');
    const keys = [
      keyOf(parameters, 'a', 'secret'),
      keyOf(parseFlags('-aes-256-ctr -pbkdf2'), 'a', 'secret'),
      keyOf(parseFlags('-aes-256-cbc -pbkdf2 -iter 10001'), 'a', 'secret'),
      keyOf(parseFlags('-aes-256-cbc -pbkdf2 -a'), 'a', 'secret'),
      keyOf(parameters, 'b', 'secret'),
      keyOf(parameters, 'as', 'ecret'),
      keyOf(parameters, 'a', 'secret2'),
      macKey({ parameters, plaintextName: 'a', sender: 'acme', passphrase: Buffer.from('secret') }).toString('hex'),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys[0]).toBe(
      createHash('sha256')
        .update('sealdrop/v1/mac\n-aes-256-cbc -pbkdf2 -md sha256 -iter 10000\na\nsecret')
        .digest('hex'),
    );
  });
});

describe('the published JSON Schema', () => {
  test('is what the package exports', () => {
    const path = createRequire(import.meta.url).resolve('@sealdrop/core/manifest.schema.json');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(manifestJsonSchema());
  });

  test('is draft 2020-12, closed, and describes version 1', () => {
    expect(manifestJsonSchema()).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      additionalProperties: false,
      required: ['sealdrop', 'payload', 'key', 'parameters', 'plaintext'],
      properties: { sealdrop: { const: 1 } },
    });
  });
});
