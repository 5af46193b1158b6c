/** Payloads that something was done to after openssl enc, or that another program made: what they are is said, and nobody is accused wrongly. */
import { execFileSync } from 'node:child_process';
import { constants, publicEncrypt, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { diagnoseEnvelope } from '../../src/index.ts';
import type { Diagnosis } from '../../src/index.ts';
import { newDirectory, newReceiver } from './envelope-kit.ts';

const receiver = await newReceiver();
const KEY_TEXT = `${randomBytes(32).toString('base64')}\n`;
const TEXT = 'id,name,amount\n1,Ada,12.50\n2,Bob,7.25\n3,Eve,0.00\n'.repeat(20);
const BUDGET = 60_000;

/** What a shell script makes of `plain`, of `payload` (openssl enc) and `payload.txt` (openssl enc -a), as the payload of an envelope. */
async function diagnoseMade(script: string): Promise<Diagnosis & { readonly directory: string }> {
  const directory = newDirectory();
  const at = (name: string) => join(directory, name);
  writeFileSync(at('plain'), TEXT);
  writeFileSync(at('key.bin'), KEY_TEXT);
  const enc = 'openssl enc -aes-256-cbc -pbkdf2 -pass file:key.bin -in plain';
  execFileSync('bash', ['-ec', `${enc} -out payload; ${enc} -a -out payload.txt; ${script}`], { cwd: directory });
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const wrapped = publicEncrypt({ key: receiver.publicKey, padding, oaepHash: 'sha256' }, Buffer.from(KEY_TEXT));
  writeFileSync(at('data.key.enc'), wrapped);
  writeFileSync(at('data.alg'), 'openssl enc -aes-256-cbc -pbkdf2\n');
  const members = {
    payload: at('data.enc'),
    wrappedKey: at('data.key.enc'),
    note: at('data.alg'),
    manifest: null,
    signature: null,
  };
  return { ...(await diagnoseEnvelope(members, { keys: [receiver.key], budget: BUDGET })), directory };
}

const ZIP = "python3 -c \"import zipfile, sys; zipfile.ZipFile('data.enc', 'w', int(sys.argv[1])).write(sys.argv[2])\"";
const CERTIFICATE = 'openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout k -out c 2>/dev/null';

describe('what was made of an encrypted payload is never called readable by anyone', () => {
  test.each<readonly [string, string, RegExp]>([
    ['in a ZIP archive', `${ZIP} 8 payload.txt`, /is a ZIP archive: it was packed after it was encrypted, or/],
    ['stored in a ZIP archive', `${ZIP} 0 payload`, /is a ZIP archive, packed after it was encrypted: unpack it/],
    ['in a tar archive', 'tar -cf data.enc payload', /is a tar archive, packed after it was encrypted: unpack it/],
    [
      'in an upload form',
      "{ printf -- '--x\\r\\n\\r\\n'; cat payload; } > data.enc",
      /has 7 bytes in front of what openssl enc wrote/,
    ],
    ['as xxd prints it', 'xxd payload > data.enc', /is a dump of what openssl enc wrote/],
    ['as hexdump prints it', 'od -Ax -tx1z payload > data.enc', /is a dump of what openssl enc wrote/],
    [
      'by > in Windows PowerShell',
      "{ printf '\\377\\376'; iconv -f CP437 -t UTF-16LE payload; } > data.enc",
      /was written by > in Windows PowerShell, which took it for text and destroyed it/,
    ],
    [
      'taken for Latin-1',
      'iconv -f ISO-8859-1 -t UTF-8 payload > data.enc',
      /was turned into UTF-8 by a program that took it for text in Latin-1/,
    ],
    ['kept to seven bits', "tr '\\200-\\377' '\\000-\\177' < payload > data.enc", /keeps seven bits of each byte/],
    [
      'lost, and a page of the server in its place',
      "printf '<!DOCTYPE html>\\n<title>Sign in</title>\\n' > data.enc",
      /is an HTML page, as a server or proxy sends it in place of a file/,
    ],
    [
      'made with a salt of its own',
      'openssl enc -aes-256-cbc -pbkdf2 -S 0011223344556677 -pass file:key.bin -in plain -out data.enc',
      /does not begin with Salted__, as openssl enc writes it: it was made with -S or -K/,
    ],
    [
      'compressed with bzip2',
      "python3 -c \"import bz2; open('data.enc','wb').write(bz2.compress(open('payload','rb').read()))\"",
      /is bzip2 data: it was packed/,
    ],
    [
      'with a byte order mark in front',
      "{ printf '\\357\\273\\277'; cat payload; } > data.enc",
      /has 3 bytes in front/,
    ],
    ['as base64 text in UTF-16', 'iconv -f UTF-8 -t UTF-16 payload.txt > data.enc', /is base64 text in UTF-16/],
    ['as hexadecimal text', 'xxd -p payload > data.enc', /is hexadecimal text of what openssl enc wrote/],
    ['as base64 text of base64 text', 'openssl base64 -in payload.txt -out data.enc', /is base64 text of base64 text/],
    ['as base64 text within a message', "{ echo 'Dear all,'; cat payload.txt; } > data.enc", /other text in front/],
    [
      'as an S/MIME message',
      `${CERTIFICATE}; openssl smime -encrypt -in plain -out data.enc c`,
      /is an S\/MIME message, which another/,
    ],
    [
      'as a CMS message with headers',
      `${CERTIFICATE}; openssl cms -encrypt -aes256 -in plain -out data.enc c`,
      /is an S\/MIME message/,
    ],
    [
      'as a JSON Web Encryption',
      'echo eyJhbGciOiJSU0EtT0FFUCJ9.UGhXOU.AxY8DC.KDlTtX.XFBoMY > data.enc',
      /is a JSON Web Encryption, which another/,
    ],
    [
      'reserved, but never written',
      'head -c 5000 /dev/zero > data.enc',
      /nothing but zero bytes: its room was reserved/,
    ],
    [
      'reserved, and written only far behind',
      '{ head -c 100000 /dev/zero; cat payload; } > data.enc',
      /begins with \d+ zero bytes: its room was reserved/,
    ],
    [
      'as a PGP/MIME message',
      "printf 'From: a\\nContent-Type: multipart/encrypted; boundary=x\\n\\n--x\\n' > data.enc",
      /is a PGP\/MIME message, which another/,
    ],
  ])('%s', async (_what, script, sentence) => {
    const diagnosis = await diagnoseMade(script);
    expect(diagnosis).toMatchObject({ outcome: 'does-not-open', repair: null });
    expect(diagnosis.sentence).toMatch(sentence);
    expect(diagnosis.senderMessage).not.toMatch(/is not encrypted/);
  });
});

test('base64 text behind a byte order mark is opened by the command that is printed', async () => {
  const { commands, verdict, directory } = await diagnoseMade(
    "{ printf '\\357\\273\\277'; cat payload.txt; } > data.enc",
  );
  expect(verdict).toBe('certain');
  execFileSync('sh', ['-ec', commands?.openssl ?? 'false'], { cwd: directory, stdio: 'ignore' });
  expect(readFileSync(join(directory, 'data'), 'utf8')).toBe(TEXT);
});

test('base64 text behind a byte order mark is nothing else when the key is wrong', async () => {
  const mark = "printf '\\357\\273\\277'";
  const enc = 'openssl enc -aes-256-cbc -pbkdf2 -a -in plain -pass pass:another';
  const { sentence } = await diagnoseMade(`{ ${mark}; ${enc}; } > data.enc`);
  expect(sentence).toMatch(/^The wrapped key opens, but no reading of the key file/);
});

/** Under any key at all, equal blocks of ciphertext decrypt to equal blocks: that is a pattern, and proves nothing. */
describe('a pattern in the ciphertext is no evidence for a key', () => {
  test.each([
    ['zeroes behind a header', '{ head -c 16 payload; head -c 8192 /dev/zero; } > data.enc'],
    [
      'one block again and again',
      '{ head -c 16 payload; for i in {1..500}; do echo "fifteen letters"; done; } > data.enc',
    ],
    ['zeroes without a header', 'head -c 8192 /dev/zero > data.enc'],
  ])('%s', async (_what, script) => {
    for (let repetition = 0; repetition < 3; repetition++) {
      const { outcome, falseAlarmLog2, sentence } = await diagnoseMade(script);
      expect(outcome).toBe('does-not-open');
      expect(falseAlarmLog2 ?? 0).toBeGreaterThan(-10);
      expect(sentence).toMatch(/^The payload (?:repeats itself after \d+ bytes|holds nothing but zero bytes)/);
    }
  });

  test('the part before it is evidence all the same', async () => {
    const { sentence } = await diagnoseMade('{ cat payload; head -c 4096 /dev/zero; } > data.enc');
    expect(sentence).toMatch(
      /^The payload repeats itself after \d+ bytes of ciphertext, .* or added to\. Key and parameters fit/,
    );
  });
});
