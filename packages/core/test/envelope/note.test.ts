import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CIPHER_NAMES,
  DIGEST_NAMES,
  findCipher,
  formatFlags,
  formatNote,
  formatOaep,
  MAXIMUM_NOTE_SIZE,
  oaepWith,
  OAEP_HASHES,
  parseNote,
  SealdropError,
} from '../../src/index.ts';
import type { EncParameters, KeyDerivation, Salt } from '../../src/index.ts';

function read(text: string): { flags: string; oaep: string | null } {
  const { parameters, oaep } = parseNote(Buffer.from(text));
  return { flags: formatFlags(parameters), oaep: oaep === null ? null : formatOaep(oaep) };
}

function fault(text: string | Uint8Array): SealdropError {
  try {
    parseNote(typeof text === 'string' ? Buffer.from(text) : text);
  } catch (error) {
    if (error instanceof SealdropError) return error;
    throw error;
  }
  throw new Error(`it should have been refused: ${text.toString()}`);
}

function outcomeOf(work: () => unknown): string {
  try {
    work();
    return 'read';
  } catch (error) {
    return error instanceof SealdropError ? error.code : String(error);
  }
}

const USUAL = '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000';

describe('notes that all say the usual parameters', () => {
  test.each([
    'AES-256-CBC with -aes-256-cbc flag',
    'openssl enc -aes-256-cbc -salt -pbkdf2',
    'cipher: aes-256-cbc\nkdf: pbkdf2\ndigest: sha256\niterations: 10000',
    'aes-256-cbc',
    '-aes-256-cbc',
    '-aes256',
    'AES256-CBC',
    'AES 256 CBC',
    'AES-256 in CBC mode',
    'aes_256_cbc',
    '256-bit AES in CBC mode',
    'AES-256-CBC, PBKDF2.',
    'Algorithm: AES-256-CBC',
    'Algorithm = AES-256-CBC',
    'Encryption algorithm: AES-256-CBC with the -aes-256-cbc flag.',
    'The file was encrypted with openssl, using AES-256-CBC and PBKDF2 with SHA-256 and 10,000 iterations.',
    'PBKDF2 (HMAC-SHA-256, 10000 iterations), AES-256-CBC',
    'cipher: AES-256-CBC\nkdf: PBKDF2-HMAC-SHA256\niterations: 10,000',
    'AES-256-CBC\n10000 rounds',
    'AES-256-CBC (PKCS7 padding)',
    'aes-256-cbc -iter 10000',
    'aes-256-cbc -md sha256 -iter 10000',
    'openssl aes-256-cbc -pbkdf2',
    'openssl enc -e -aes-256-cbc -pbkdf2 -in data.csv -out data.csv.enc -pass file:key.bin',
    'openssl enc --aes-256-cbc --pbkdf2 --md=sha256',
    'openssl enc -aes-256-cbc -pbkdf2 -md "sha256" -in "my file.csv" -out \'my file.enc\' -pass "file:./key.bin"',
    'openssl enc -aes-256-cbc -pbkdf2 -in my\\ file.csv -pass file:key.bin > my.enc',
    'Encrypted with: openssl enc with -pbkdf2, -md sha256, -iter 10000 and -aes-256-cbc.',
    'command: openssl enc -aes-256-cbc -pbkdf2 -pass file:key.bin -in x -out y',
    'tar czf - data | openssl enc -aes-256-cbc -pbkdf2 -pass file:key.bin -out data.enc',
    'cat data | openssl enc -aes-256-cbc -pbkdf2 > data.enc',
    'openssl enc -aes-256-cbc -pbkdf2 -in data -pass file:key.bin | split -b 1G - data.enc.',
    'openssl rand -base64 32 > key.bin && openssl enc -aes-256-cbc -pbkdf2 -in a -out b -pass file:key.bin',
    'openssl enc -aes-256-cbc \\\n  -pbkdf2 \\\n  -in a -out b',
    'openssl enc -aes-256-cbc \\\r\n  -pbkdf2 \\\r\n  -in a -out b\r\n',
    'openssl enc -aes-256-cbc ^\r\n  -pbkdf2 ^\r\n  -in a -out b\r\n',
    'openssl enc -aes-256-cbc `\r\n  -pbkdf2 `\r\n  -in a -out b\r\n',
    '$ openssl enc -aes-256-cbc -pbkdf2 -in a -out b',
    '> openssl enc -aes-256-cbc -pbkdf2 -in a -out b',
    'alice@host:~/out$ openssl enc -aes-256-cbc -pbkdf2 -in a -out b',
    '[alice@host out]$ openssl enc -aes-256-cbc -pbkdf2 -in a -out b',
    'root@host:/srv# openssl enc -aes-256-cbc -pbkdf2 -in a -out b',
    'C:\\Users\\alice>openssl enc -aes-256-cbc -pbkdf2 -in a -out b',
    'PS C:\\Users\\alice> & openssl.exe enc -aes-256-cbc -pbkdf2 -in a -out b',
    '/usr/local/opt/openssl@3/bin/openssl enc -aes-256-cbc -pbkdf2 -in a -out b',
    '```sh\nopenssl enc -aes-256-cbc -pbkdf2\n```',
    '# How it was encrypted\n\n- **Cipher:** AES-256-CBC\n- **KDF:** PBKDF2\n- **Iterations:** 10000',
    '* cipher: aes-256-cbc\n* kdf: pbkdf2',
    '1. cipher: aes-256-cbc\n2. kdf: pbkdf2',
    'OpenSSL 3.0.2 15 Mar 2022 (Library: OpenSSL 3.0.2 15 Mar 2022)\nAES-256-CBC',
    'LibreSSL 3.3.6\nAES-256-CBC, pbkdf2',
    'cipher : aes-256-cbc\nsalt: yes\nsalt length: 8\narmor: none',
    'CIPHER: AES-256-CBC\nKDF: PBKDF2\nDIGEST: SHA-256\nITERATIONS: 10 000',
    'iter=10000\ncipher=aes-256-cbc',
    'flags: -aes-256-cbc -pbkdf2',
    'Cipher: "aes-256-cbc"',
    'The payload data.csv.enc was encrypted with AES-256-CBC; key.bin.enc is the wrapped key.',
    '\n\n   aes-256-cbc   \n\n',
  ])('%j', (text) => {
    expect(read(text)).toEqual({ flags: USUAL, oaep: null });
  });

  test('in UTF-8 with a byte order mark, and in UTF-16 of both byte orders', () => {
    const text = '\ufeffAES-256-CBC with -aes-256-cbc flag\r\n';
    const little = Buffer.from(text, 'utf16le');
    const big = Buffer.from(little).swap16();
    for (const bytes of [Buffer.from(text), little, big]) {
      expect(formatFlags(parseNote(bytes).parameters)).toBe(USUAL);
    }
  });
});

