/**
 * encrypt.ps1 without PowerShell, which cannot be had on the machines that run these tests. So: a PowerShell grammar reads it; every
 * command, .NET type and member in it is one that was looked up for .NET Framework 4.6 and .NET 8; and a port of its algorithm, step for
 * step and with the script's own constants, makes envelopes that open. What none of this shows: that PowerShell runs it.
 */
import {
  createCipheriv,
  createHmac,
  createPublicKey,
  createHash,
  constants,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { checkPlaintextName } from '@sealdrop/core';
import { Language, Parser } from 'web-tree-sitter';
import type { Node } from 'web-tree-sitter';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fixture, openBothWays } from './kit-fixture.ts';

let fixture: Fixture;
let script: string;
let root: Node;
let parser: Parser;
beforeAll(async () => {
  fixture = new Fixture();
  script = readFileSync(fixture.path('kit', 'encrypt.ps1'), 'utf8');
  const grammar = dirname(createRequire(import.meta.url).resolve('tree-sitter-powershell/package.json'));
  await Parser.init();
  parser = new Parser();
  parser.setLanguage(await Language.load(join(grammar, 'tree-sitter-powershell.wasm')));
  root = parse(script.replace('\uFEFF', ''));
});
afterAll(() => fixture.remove());

function parse(source: string): Node {
  const tree = parser.parse(source);
  if (tree === null) throw new Error('no tree');
  return tree.rootNode;
}

function textsOf(type: string): readonly string[] {
  return [...new Set(root.descendantsOfType(type).map((node) => node?.text ?? ''))].toSorted();
}

describe('as a grammar sees it', () => {
  test('it is PowerShell', () => {
    expect(root.hasError).toBe(false);
  });

  test('the grammar would see a brace, a bracket or a quotation mark too many or too few', () => {
    const source = root.text;
    for (const mark of ['}', ')', "'", '{']) {
      const at = source.lastIndexOf(mark);
      expect([mark, parse(source.slice(0, at) + source.slice(at + 1)).hasError]).toEqual([mark, true]);
    }
  });

  test('it begins with a byte order mark, so that Windows PowerShell reads UTF-8', () => {
    expect(readFileSync(fixture.path('kit', 'encrypt.ps1')).subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]));
  });

  test('it calls its own functions, each of them, and five cmdlets that every PowerShell has', () => {
    const cmdlets = ['Join-Path', 'New-Object', 'Resolve-Path', 'Set-StrictMode', 'Write-Output'];
    expect(textsOf('command_name')).toEqual([...cmdlets, ...textsOf('function_name')].toSorted());
  });

  test('it reads no variable that nothing sets', () => {
    const automatic = ['$true', '$false', '$null', '$PSVersionTable', '$ErrorActionPreference'];
    const names = (texts: readonly string[]) => new Set(texts.map((text) => text.toLowerCase()));
    const source = root.text;
    const set = names([
      ...automatic,
      ...[...source.matchAll(/(\$\w+)(?:\[\$\w+\])? \+?=/g)].map(([, name = '']) => name),
      ...[...source.matchAll(/(?:foreach \(|for \()(\$\w+)/g)].map(([, name = '']) => name),
      ...root.descendantsOfType('script_parameter').map((node) => /\$\w+(?= =|$)/.exec(node?.text ?? '')?.[0] ?? ''),
    ]);
    const read = names(textsOf('variable').map((text) => text.replaceAll(/[{}]/g, '')));
    expect([...read].filter((name) => !set.has(name))).toEqual([]);
  });

  test('it uses only .NET types and members that .NET Framework 4.6 has, but for one, which it can do without', () => {
    expect(textsOf('type_literal')).toEqual(TYPES.toSorted());
    expect(textsOf('member_name')).toEqual(MEMBERS.toSorted());
    // HashAlgorithmName in this constructor is of 4.7.2.
    expect(script).toMatch(
      /try \{\s+\$sha256 = .*\s+\$derivation = .*Rfc2898DeriveBytes\]::new\(.*\$sha256\)\s+\} catch/,
    );
  });
});

