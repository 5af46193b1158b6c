import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeKeyPair } from '../sender.ts';
import { Workspace } from '../transcript.ts';

const KEY = ['--key', 'file:private.pem'];
const SIGNER = ['--signer', 'signer.pub'];
const PAYLOAD_UNVERIFIED = '  the payload itself was not verified: that takes the key (--key)\n';
const VERIFIED = "  verified: the manifest's MAC shows that key, parameters, name and data are as they were sealed\n";

let workspace: Workspace;
let fingerprint = '';

beforeAll(async () => {
  workspace = new Workspace();
  makeKeyPair(workspace);
  workspace.shell(`
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out signer.pem
    openssl pkey -in signer.pem -pubout -out signer.pub
    openssl pkey -in signer.pem -aes256 -passout pass:secret -out locked.pem
    printf 'secret\\n' > passphrase
    openssl genpkey -algorithm ED25519 -out other.pem
    openssl pkey -in other.pem -pubout -out other.pub
    printf 'Ada,12\\n' > report.csv
    mkdir plain by-openssl changed
  `);
  fingerprint = workspace
    .shell('openssl pkey -pubin -in signer.pub -outform DER | openssl dgst -sha256 -r | cut -d " " -f 1')
    .trim();
  const encrypt = ['encrypt', 'report.csv', '--public-key', 'pubkey.pem'];
  const signed = await workspace.sealdrop([...encrypt, '--sign', 'signer.pem']);
  const plain = await workspace.sealdrop([...encrypt, '--output-dir', 'plain']);
  if (signed.status !== 0 || plain.status !== 0) throw new Error(`${signed.stderr}${plain.stderr}`);
  workspace.shell(`
    cp plain/* by-openssl
    openssl dgst -sha256 -sign signer.pem -out by-openssl/report.csv.manifest.json.sig by-openssl/report.csv.manifest.json
    cp report.csv.* changed
    printf x >> changed/report.csv.manifest.json
  `);
});

afterAll(() => workspace.remove());

const signedLine = () =>
  `  signed: the manifest is unchanged since the key with SHA-256 fingerprint ${fingerprint} signed it\n`;

describe('verify', () => {
  test('tells who signed, without the receiver’s key', async () => {
    const { status, stdout, stderr } = await workspace.sealdrop(['verify', 'report.csv.enc', ...SIGNER]);
    expect([status, stdout, stderr]).toEqual([0, '', `report.csv.enc\n${signedLine()}${PAYLOAD_UNVERIFIED}`]);
  });

  test('verifies the payload too with the key', async () => {
    const { status, stderr } = await workspace.sealdrop(['verify', 'report.csv.enc', ...SIGNER, ...KEY]);
    expect([status, stderr]).toEqual([0, `report.csv.enc\n${signedLine()}${VERIFIED}`]);
  });

  test('takes what openssl signed', async () => {
    const { status, stdout } = await workspace.sealdrop(['verify', 'by-openssl', ...SIGNER, ...KEY, '--json']);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      envelope: 'by-openssl/report.csv.enc',
      signedBy: fingerprint,
      verification: 'manifest-mac',
    });
  });

  test('takes any of several signers', async () => {
    const signers = ['--signer', 'other.pub', ...SIGNER];
    expect((await workspace.sealdrop(['verify', 'report.csv.enc', ...signers])).status).toBe(0);
  });

  test('verifies the MAC alone with the key alone', async () => {
    const { status, stderr } = await workspace.sealdrop(['verify', 'plain', ...KEY]);
    expect([status, stderr]).toEqual([0, `plain/report.csv.enc\n${VERIFIED}`]);
  });

  test.each([
    ['another signer', ['report.csv.enc', '--signer', 'other.pub'], /by none of the expected keys/],
    ['a changed manifest', ['changed', ...SIGNER], /by none of the expected keys/],
    ['no signature', ['plain', ...SIGNER], /a signature is required/],
  ])('%s is status 65', async (_what, args, words) => {
    const { status, stdout, stderr } = await workspace.sealdrop(['verify', ...args]);
    expect([status, stdout, stderr]).toEqual([65, '', expect.stringMatching(words)]);
  });

  test.each([
    ['nothing to verify with', ['verify', 'plain'], 64],
    ['no envelope', ['verify', ...SIGNER], 64],
    ['a private key for a signer', ['verify', 'plain', '--signer', 'signer.pem'], 78],
    ['a signer that is not there', ['verify', 'plain', '--signer', 'nowhere.pub'], 66],
  ])('%s', async (_what, args, status) => {
    expect((await workspace.sealdrop(args)).status).toBe(status);
  });
});

describe('encrypt --sign', () => {
  test('takes an encrypted key with its passphrase file, and openssl verifies the result', async () => {
    const sign = ['--sign', 'locked.pem', '--sign-passphrase-file', 'passphrase', '--name', 'locked.csv'];
    const { status } = await workspace.sealdrop(['encrypt', 'report.csv', '--public-key', 'pubkey.pem', ...sign]);
    expect(status).toBe(0);
    const manifest = 'locked.csv.manifest.json';
    const verify = ['dgst', '-sha256', '-verify', 'signer.pub', '-signature', `${manifest}.sig`, manifest];
    expect(workspace.openssl(...verify).toString()).toBe('Verified OK\n');
  });

  test.each([
    ['an encrypted key without a passphrase', ['--sign', 'locked.pem'], 78],
    ['a public key', ['--sign', 'signer.pub'], 78],
    ['no manifest', ['--sign', 'signer.pem', '--no-manifest'], 64],
  ])('refuses %s, and leaves nothing', async (_what, sign, status) => {
    const before = workspace.files();
    const encrypt = ['encrypt', 'report.csv', '--public-key', 'pubkey.pem', '--name', 'refused.csv', ...sign];
    expect((await workspace.sealdrop(encrypt)).status).toBe(status);
    expect(workspace.files()).toEqual(before);
  });
});

describe('decrypt --signer', () => {
  test('opens what the signer signed, and says so', async () => {
    const { status, stderr } = await workspace.sealdrop(['decrypt', 'by-openssl', ...SIGNER, ...KEY]);
    expect([status, stderr]).toEqual([
      0,
      `by-openssl/report.csv.enc -> by-openssl/report.csv (7 bytes)\n${VERIFIED}  signed by the key with SHA-256 fingerprint ${fingerprint}\n`,
    ]);
  });

  test.each(['plain', 'changed'])('opens nothing of %s', async (folder) => {
    const before = workspace.files(folder);
    expect((await workspace.sealdrop(['decrypt', folder, ...SIGNER, ...KEY, '--repair'])).status).toBe(65);
    expect(workspace.files(folder)).toEqual(before);
  });

  test('finds the signature beside a manifest that is given by name', async () => {
    const parts = ['--payload', 'report.csv.enc', '--wrapped-key', 'report.csv.keypke.bin.enc'];
    const args = [...parts, '--manifest', 'report.csv.manifest.json', '--output', 'out.csv'];
    expect((await workspace.sealdrop(['decrypt', ...args, ...SIGNER, ...KEY])).status).toBe(0);
  });
});