describe('notes that say other parameters', () => {
  test.each([
    ['AES-128-CTR, PBKDF2 with SHA-512, 600,000 iterations', '-aes-128-ctr -pbkdf2 -md sha512 -iter 600000'],
    ['cipher: chacha20\niterations: 1_000_000', '-chacha20 -pbkdf2 -md sha256 -iter 1000000'],
    ['triple DES CBC', '-des-ede3-cbc -pbkdf2 -md sha256 -iter 10000'],
    ['3des-cbc, EVP_BytesToKey, md5', '-des-ede3-cbc -md md5'],
    ['openssl enc -aes-256-cbc -md md5', '-aes-256-cbc -md md5'],
    ['openssl enc -aes-256-cbc -md sha256', '-aes-256-cbc -md sha256'],
    ['digest: SHA-256\nopenssl enc -aes-256-cbc -md sha256', '-aes-256-cbc -md sha256'],
    ['openssl enc -aes-256-cbc -md sha256\ndigest: SHA-256', '-aes-256-cbc -md sha256'],
    ['AES-256-CBC, digest SHA-512', '-aes-256-cbc -pbkdf2 -md sha512 -iter 10000'],
    ['AES-256-CBC without PBKDF2', '-aes-256-cbc -md sha256'],
    ['cipher: aes-256-cbc\nkdf: EVP_BytesToKey\ndigest: md5', '-aes-256-cbc -md md5'],
    ['AES-256-CBC\niterations: 20000', '-aes-256-cbc -pbkdf2 -md sha256 -iter 20000'],
    ['aes-256-cbc -nosalt', '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000 -nosalt'],
    ['cipher: aes-256-cbc\nsalt: none', '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000 -nosalt'],
    ['cipher: aes-256-cbc\nsalt: 0011223344556677', '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000 -S 0011223344556677'],
    ['cipher: aes-256-cbc\nsalt length: 16', '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000 -saltlen 16'],
    ['cipher: aes-256-cbc\narmor: base64', '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000 -a'],
    ['openssl enc -aes-256-cbc -pbkdf2 -base64 -A', '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000 -a -A'],
    ['openssl enc -aes-256-cbc -pbkdf2 -kfile key.bin', '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000 -kfile key.bin'],
    [
      'openssl enc -aes-256-cbc -pbkdf2 -pass pass:"$(cat key.bin)" -in a',
      '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000 -pass "pass:$(cat key.bin)"',
    ],
    [
      '$ openssl enc -aes-256-cbc -salt -in a -out a.enc -pass file:key.bin\n' +
        '*** WARNING : deprecated key derivation used.\nUsing -iter or -pbkdf2 would be better.\n',
      '-aes-256-cbc -md sha256',
    ],
  ])('%j', (text, flags) => {
    expect(read(text).flags).toBe(flags);
  });
});

