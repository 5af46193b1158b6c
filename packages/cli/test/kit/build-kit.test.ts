/** The kit as a whole: what is in it, and that it is the same every time. */
import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { loadPublicKey, publicKeyFingerprint } from '@sealdrop/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildKit } from '../../src/kit/build-kit.ts';
import { formatZip } from '../../src/kit/write-kit.ts';
import { Fixture, fingerprintAloud, SENDER } from './kit-fixture.ts';

const PARTS = ['README.txt', 'encrypt.html', 'encrypt.ps1', 'encrypt.sh', 'pubkey.pem'];

let fixture: Fixture;
beforeAll(() => {
  fixture = new Fixture();
});
afterAll(() => fixture.remove());

describe('the parts', () => {
  test('are five, with the shell script to be run', () => {
    const kit = buildKit({ publicKey: fixture.publicKey, sender: SENDER });
    expect(kit.map(({ name, mode }) => [name, mode])).toEqual(
      PARTS.map((name) => [name, name === 'encrypt.sh' ? 0o755 : 0o644]),
    );
  });

  test('show the fingerprint that openssl computes, each of them', () => {
    const groups = fingerprintAloud(fixture).split(' ');
    expect(groups).toHaveLength(16);
    for (const { bytes } of buildKit({ publicKey: fixture.publicKey, sender: SENDER })) {
      const words = bytes
        .toString()
        .replaceAll(/<\/?span>/g, '')
        .split(/\s+/);
      expect(words.join(' ')).toMatch(new RegExp(groups.join(String.raw`\s+`)));
    }
  });

  test('name sender, key and destination where they are given', () => {
    const upload = 'acme@sftp.example.org:inbox';
    const kit = buildKit({ publicKey: fixture.publicKey, sender: 'acme', keyName: 'alias/inbound', upload });
    for (const { name, bytes } of kit) {
      expect(bytes.toString()).toContain(
        "Kit for acme; the receiver's key is alias/inbound".replace("'", name === 'encrypt.html' ? '&#39;' : "'"),
      );
    }
    for (const name of ['README.txt', 'encrypt.html', 'encrypt.sh']) {
      expect(kit.find((file) => file.name === name)?.bytes.toString()).toContain(upload);
    }
  });

  test.each([SENDER, undefined])('leave no place of a template unfilled, for %s', (sender) => {
    for (const { bytes } of buildKit({ publicKey: fixture.publicKey, sender })) {
      expect(bytes.toString()).not.toMatch(/\{\{\w+\}\}/);
    }
  });

  test('are for any sender where none is named, and README.txt says what that means', () => {
    const textOf = (sender?: string) => {
      const kit = buildKit({ publicKey: fixture.publicKey, sender });
      return kit.find(({ name }) => name === 'README.txt')?.bytes.toString() ?? '';
    };
    expect(textOf()).toContain('Kit for any sender\n');
    expect(textOf()).toContain('The manifest does not name you');
    expect(textOf('acme')).toContain('The manifest names you, sealed in with the rest:\n\n    acme\n');
  });

  test('pubkey.pem is read by openssl and by Sealdrop in spite of the words before the key', () => {
    const fingerprint = publicKeyFingerprint(fixture.publicKey);
    const bytes = readFileSync(fixture.path('kit', 'pubkey.pem'));
    expect(publicKeyFingerprint(loadPublicKey(bytes, 'pubkey.pem'))).toBe(fingerprint);
    expect(publicKeyFingerprint(createPublicKey(bytes))).toBe(fingerprint);
    const der = fixture.openssl('pkey', '-pubin', '-in', 'kit/pubkey.pem', '-outform', 'DER');
    expect(der.equals(fixture.publicKey.export({ format: 'der', type: 'spki' }))).toBe(true);
  });

  test.each([
    "x'; rm -rf ~ #",
    'two\nlines',
    '$(id)',
    '`id`',
    '#>',
    '"',
    '</script>',
    '{{kit}}',
    '',
    'acme ',
    'x'.repeat(65),
    '‘quoted’',
  ])('refuse a sender that could be more than a name: %j', (sender) => {
    expect(() => buildKit({ publicKey: fixture.publicKey, sender })).toThrow('cannot be written into a kit');
  });

  test.each(['-oProxyCommand=id', 'a b', "a'b", 'a\nb', '$HOME', ''])(
    'refuse a destination that could be more: %j',
    (upload) => {
      expect(() => buildKit({ publicKey: fixture.publicKey, sender: 'acme', upload })).toThrow(
        'cannot be written into a kit',
      );
    },
  );
});

