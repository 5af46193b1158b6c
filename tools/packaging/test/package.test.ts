import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const MAIN = join(import.meta.dirname, '../src/main.ts');
const UNIT = join(import.meta.dirname, '../files/sealdropd.service');
const INSTALL = join(import.meta.dirname, 'install.sh');
/** What `systemd-analyze security` may give the unit, from 0 (no exposure) to 10. */
const LARGEST_EXPOSURE = 1.5;

const run = async (command: string, words: readonly string[]): Promise<string> =>
  (await promisify(execFile)(command, words)).stdout;

let directory = '';
let extracted = '';
let file = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealdrop-packaging-'));
  extracted = join(directory, 'extracted');
  await run(process.execPath, [MAIN, '--output', directory, '--compression', 'none']);
  const [name = ''] = await readdir(directory);
  file = join(directory, name);
  await run('dpkg-deb', ['-x', file, extracted]);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('the unit', () => {
  test(`has an exposure of at most ${LARGEST_EXPOSURE}`, async () => {
    const output = await run('systemd-analyze', ['security', '--offline=true', '--no-pager', UNIT]);
    const exposure = /Overall exposure level for \S+: ([\d.]+)/.exec(output)?.[1];
    expect(Number(exposure)).toBeLessThanOrEqual(LARGEST_EXPOSURE);
  });

  test('has no setting that systemd does not know', async () => {
    const { stdout, stderr } = await promisify(execFile)('systemd-analyze', ['verify', '--man=no', UNIT]).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    // The program is not installed here; nothing else may be said of the unit.
    const remarks = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('sealdropd.service'));
    expect(remarks).toEqual([expect.stringContaining('/usr/bin/sealdropd is not executable')]);
  });
});

describe('the package', () => {
  test('says what it is and what it needs', async () => {
    const control = await run('dpkg-deb', ['-f', file]);
    expect(control).toMatch(/^Package: sealdrop$/m);
    expect(control).toMatch(/^Depends: .*libc6/m);
  });

  test('has a man page for each program, with all its commands', async () => {
    const page = async (path: string): Promise<string> =>
      gunzipSync(await readFile(join(extracted, 'usr/share/man', path))).toString();
    const [cli, daemon] = [await page('man1/sealdrop.1.gz'), await page('man8/sealdropd.8.gz')];
    for (const command of ['DECRYPT', 'ENCRYPT', 'INSPECT', 'KIT']) expect(cli).toContain(`.SH ${command}`);
    for (const command of ['RUN', 'CHECK']) expect(daemon).toContain(`.SH ${command}`);
  });

  test.each(['sealdrop', 'sealdropd'])('completes the commands of %s in bash and zsh', async (program) => {
    const [bash, zsh] = await Promise.all(
      [`bash-completion/completions/${program}`, `zsh/vendor-completions/_${program}`].map((path) =>
        readFile(join(extracted, 'usr/share', path), 'utf8'),
      ),
    );
    expect(bash).toMatch(new RegExp(`^complete .* ${program}$`, 'm'));
    expect(zsh).toMatch(new RegExp(`^#compdef ${program}$`, 'm'));
  });

  test.each([
    ['sealdrop', ['yargs', 'zod', '@aws-sdk/client-kms']],
    ['sealdropd', ['yargs', 'zod', 'winston', 'chokidar', 'yaml', '@aws-sdk/client-kms']],
  ])('names every library in %s with its licence', async (program, libraries) => {
    const path = join(extracted, `usr/share/doc/sealdrop/${program}-third-party-licences.txt`);
    const licences = await readFile(path, 'utf8');
    for (const library of libraries) expect(licences).toMatch(new RegExp(`^${library} [\\d.]+ \\(`, 'm'));
  });

  test('holds nothing of the machine it was built on', async () => {
    const programs = join(extracted, 'usr/lib/sealdrop');
    const files = await readdir(programs, { recursive: true });
    const modules = files.filter((name) => name.endsWith('.js'));
    const sources = await Promise.all(modules.map((name) => readFile(join(programs, name), 'utf8')));
    expect(sources.length).toBeGreaterThan(2);
    expect(sources.filter((source) => source.includes(ROOT))).toEqual([]);
  });

  test('is installed, decrypts as a service and by hand, and is purged', async () => {
    const output = await run('unshare', ['--mount', '--pid', '--fork', 'sh', INSTALL, file]);
    expect(output).toBe(`== dpkg installs it
sealdrop:/var/lib/sealdrop:/usr/sbin/nologin
root:sealdrop 750 /etc/sealdrop
root:sealdrop 640 /etc/sealdrop/sealdropd.yaml
sealdrop:sealdrop 700 /var/lib/sealdrop/spool
sealdrop:sealdrop 2770 /var/lib/sealdrop/incoming/example
== both programs run on their own Node.js
0.1.0
0.1.0
== sealdropd check finds the default configuration good, all but the key
status 78
2
== as a service with a local key, it delivers what openssl made
amount
== threads work from the bundle, and so does the kit
README.txt
encrypt.html
encrypt.ps1
encrypt.sh
pubkey.pem
== purge removes all but what may hold envelopes
no user
amount
`);
  });
});