describe('what a note says of OAEP', () => {
  test.each([
    ['aes-256-cbc\noaep: sha256', 'sha256'],
    ['aes-256-cbc\nOAEP hash: SHA-1', 'sha1'],
    ['aes-256-cbc\nkey wrapping: RSA-OAEP with SHA-512', 'sha512'],
    ['AES-256-CBC; the key is wrapped with RSA-OAEP (SHA-256).', 'sha256'],
    ['AES-256-CBC; the key is wrapped with RSA-OAEP.', null],
    ['openssl rsautl -encrypt -oaep -pubin -inkey pub.pem -in key.bin -out key.bin.enc\naes-256-cbc', 'sha1'],
    ['openssl pkeyutl -encrypt -pubin -inkey p.pem -in k -out o -pkeyopt rsa_padding_mode:oaep\naes-256-cbc', 'sha1'],
    [
      'openssl pkeyutl -encrypt -in k -pkeyopt rsa_padding_mode:oaep \\\n -pkeyopt rsa_oaep_md:sha256 -out o\naes-256-cbc',
      'sha256',
    ],
    [
      'openssl pkeyutl -encrypt -in k -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 ' +
        '-pkeyopt rsa_mgf1_md:sha1 -out o\naes-256-cbc',
      'rsa_oaep_md:sha256 rsa_mgf1_md:sha1',
    ],
  ])('%j', (text, oaep) => {
    expect(read(text).oaep).toBe(oaep);
  });

  test('a digest after OAEP is not the derivation’s', () => {
    expect(read('AES-256-CBC, RSA-OAEP with SHA-1, PBKDF2')).toEqual({ flags: USUAL, oaep: 'sha1' });
  });

  test('a key wrapped without OAEP is refused by name', () => {
    const text = 'aes-256-cbc\nopenssl pkeyutl -encrypt -in k -pkeyopt rsa_padding_mode:pkcs1';
    expect(fault(text)).toMatchObject({ code: 'unsupported-oaep', message: expect.stringContaining('pkcs1') });
  });
});

test('the whole transcript of a sender is read', () => {
  const transcript = [
    'alice@host:~$ openssl version',
    'OpenSSL 3.0.2 15 Mar 2022 (Library: OpenSSL 3.0.2 15 Mar 2022)',
    'alice@host:~$ openssl rand -base64 32 > key.bin',
    'alice@host:~$ openssl rsautl -encrypt -oaep -pubin -inkey pub.pem -in key.bin -out key.bin.enc',
    "The command rsautl was deprecated in version 3.0. Use 'pkeyutl' instead.",
    'alice@host:~$ openssl pkeyutl -encrypt -pubin -inkey pub.pem -in key.bin -out key.bin.enc \\',
    '>   -pkeyopt rsa_padding_mode:oaep',
    'alice@host:~$ openssl enc -aes-256-cbc -salt -pbkdf2 -iter 100000 \\',
    '>   -in report.csv -out report.csv.enc -pass file:./key.bin',
    'alice@host:~$ sftp upload@example.org',
    '',
  ];
  for (const lineEnd of ['\n', '\r\n']) {
    expect(read(transcript.join(lineEnd))).toEqual({
      flags: '-aes-256-cbc -pbkdf2 -md sha256 -iter 100000',
      oaep: 'sha1',
    });
  }
});