const CRYPTOGRAPHY = [
  'Aes',
  'CipherMode',
  'CryptoStream',
  'CryptoStreamMode',
  'HMACSHA256',
  'HashAlgorithmName',
  'PaddingMode',
  'RSA',
  'RSAEncryptionPadding',
  'RandomNumberGenerator',
  'Rfc2898DeriveBytes',
  'SHA256',
];
const TYPES = [
  ...CRYPTOGRAPHY.map((name) => `[System.Security.Cryptography.${name}]`),
  '[Array]',
  '[BitConverter]',
  '[Convert]',
  '[IO.Directory]',
  '[IO.File]',
  '[IO.FileMode]',
  '[IO.FileStream]',
  '[IO.Path]',
  '[System.Text.UTF8Encoding]',
  '[byte[]]',
  '[int]',
  '[string[]]',
  '[string]',
  '[switch]',
  '[void]',
];
const MEMBERS = [
  // System, System.Text
  'Clone',
  'Copy',
  'FromBase64String',
  'GetByteCount',
  'GetBytes',
  'GetString',
  'Length',
  'Replace',
  'StartsWith',
  'ToBase64String',
  'ToLowerInvariant',
  'ToString',
  // System.IO
  'CopyTo',
  'CreateDirectory',
  'CreateNew',
  'Delete',
  'Exists',
  'Flush',
  'GetDirectoryName',
  'GetFileName',
  'GetTempPath',
  'Move',
  'OpenRead',
  'Position',
  'ReadAllBytes',
  'Write',
  'WriteAllBytes',
  'WriteAllText',
  // System.Security.Cryptography
  'CBC',
  'ComputeHash',
  'Create',
  'CreateDecryptor',
  'CreateEncryptor',
  'Dispose',
  'Encrypt',
  'Exponent',
  'FlushFinalBlock',
  'Hash',
  'ImportParameters',
  'Mode',
  'Modulus',
  'OaepSHA256',
  'PKCS7',
  'Padding',
  'SHA256',
  'TransformFinalBlock',
  // PowerShell, and the script's own table
  'Count',
  'Mac',
  'Major',
  'PSVersion',
  'PayloadSize',
  'PlaintextSize',
  'ProviderPath',
  'new',
];

/** A value that the script assigns, as written. */
function valueOf(variable: string): string {
  const value = new RegExp(String.raw`^\$${variable} = '?(.*?)'?$`, 'm').exec(script)?.[1];
  if (value === undefined) throw new Error(`the script sets no ${variable}`);
  return value;
}

/** `Get-KeyAndIvSlowly`. */
function keyAndIv(passphrase: Buffer, salt: Buffer): Buffer {
  const derived = Buffer.alloc(64);
  for (const block of [1, 2]) {
    let last = createHmac('sha256', passphrase)
      .update(Buffer.from([...salt, 0, 0, 0, block]))
      .digest();
    const sum = Buffer.from(last);
    for (let round = 1; round < Number(valueOf('Iterations')); round++) {
      last = createHmac('sha256', passphrase).update(last).digest();
      for (let i = 0; i < 32; i++) sum.writeUInt8((sum[i] ?? 0) ^ (last[i] ?? 0), i);
    }
    sum.copy(derived, 32 * (block - 1), 0, 32);
  }
  return derived.subarray(0, 48);
}

/** `Protect-KeyFile`: RSAParameters from the script's modulus and exponent. */
function protectKeyFile(keyFile: Buffer): Buffer {
  const toUrl = (base64: string) => Buffer.from(base64, 'base64').toString('base64url');
  const jwk = { kty: 'RSA', n: toUrl(valueOf('Modulus')), e: toUrl(valueOf('Exponent')) };
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, keyFile);
}

interface Facts {
  readonly Name: string;
  readonly Stem: string;
  readonly Facts: Readonly<Record<'PayloadSize' | 'PlaintextSize' | 'Mac', string | number>>;
}

