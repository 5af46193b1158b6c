import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runSuccessfully } from './run.ts';

const ROOT = join(import.meta.dirname, '../../..');

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealdrop-readme-'));
  // What `npm install` leaves in a user's directory.
  const modules = join(directory, 'node_modules');
  await mkdir(join(modules, '.bin'), { recursive: true });
  await mkdir(join(modules, '@sealdrop'));
  await symlink(join(ROOT, 'packages/core'), join(modules, '@sealdrop/core'));
  await symlink(join(ROOT, 'packages/cli/bin/sealdrop.js'), join(modules, '.bin/sealdrop'));
  await symlink(join(ROOT, 'packages/daemon/bin/sealdropd.js'), join(modules, '.bin/sealdropd'));
  await symlink(process.execPath, join(modules, '.bin/node'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** The code blocks that follow a marker comment, joined. */
async function blocks(readme: string, marker: string): Promise<string> {
  const text = await readFile(join(ROOT, readme), 'utf8');
  const pattern = new RegExp(`<!-- ${marker} -->\\n+\`\`\`\\w+\\n([^]*?)\`\`\``, 'g');
  const found = [...text.matchAll(pattern)].map(([, code]) => code);
  if (found.length === 0) throw new Error(`${readme} has no block marked ${marker}`);
  return found.join('\n');
}

async function inShell(script: string): Promise<string> {
  const path = [join(directory, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  const { stdout } = await runSuccessfully('sh', ['-euc', script], {
    cwd: directory,
    env: { ...process.env, PATH: path },
  });
  return stdout;
}

async function prepareEnvelope(name: string): Promise<void> {
  await inShell(`
    openssl genrsa -out private.pem 2048
    openssl pkey -in private.pem -pubout -out pubkey.pem
    printf 'the plaintext\\n' > ${name}
    sealdrop encrypt ${name} --public-key pubkey.pem --quiet`);
}

describe('the tours of the README run as they stand', () => {
  test('the analyst', async () => {
    const output = await inShell(await blocks('README.md', 'tour: analyst'));
    expect(output).toContain('id,amount');
    expect(output).toContain('vouched for');
    expect(output.trim().split('\n').at(-1)).toBe('1');
  });

  test('the operator', async () => {
    const output = await inShell(await blocks('README.md', 'tour: operator'));
    expect(output.trim().split('\n').at(-1)).toBe('iban,amount');
  });

  test('the programmer', async () => {
    expect(await inShell(await blocks('README.md', 'tour: programmer'))).toBe('hello\n');
  });

  test('the sender', async () => {
    await inShell(
      'openssl genrsa -out private.pem 2048; openssl pkey -in private.pem -pubout -out pubkey.pem; echo total > settlement.csv',
    );
    await inShell(await blocks('README.md', 'tour: sender'));
    const opened = await inShell('sealdrop decrypt settlement.csv --key file:private.pem --output - --quiet');
    expect(opened).toBe('total\n');
  });
});

describe('the examples of the core README run as they stand', () => {
  async function runExample(name: string, appendix = ''): Promise<string> {
    await writeFile(join(directory, 'package.json'), '{ "type": "module" }');
    await writeFile(
      join(directory, 'example.ts'),
      (await blocks('packages/core/README.md', `example: ${name}`)) + appendix,
    );
    return inShell('node example.ts');
  }

  test('decrypt a stream', async () => {
    await inShell(`openssl rand -base64 32 > key.bin; echo streamed > plain
      openssl enc -aes-256-cbc -pbkdf2 -pass file:key.bin -in plain -out data.enc`);
    await runExample('decrypt-stream');
    expect(await readFile(join(directory, 'data'), 'utf8')).toBe('streamed\n');
  });

  test('open an envelope', async () => {
    await prepareEnvelope('letter.txt');
    await inShell('mkdir inbox; mv letter.txt.* inbox; rm letter.txt');
    await runExample('open-envelope');
    expect(await readFile(join(directory, 'letter.txt'), 'utf8')).toBe('the plaintext\n');
  });

  test('a key provider of your own', async () => {
    const appendix = `
      import { publicEncrypt } from 'node:crypto';
      import { oaepWith } from '@sealdrop/core';
      const key = await vault.publicKey();
      const wrapped = publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, Buffer.from('secret'));
      process.stdout.write(await vault.unwrap(wrapped, oaepWith('sha256')));
      await vault.unwrap(wrapped, oaepWith('sha1')).catch((error) => process.stdout.write(' ' + error.code));`;
    expect(await runExample('key-provider', appendix)).toBe('secret unwrap-failed');
  });
});