describe('what is not understood', () => {
  test.each([
    ['AES-256-CBC with blowfish whirlpools', 'blowfish'],
    ['AES-256-CBC frobnicated', 'frobnicated'],
    ['openssl enc -aes-256-cbc -frobnicate', '-frobnicate'],
    ['cipher: aes-256-cbc\ndigest: sha257', 'sha257'],
    ['cipher: aes-256-xyz', 'aes-256-xyz'],
    ['cipher: aes-256-cbc\niterations: many', 'many'],
    ['cipher: aes-256-cbc\narmor: uuencode', 'uuencode'],
    ['AES-256-CBC constructor', 'constructor'],
    ['AES-256-CBC __proto__', '__proto__'],
    ['constructor: x\naes-256-cbc', 'constructor'],
    ['aes-256-cbc\noaep: sha257', 'sha257'],
  ])('%j is an error that names the word', (text, word) => {
    const error = fault(text);
    expect(error.blame).toBe('sender');
    expect(error.message).toContain(word);
  });

  test.each([
    ['AES-256-GCM', 'unsupported-cipher'],
    ['openssl enc -bf-cbc', 'unsupported-cipher'],
    ['openssl enc -aes-256-gcm', 'unsupported-cipher'],
    ['rc4', 'unsupported-cipher'],
  ])('%s is known but cannot be used', (text, code) => {
    expect(fault(text).code).toBe(code);
  });

  test.each([
    'AES-256-CBC with -aes-128-cbc flag',
    'cipher: aes-256-cbc\nkdf: pbkdf2\nkdf: EVP_BytesToKey',
    'aes-256-cbc\niterations: 10\niterations: 20',
    'aes-256-cbc -md md5\ndigest: sha256',
    'aes-256-cbc -salt -nosalt',
    'aes-256-cbc, EVP_BytesToKey, 1000 iterations',
    'aes-256-cbc\noaep: sha1\noaep: sha256',
    'openssl enc -aes-128-cbc -pbkdf2 && openssl enc -aes-256-cbc -pbkdf2',
    'OpenSSL 1.1.1 enc -aes-128-cbc\naes-256-cbc',
    'cat x | openssl enc -aes-128-cbc\naes-256-cbc',
  ])('%j contradicts itself', (text) => {
    expect(['bad-note', 'bad-parameters']).toContain(fault(text).code);
  });

  test.each(['', '\n\n', '# only a comment', 'see the mail', 'digest: sha256', 'openssl rand -base64 32 > key.bin'])(
    '%j does not name a cipher',
    (text) => {
      expect(['bad-note', 'bad-parameters']).toContain(fault(text).code);
    },
  );

  test.each([
    ['binary', Buffer.from([0x80, 0xff, 0x00, 0x01])],
    ['NUL bytes', Buffer.from('aes-256-cbc\0')],
    ['UTF-16 without byte order mark', Buffer.from('aes-256-cbc', 'utf16le')],
  ])('%s is not text', (_what, bytes) => {
    expect(fault(bytes)).toMatchObject({ code: 'bad-note', message: expect.stringContaining('not text') });
  });

  test('a word stands in the message without characters that act on a terminal, and not at any length', () => {
    const error = fault(`aes-256-cbc \u202e\u009b2J${'x'.repeat(10_000)}`);
    expect(error.message).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]{1,300}$/u);
  });

  test('a note above the size limit is refused, whatever it says', () => {
    const note = Buffer.alloc(MAXIMUM_NOTE_SIZE + 1, '\n');
    note.write('aes-256-cbc');
    expect(fault(note).code).toBe('limit-exceeded');
    expect(formatFlags(parseNote(note.subarray(0, MAXIMUM_NOTE_SIZE)).parameters)).toBe(USUAL);
  });
});