/** `Format-Manifest`, by reading its own lines: expressions in strings are looked up, backquotes taken away. */
function formatManifest(given: Facts): string {
  const body = /\$lines = @\(([^]*?)\n  \)\n/.exec(script)?.[1] ?? '';
  const literals = [...body.matchAll(/'([^']*)'|"((?:`.|\$\(ConvertTo-JsonText "[^"]*"\)|[^"`])*)"/g)];
  const expand = (text: string): string =>
    text
      .replaceAll(
        /\$\(ConvertTo-JsonText ("?)(.*?)\1\)/g,
        (_all, _quote, inner: string) => `"${expand(inner).replaceAll('"', '\\"')}"`,
      )
      .replaceAll(/\$\(\$Facts\.(\w+)\)/g, (_all, field: keyof Facts['Facts']) => String(given.Facts[field]))
      .replaceAll(/\$(Name|Stem)/g, (_all, field: 'Name' | 'Stem') => given[field])
      .replaceAll(/\$(Fingerprint|Iterations)/g, (_all, variable: string) => valueOf(variable))
      .replaceAll('`"', '"');
  return literals.map(([, plain, expanded]) => plain ?? expand(expanded ?? '')).join('\n');
}

/** `Protect-File`. */
function protectFile(name: string, plaintext: Buffer, folder: string): void {
  const suffixed = new RegExp(/\$name -cmatch '(.*)'/.exec(script)?.[1] ?? '').test(name);
  const stem = suffixed ? `${name}.data` : name;
  const passphrase = Buffer.from(randomBytes(32).toString('base64'));
  const salt = randomBytes(8);
  const secret = keyAndIv(passphrase, salt);
  const cipher = createCipheriv('aes-256-cbc', secret.subarray(0, 32), secret.subarray(32, 48));
  const payload = Buffer.concat([Buffer.from('Salted__'), salt, cipher.update(plaintext), cipher.final()]);
  const context = `sealdrop/v1/mac\n${valueOf('Flags')}\n${name}\n`;
  const macKey = createHash('sha256').update(context).update(passphrase).digest();
  const mac = createHmac('sha256', macKey).update(payload).digest('hex');
  const facts = { PayloadSize: payload.length, PlaintextSize: plaintext.length, Mac: mac };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${stem}.enc`), payload);
  writeFileSync(join(folder, `${stem}.keypke.bin.enc`), protectKeyFile(Buffer.concat([passphrase, Buffer.from([10])])));
  writeFileSync(join(folder, `${stem}.alg`), `openssl enc ${valueOf('Flags')}\noaep: sha256\n`);
  writeFileSync(join(folder, `${stem}.manifest.json`), formatManifest({ Name: name, Stem: stem, Facts: facts }));
}

describe('a port of its algorithm', () => {
  const files: readonly (readonly [string, number])[] = [
    ['report.csv', 0],
    ['a "quoted" ümläut', 15],
    ['server.key', 16],
    ['5 MiB.bin', 5 * 1024 * 1024],
  ];
  test.each(files)('makes an envelope of %s that opens, with its MAC verified', async (name, size) => {
    const folder = fixture.freshFolder('out');
    const plaintext = Buffer.alloc(size, 'all sorts of bytes \0\r\n\xff', 'latin1');
    protectFile(name, plaintext, folder);
    const opened = await openBothWays(fixture, folder);
    expect(opened).toMatchObject({ name, size, verification: 'manifest-mac', oaep: 'sha256' });
    expect(opened.plaintext.equals(plaintext)).toBe(true);
    expect(opened.plaintextOfOpenssl.equals(plaintext)).toBe(true);
  });

  test('has the MAC context, note and names that the script has', () => {
    for (const words of [
      '"sealdrop/v1/mac`n$Flags`n$Name`n"',
      '"openssl enc $Flags`noaep: sha256`n"',
      "@('payload', '.enc'), @('key', '.keypke.bin.enc'), @('note', '.alg'), @('manifest', '.manifest.json')",
    ]) {
      expect(script).toContain(words);
    }
  });

  test('a character is refused exactly when the receiver refuses it', () => {
    // .NET and JavaScript read this character class alike.
    const refused = new RegExp(/\$Name -cmatch '(\[.*\])'/.exec(script)?.[1] ?? '');
    const isTaken = (name: string) => {
      try {
        return checkPlaintextName(name) === name;
      } catch {
        return false;
      }
    };
    const points = Array.from({ length: 0x1_00_00 }, (_, point) => point).filter(
      (point) => point < 0xd800 || point > 0xdfff,
    );
    const differing = points.filter((point) => {
      const name = `a${String.fromCharCode(point)}b`;
      return refused.test(name) === isTaken(name);
    });
    expect(differing).toEqual([]);
  });

  test('what was not run is said in the script and in the README', () => {
    for (const name of ['encrypt.ps1', 'README.txt']) {
      expect(readFileSync(fixture.path('kit', name), 'utf8').replaceAll(/\s+/g, ' ')).toMatch(
        /not run on Windows before it was given to you/,
      );
    }
  });
});
