import { writeFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { oaepWith, parseOaep } from '../../src/keys/oaep-parameters.ts';
import { openKey } from '../../src/keys/open-key.ts';
import { openssl } from './openssl.ts';

const PASSPHRASE = 'correct horse battery staple';
const KEY_FILE = 'RJSc3l7w5g0zF8sT8kQmZyYy3xJv4m1Qe0c0t2l5n1Y=\n';

let directory = '';
const at = (name: string) => join(directory, name);
const encrypted = ['-aes256', '-passout', 'file:passphrase'] as const;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealdrop-keys-'));
  await writeFile(at('passphrase'), `${PASSPHRASE}\nsecond line\n`);
  await writeFile(at('key.bin'), KEY_FILE);
  const run = (command: string) => openssl(directory, ...command.split(' '));
  run('genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out pkcs8.pem');
  run('rsa -in pkcs8.pem -traditional -out pkcs1.pem');
  openssl(directory, 'rsa', '-in', 'pkcs8.pem', '-traditional', ...encrypted, '-out', 'pkcs1-encrypted.pem');
  openssl(
    directory,
    'pkcs8',
    '-topk8',
    '-in',
    'pkcs8.pem',
    '-passout',
    'file:passphrase',
    '-out',
    'pkcs8-encrypted.pem',
  );
  openssl(directory, 'genrsa', ...encrypted, '-out', 'genrsa.pem', '2048');
  openssl(
    directory,
    'genpkey',
    '-algorithm',
    'RSA',
    '-pkeyopt',
    'rsa_keygen_bits:3072',
    '-aes256',
    '-pass',
    'file:passphrase',
    '-out',
    'genpkey.pem',
  );
  run('pkey -in pkcs8.pem -pubout -out public.pem');
  run('pkey -in pkcs8.pem -outform DER -out key.der');
  run('req -x509 -key pkcs8.pem -subj /CN=receiver -out certificate.pem');
  run('genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem');
  run('ecparam -name prime256v1 -genkey -noout -out ec-traditional.pem');
  run('genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.pem');
  run('genrsa -out small.pem 1024');
  run('genrsa -out odd.pem 2304');
});
afterAll(async () => rm(directory, { recursive: true }));

/** Wraps as a sender does, for the public half of a key file. */
function wrapFor(name: string, ...options: readonly string[]): Buffer {
  openssl(directory, 'pkey', '-in', name, '-passin', 'file:passphrase', '-pubout', '-out', `${name}.pub`);
  const oaep = ['rsa_padding_mode:oaep', ...options].flatMap((option) => ['-pkeyopt', option]);
  return openssl(directory, 'pkeyutl', '-encrypt', '-pubin', '-inkey', `${name}.pub`, '-in', 'key.bin', ...oaep);
}

const open = (name: string) => openKey(`file:${at(name)}`, { passphraseFile: at('passphrase') });