describe('a secret in a note is never repeated', () => {
  const SECRET = 'hunter2hunter2hunter2';
  test.each([
    `openssl enc -aes-256-cbc -k ${SECRET}`,
    `openssl enc -aes-256-cbc -pass pass:${SECRET}`,
    `openssl enc -aes-256-cbc -pass=pass:${SECRET}`,
    `openssl enc -aes-256-cbc --pass pass:${SECRET}`,
    `openssl enc -aes-256-cbc -pass "pass:${SECRET} ${SECRET}"`,
    `openssl enc -aes-256-cbc -pass pass:"word ${SECRET}"`,
    `openssl enc -aes-256-cbc -pass pass:${SECRET}1 \nopenssl enc -aes-256-cbc -pass pass:${SECRET}2`,
    `aes-256-cbc -k ${SECRET}1 -k ${SECRET}2`,
    `openssl enc -aes-256-cbc -K 00112233445566778899aabbccddeeff -iv 00 -k ${SECRET}`,
    `aes-256-cbc -K ${SECRET}`,
    `cipher: aes-256-cbc\npassword: ${SECRET}`,
    `cipher: aes-256-cbc\nPassphrase = ${SECRET}`,
    `cipher: aes-256-cbc\nkey: ${SECRET}`,
    `cipher: aes-256-cbc\nThe password is ${SECRET}`,
    `aes-256-cbc, secret key "${SECRET}"`,
    `cipher: aes-256-cbc\npwd: ${SECRET}`,
    `openssl enc -aes-256-cbc -pbkdf2 -pass pass:'${SECRET}`,
    `echo ${SECRET} | openssl enc -aes-256-cbc -k ${SECRET}`,
  ])('%j', (text) => {
    const error = fault(text);
    expect(`${error.message} ${error.hint} ${JSON.stringify(error.details)}`).not.toContain('hunter2');
    expect(error.blame).toBe('sender');
  });
});

describe('formatNote', () => {
  const derivation: fc.Arbitrary<KeyDerivation> = fc.oneof(
    fc.record({
      method: fc.constant('pbkdf2' as const),
      digest: fc.constantFrom(...DIGEST_NAMES),
      iterations: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    }),
    fc.record({ method: fc.constant('evp-bytes-to-key' as const), digest: fc.constantFrom(...DIGEST_NAMES) }),
  );

  function saltFor({ method }: KeyDerivation): fc.Arbitrary<Salt> {
    const length = method === 'pbkdf2' ? fc.integer({ min: 1, max: 16 }) : fc.constant(8);
    return fc.oneof(
      fc.record({ kind: fc.constant('header' as const), length }),
      fc.record({ kind: fc.constant('none' as const) }),
      length.chain((size) =>
        fc.record({
          kind: fc.constant('given' as const),
          bytes: fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => Uint8Array.from(bytes)),
        }),
      ),
    );
  }

  const ciphers = CIPHER_NAMES.filter((name) => name !== 'chacha');
  const parametersArbitrary: fc.Arbitrary<EncParameters> = fc
    .record({ keyDerivation: derivation, cipher: fc.constantFrom(...ciphers) })
    .chain(({ keyDerivation, cipher }) => {
      const { ivLength, blockLength } = findCipher(cipher);
      const givenIv = fc.uint8Array({ minLength: ivLength, maxLength: ivLength }).map((iv) => Uint8Array.from(iv));
      return fc.record({
        keyDerivation: fc.constant(keyDerivation),
        cipher: fc.constant(cipher),
        salt: saltFor(keyDerivation),
        iv: ivLength === 0 ? fc.constant(null) : fc.option(givenIv),
        padding: blockLength === 1 ? fc.constant('pkcs7' as const) : fc.constantFrom('pkcs7' as const, 'none' as const),
        armor: fc.constantFrom('none' as const, 'lines' as const, 'one-line' as const),
        passphraseRule: fc.constantFrom('file' as const, 'kfile' as const, 'argument' as const),
      });
    });

  test('is read back as the same parameters and OAEP, whatever they are', () => {
    fc.assert(
      fc.property(parametersArbitrary, fc.constantFrom(...OAEP_HASHES), (parameters, hash) => {
        const note = parseNote(Buffer.from(formatNote(parameters, oaepWith(hash))));
        expect(note).toEqual({ parameters, oaep: oaepWith(hash) });
      }),
      { numRuns: 500 },
    );
  });

  test('says an MGF1 hash and a label too', () => {
    const oaep = { hash: 'sha256', mgf1Hash: 'sha1', label: Uint8Array.of(1, 2) } as const;
    const { parameters } = parseNote(Buffer.from('aes-256-cbc'));
    expect(parseNote(Buffer.from(formatNote(parameters, oaep))).oaep).toEqual(oaep);
  });

  test.each(['-K file:key.bin -iv 00', '-K raw:key.bin -iv 00'])('says a raw key (%s)', (flags) => {
    const { parameters } = parseNote(Buffer.from(`openssl enc -aes-256-cbc ${flags}`));
    expect(parameters.keyDerivation.method).toBe('raw-key');
    expect(parseNote(Buffer.from(formatNote(parameters, oaepWith('sha1')))).parameters).toEqual(parameters);
  });
});

