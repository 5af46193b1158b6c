/** `sealdrop kit` as a program. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeKeyPair } from '../sender.ts';
import { said, Workspace } from '../transcript.ts';

let workspace: Workspace;
beforeEach(() => {
  workspace = new Workspace();
  makeKeyPair(workspace);
});
afterEach(() => workspace.remove());

/** What the operator has to do for it. */
const NAMED =
  'its manifests name the sender "acme": sealdropd takes them in the landing of that name, or with `sender: "acme"`';
const PARTS = ['README.txt', 'encrypt.html', 'encrypt.ps1', 'encrypt.sh', 'pubkey.pem'];

function fingerprint(): string {
  workspace.openssl('pkey', '-pubin', '-in', 'pubkey.pem', '-outform', 'DER', '-out', 'pubkey.der');
  return workspace.openssl('dgst', '-sha256', '-r', 'pubkey.der').toString().slice(0, 64);
}

describe('sealdrop kit', () => {
  test('makes a folder from a public key, and says what to read out', async () => {
    const run = await workspace.sealdrop([
      'kit',
      '--public-key',
      'pubkey.pem',
      '--sender',
      'acme',
      '--out',
      'acme kit',
    ]);
    const aloud = fingerprint().replaceAll(/.{4}(?!$)/g, '$& ');
    expect(said(run)).toEqual([
      0,
      '',
      `acme kit: kit for acme (${PARTS.join(', ')})\n${NAMED}\nwhen acme rings, read out the public key's fingerprint: ${aloud}\n`,
    ]);
    expect(workspace.files('acme kit')).toEqual(PARTS.map((name) => `acme kit/${name}`));
    expect(workspace.shell("stat -c %a 'acme kit' 'acme kit/encrypt.sh' 'acme kit/pubkey.pem'")).toBe(
      '755\n755\n644\n',
    );
  });

  test('makes the same zip from the private key and from the public one', async () => {
    const common = ['--sender', 'acme', '--quiet'];
    const byPublic = await workspace.sealdrop(['kit', '--public-key', 'pubkey.pem', '-o', 'one.zip', ...common]);
    const byPrivate = await workspace.sealdrop(['kit', '--key', 'file:private.pem', '-o', 'two.ZIP', ...common]);
    expect([said(byPublic), said(byPrivate)]).toEqual([
      [0, '', ''],
      [0, '', ''],
    ]);
    expect(workspace.read('one.zip').equals(workspace.read('two.ZIP'))).toBe(true);
  });

  test('says what it made to machines', async () => {
    const run = await workspace.sealdrop([
      'kit',
      '--public-key',
      'pubkey.pem',
      '--sender',
      'acme',
      '--out',
      'kit',
      '--json',
    ]);
    expect(run.stderr).toBe('');
    expect(JSON.parse(run.stdout)).toEqual({ out: 'kit', sender: 'acme', sha256: fingerprint(), files: PARTS });
  });

  test.each(['kit', 'kit.zip'])('replaces an earlier %s only when told so', async (out) => {
    const args = ['kit', '--public-key', 'pubkey.pem', '--quiet'];
    await workspace.sealdrop([...args, '--out', out, '--sender', 'acme']);
    const before = workspace.files();
    const refused = await workspace.sealdrop([...args, '--out', out, '--sender', 'globex']);
    expect(said(refused)).toEqual([
      73,
      '',
      `sealdrop: ${out}: already exists\nname another output, or replace it with --force\n`,
    ]);
    const replaced = await workspace.sealdrop([...args, '--out', out, '--sender', 'globex', '--force']);
    expect(replaced).toMatchObject({ status: 0 });
    expect(workspace.files()).toEqual(before);
    const fresh = await workspace.sealdrop([...args, '--out', `new-${out}`, '--sender', 'globex']);
    expect(fresh).toMatchObject({ status: 0 });
    expect(workspace.shell(`diff -r '${out}' 'new-${out}'`)).toBe('');
  });

  test.each(['absent/kit', 'absent/kit.zip'])('makes no directory for %s', async (out) => {
    const run = await workspace.sealdrop(['kit', '--public-key', 'pubkey.pem', '--sender', 'acme', '--out', out]);
    expect(said(run)).toEqual([73, '', `sealdrop: ${out}: its directory does not exist\n`]);
  });

  test('makes a kit for any sender', async () => {
    const run = await workspace.sealdrop(['kit', '--public-key', 'pubkey.pem', '--out', 'kit']);
    expect(run).toMatchObject({ status: 0, stdout: '' });
    expect(run.stderr).toMatch(/^kit: kit for any sender \(.*\)\nwhen any sender rings, read out .*\n$/);
    expect(
      workspace.shell('sh kit/encrypt.sh pubkey.pem 2>&1; grep -c sender pubkey.pem.manifest.json || true'),
    ).toMatch(/\n0\n$/);
  });

  const wrong: readonly (readonly [string, readonly string[], string])[] = [
    ['no place', ['--public-key', 'pubkey.pem', '--sender', 'acme'], '--out is missing'],
    ['no key', ['--sender', 'acme', '--out', 'kit'], 'no key is given'],
    [
      'two keys',
      ['--public-key', 'pubkey.pem', '-k', 'file:private.pem', '--sender', 'acme', '-o', 'kit'],
      'name two keys',
    ],
    [
      'a sender of two lines',
      ['--public-key', 'pubkey.pem', '--sender', 'a\nb', '-o', 'kit'],
      'cannot be written into a kit',
    ],
  ];
  test.each(wrong)('refuses a command line with %s', async (_title, args, words) => {
    const run = await workspace.sealdrop(['kit', ...args]);
    expect(run).toMatchObject({ status: 64, stdout: '' });
    expect(run.stderr).toContain(words);
  });

  test('keeps the path of a private key to itself', async () => {
    await workspace.sealdrop(['kit', '--key', 'file:private.pem', '--sender', 'acme', '--out', 'kit']);
    for (const name of PARTS) expect(workspace.read(`kit/${name}`).toString()).not.toContain('private.pem');
  });
});