describe('a local private key', () => {
  it.each(['pkcs8.pem', 'pkcs1.pem', 'pkcs1-encrypted.pem', 'pkcs8-encrypted.pem', 'genrsa.pem', 'genpkey.pem'])(
    '%s as openssl writes it unwraps what openssl wrapped',
    async (name) => {
      const key = await open(name);
      const wrapped = wrapFor(name, 'rsa_oaep_md:sha256');
      expect((await key.unwrap(wrapped, oaepWith('sha256'))).toString()).toBe(KEY_FILE);
    },
  );

  it('the encrypted files are really of both kinds', async () => {
    expect(await readFile(at('pkcs1-encrypted.pem'), 'utf8')).toContain('Proc-Type: 4,ENCRYPTED');
    expect(await readFile(at('pkcs8-encrypted.pem'), 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
  });

  it.each([
    [],
    ['rsa_oaep_md:sha1', 'rsa_mgf1_md:sha512'],
    ['rsa_oaep_md:sha224', 'rsa_mgf1_md:sha1'],
    ['rsa_oaep_md:sha256', 'rsa_mgf1_md:sha1', 'rsa_oaep_label:6b6579'],
    ['rsa_oaep_md:sha384', 'rsa_oaep_label:00'],
    ['rsa_oaep_md:sha512', 'rsa_mgf1_md:sha256'],
  ])('every OAEP option of openssl is understood: %j', async (...options) => {
    const key = await open('pkcs8.pem');
    const oaep = parseOaep(['rsa_padding_mode:oaep', ...options].join(' '));
    expect((await key.unwrap(wrapFor('pkcs8.pem', ...options), oaep)).toString()).toBe(KEY_FILE);
  });

  it('its public key is the one that openssl exports', async () => {
    const exported = (await (await open('pkcs8.pem')).publicKey()).export({ type: 'spki', format: 'pem' });
    expect(exported).toBe(await readFile(at('public.pem'), 'utf8'));
  });

  it('is named by its path, never by what is in it', async () => {
    expect((await open('genrsa.pem')).name).toBe(`file:${at('genrsa.pem')}`);
  });

  it('says which sizes do not fit for a wrapped key of another length', async () => {
    const key = await open('pkcs8.pem');
    await expect(key.unwrap(Buffer.alloc(512), oaepWith('sha1'))).rejects.toMatchObject({
      code: 'unwrap-failed',
      message: expect.stringMatching(/512 bytes.*2048 bits takes 256/),
    });
  });

  it('an aborted signal is cancelled, whatever its reason', async () => {
    const signal = AbortSignal.abort(new Error('stopping'));
    const key = await open('pkcs8.pem');
    await expect(key.unwrap(Buffer.alloc(256), oaepWith('sha1'), { signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
  });
});

describe('a passphrase file', () => {
  it.each([
    ['without a line end', PASSPHRASE],
    ['with CRLF line ends', `${PASSPHRASE}\r\nmore\r\n`],
  ])('%s gives its first line', async (title, contents) => {
    const passphraseFile = at(`passphrase ${title}`);
    await writeFile(passphraseFile, contents);
    await expect(openKey(`file:${at('genrsa.pem')}`, { passphraseFile })).resolves.toBeDefined();
  });

  it('is not asked for when the key is not encrypted', async () => {
    await expect(openKey(`file:${at('pkcs8.pem')}`, { passphraseFile: at('none') })).resolves.toBeDefined();
  });

  it.each(['pkcs1-encrypted.pem', 'pkcs8-encrypted.pem'])('with a wrong passphrase does not open %s', async (name) => {
    const passphraseFile = at('wrong-passphrase');
    await writeFile(passphraseFile, 'wrong\n');
    await expect(openKey(`file:${at(name)}`, { passphraseFile })).rejects.toMatchObject({
      code: 'bad-private-key',
      message: expect.stringContaining(`does not open with the passphrase in ${passphraseFile}`),
    });
  });

  it.each(['pkcs1-encrypted.pem', 'pkcs8-encrypted.pem'])('is missed by %s', async (name) => {
    await expect(openKey(`file:${at(name)}`)).rejects.toMatchObject({
      code: 'bad-private-key',
      message: expect.stringContaining('no passphrase file'),
      hint: expect.stringContaining('passphrase file'),
    });
  });

  it('that does not exist is not-found, naming it', async () => {
    const passphraseFile = at('none');
    await expect(openKey(`file:${at('genrsa.pem')}`, { passphraseFile })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(passphraseFile),
    });
  });
});

describe('a file that is no RSA private key', () => {
  beforeAll(() => {
    writeFileSync(at('empty.pem'), '');
    writeFileSync(at('large.pem'), Buffer.alloc(70_000, 'x'));
    writeFileSync(at('damaged.pem'), '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n');
  });

  it.each([
    ['public.pem', 'holds a public key'],
    ['certificate.pem', 'holds a certificate'],
    ['key.der', 'not a PEM file'],
    ['ec.pem', 'not an RSA key (ec)'],
    ['ec-traditional.pem', 'not an RSA key'],
    ['pss.pem', 'can only sign'],
    ['small.pem', '1024 bits is too small'],
    ['odd.pem', '2304 bits is not supported'],
    ['empty.pem', 'is empty'],
    ['large.pem', 'larger than 65536 bytes'],
    ['damaged.pem', 'is damaged'],
    ['.', 'is a directory'],
  ])('%s: bad-private-key says "%s" and names the file', async (name, reason) => {
    const failure: unknown = await openKey(`file:${at(name)}`).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'bad-private-key', blame: 'receiver' });
    expect((failure as Error).message).toContain(reason);
    expect((failure as Error).message).toContain(at(name));
  });

  it('none at all is not-found, naming it', async () => {
    await expect(openKey(`file:${at('none.pem')}`)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(at('none.pem')),
    });
  });

  it.skipIf(process.getuid?.() === 0)('one that may not be read is not-permitted, naming it', async () => {
    await writeFile(at('secret.pem'), 'x');
    await chmod(at('secret.pem'), 0);
    await expect(openKey(`file:${at('secret.pem')}`)).rejects.toMatchObject({
      code: 'not-permitted',
      message: expect.stringContaining(at('secret.pem')),
    });
  });
});
