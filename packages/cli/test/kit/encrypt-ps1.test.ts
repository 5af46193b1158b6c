/**
 * encrypt.ps1 without PowerShell, which cannot be had on the machines that run these tests. So: a PowerShell grammar reads it; every
 * command, .NET type and member in it is one that was looked up for .NET Framework 4.6 and .NET 8; and a port of its algorithm, step for
 * step and with the script's own constants, makes envelopes that open. What none of this shows: that PowerShell runs it.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { checkPlaintextName } from '@sealdrop/core';
import { Language, Parser } from 'web-tree-sitter';
import type { Node } from 'web-tree-sitter';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildKit } from '../../src/kit/build-kit.ts';
import { Fixture, openBothWays, SENDER } from './kit-fixture.ts';
import { PortedScript } from './ported-script.ts';

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
    new PortedScript(script).protectFile(name, plaintext, folder);
    const opened = await openBothWays(fixture, folder);
    expect(opened).toMatchObject({ name, sender: SENDER, size, verification: 'manifest-mac', oaep: 'sha256' });
    expect(opened.plaintext.equals(plaintext)).toBe(true);
    expect(opened.plaintextOfOpenssl.equals(plaintext)).toBe(true);
  });

  test('of a kit for anybody names nobody', async () => {
    const folder = fixture.freshFolder('out');
    const kit = buildKit({ publicKey: fixture.publicKey });
    const bytes = kit.find(({ name }) => name === 'encrypt.ps1')?.bytes ?? Buffer.alloc(0);
    expect(parse(bytes.toString().replace('\uFEFF', '')).hasError).toBe(false);
    new PortedScript(bytes.toString()).protectFile('report.csv', Buffer.from('a,b\n'), folder);
    expect(await openBothWays(fixture, folder)).toMatchObject({ sender: null, verification: 'manifest-mac' });
  });

  test('has the MAC context, note and names that the script has', () => {
    for (const words of [
      '"sealdrop/v1/mac`n$Flags`n$Name`n"\n  if ($SenderName) { $context += "$SenderName`n" }',
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