describe('the steps of README.txt', () => {
  /** The commands of the README: four spaces, then openssl, echo or rm; joined where a line goes on. */
  function commands(pattern: RegExp): string {
    const text = readFileSync(fixture.path('kit', 'README.txt'), 'utf8').replaceAll('\\\n', ' ');
    const lines = text.split('\n').filter((line) => /^ {4}(openssl|echo)/.test(line) && pattern.test(line));
    return lines.join('\n').replaceAll('FILE', 'data.csv').replaceAll('pubkey.pem', '../kit/pubkey.pem');
  }

  test.each([
    ['pkeyutl', /rand|enc -aes|pkeyutl|echo/],
    ['rsautl', /rand|enc -aes|rsautl|echo/],
  ])('make an envelope that opens, with %s', async (_title, pattern) => {
    const folder = fixture.freshFolder('by-hand');
    writeFileSync(`${folder}/data.csv`, 'a,b\n');
    execFileSync('sh', ['-ec', `${commands(pattern)}\nrm key.bin data.csv`], { cwd: folder, stdio: 'ignore' });
    const { findEnvelopes, openEnvelope } = await import('@sealdrop/core');
    const [members] = await findEnvelopes([folder], 'by-note');
    if (members === undefined) throw new Error('no envelope');
    const opened = await openEnvelope(members, { keys: [await fixture.privateKey()] });
    const chunks: Buffer[] = [];
    for await (const chunk of opened.plaintext()) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('a,b\n');
    expect(opened.plaintextName).toBe('data.csv');
  });

  test('give the fingerprint with the command that says so', () => {
    const command = commands(/dgst/).replaceAll('../kit/', 'kit/');
    const output = execFileSync('sh', ['-c', command], { cwd: fixture.folder, encoding: 'utf8' });
    expect(output).toContain(fingerprintAloud(fixture).replaceAll(' ', ''));
  });
});

describe('the same kit', () => {
  test('has the same bytes, as files and as zip, in another time zone and year too', async () => {
    const build = () =>
      buildKit({ publicKey: createPublicKey(readFileSync(fixture.path('kit', 'pubkey.pem'))), sender: SENDER });
    expect(build()).toEqual(build());
    const zone = process.env['TZ'];
    const zips: string[] = [];
    for (const timeZone of ['Pacific/Kiritimati', 'America/Los_Angeles']) {
      process.env['TZ'] = timeZone;
      zips.push(Buffer.from(await formatZip(build())).toString('base64'));
    }
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
    expect(zips[0]).toBe(zips[1]);
  });

  test('comes out of the zip as it went in, with its permissions', async () => {
    const kit = buildKit({ publicKey: fixture.publicKey, sender: SENDER });
    const zip = Buffer.from(await formatZip(kit));
    const folder = fixture.freshFolder('unzipped');
    writeFileSync(`${folder}/kit.zip`, zip);
    execFileSync('busybox', ['unzip', '-q', 'kit.zip'], { cwd: folder });
    for (const { name, bytes } of kit) {
      expect(readFileSync(`${folder}/sealdrop-kit/${name}`).equals(bytes)).toBe(true);
    }
    expect(unixModes(zip)).toEqual(kit.map(({ mode }) => 0o100000 | mode));
  });
});

/** APPNOTE.TXT 4.3.12: the upper half of the external file attributes in each entry of the central directory. */
function unixModes(zip: Buffer): readonly number[] {
  const signature = Buffer.from('PK\u0001\u0002', 'latin1');
  const modes: number[] = [];
  for (let at = zip.indexOf(signature); at !== -1; at = zip.indexOf(signature, at + 1))
    modes.push(zip.readUInt16LE(at + 40));
  return modes;
}