describe('hostile text ends like any other', () => {
  const fill = (unit: string): string => unit.repeat(Math.floor(MAXIMUM_NOTE_SIZE / unit.length));
  test.each([
    ['blanks between letters', `a${fill(' ').slice(2)}b`],
    ['a field name without end', fill('a ')],
    ['dots and a letter', `${fill('.').slice(1)}a`],
    ['closing parentheses', `${fill(')').slice(1)}a`],
    ['quotes', fill('"')],
    ['unequal quotes', fill(`"'`).slice(1)],
    ['nested substitutions', `openssl enc ${fill('$(').slice(12)}`],
    ['backticks', `openssl enc ${fill('`').slice(13)}`],
    ['backslashes', `openssl enc ${fill('\\').slice(12)}`],
    ['continuations', fill('\\\n')],
    ['prompts', fill('$ ')],
    ['prompt characters', fill('>')],
    ['pipes', fill('|')],
    ['dashes', fill('-')],
    ['aes', fill('aes ')],
    ['aes-256', fill('aes-256-')],
    ['digits and commas', fill('1,')],
    ['thousands', fill('000,')],
    ['OAEP', fill('oaep ')],
    ['openssl', fill('openssl ')],
    ['openssl lines', fill('openssl enc\n')],
    ['flags with values', fill('-in ')],
    ['numbered lists', fill('1. ')],
    ['stars', fill('*')],
    ['without', fill('without ')],
    ['equal signs', fill('=')],
    ['pkeyutl', `openssl pkeyutl ${fill('rsa_oaep_md:').slice(16)}`],
    ['short lines', fill('a\n')],
    ['many fields', fill('iter: 1\n')],
    ['key words', fill('pbkdf')],
    ['versions', `openssl ${fill('1.').slice(9)}`],
  ])('%s', (_what, text) => {
    expect(text.length).toBeLessThanOrEqual(MAXIMUM_NOTE_SIZE);
    expect(fault(text).blame).toBe('sender');
  });

  test('any text is read or refused with a code', () => {
    const words = fc.constantFrom(
      ...'openssl enc -aes-256-cbc -pbkdf2 -md sha256 -iter : = | && ; > \\ " \' $ ( ) # - -- oaep pkeyutl rsautl key'.split(
        ' ',
      ),
      '\n',
      '\r\n',
      '$(cat key.bin)',
    );
    const text = fc.oneof(
      fc.array(words, { maxLength: 30 }).map((list) => list.join(' ')),
      fc.string({ unit: 'binary', maxLength: 100 }),
    );
    fc.assert(
      fc.property(text, (note) => {
        const outcome = outcomeOf(() => parseNote(Buffer.from(note)));
        expect(outcome).toMatch(/^(?:read|[a-z-]+)$/);
        expect(outcome).not.toBe('internal');
      }),
      { numRuns: 2000 },
    );
  });
});
