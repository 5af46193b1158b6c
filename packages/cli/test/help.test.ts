import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes } from '@sealdrop/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT_MEANINGS, EXIT_STATUS } from '../src/exit-status.ts';
import { said, Workspace } from './transcript.ts';

const COMMANDS = ['public-key', 'kit', 'encrypt', 'decrypt', 'verify', 'inspect', 'diagnose', 'completion'] as const;
const PACKAGE = join(import.meta.dirname, '..');

let workspace: Workspace;

beforeAll(() => {
  workspace = new Workspace();
});

afterAll(() => workspace.remove());

describe('help', () => {
  test('names every command and every exit status', async () => {
    const { status, stdout, stderr } = await workspace.sealdrop(['--help']);
    expect([status, stderr]).toEqual([0, '']);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  sealdrop ${command}\\b.*  [A-Z]`, 'm'));
    for (const [exitStatus, meaning] of EXIT_MEANINGS)
      expect(stdout).toMatch(new RegExp(`^  ${exitStatus} +${meaning.slice(0, 12)}`, 'm'));
  });

  test('without a command is an error, on stderr', async () => {
    const help = await workspace.sealdrop(['--help']);
    expect(said(await workspace.sealdrop([]))).toEqual([64, '', help.stdout]);
  });

  test('`sealdrop help` is `sealdrop --help`', async () => {
    const [one, other] = [await workspace.sealdrop(['help']), await workspace.sealdrop(['-h'])];
    expect([one.status, one.stdout]).toEqual([0, other.stdout]);
  });

  test.each(COMMANDS)('of %s has examples, and is the same as `sealdrop help`', async (command) => {
    const { status, stdout, stderr } = await workspace.sealdrop([command, '--help']);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`^Examples:\\n  .*sealdrop ${command} `, 'm'));
    expect((await workspace.sealdrop(['help', command])).stdout).toBe(stdout);
  });

  test('shows no line wider than a terminal of 100 columns', async () => {
    for (const command of COMMANDS) {
      const { stdout } = await workspace.sealdrop([command, '--help']);
      expect(stdout.split('\n').filter((line) => line.length > 100)).toEqual([]);
    }
  });
});

test('--version is the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string };
  expect(said(await workspace.sealdrop(['--version']))).toEqual([0, `${version}\n`, '']);
});

describe('a wrong command line is status 64, with a suggestion where one is near', () => {
  test.each<readonly [readonly string[], string]>([
    [['decrpt'], 'sealdrop: unknown command "decrpt"\ndid you mean "decrypt"?\n'],
    [
      ['xyzzy'],
      'sealdrop: unknown command "xyzzy"\nthe commands are public-key, kit, encrypt, decrypt, verify, inspect, diagnose, completion\n',
    ],
    [['decrypt', 'x', '--forc'], 'sealdrop: unknown option --forc\ndid you mean --force?\n'],
    [['encrypt', 'x', '--public-kye=y'], 'sealdrop: unknown option --public-kye\ndid you mean --public-key?\n'],
    [
      ['decrypt', '-z'],
      'sealdrop: unknown option -z\nsee --help; a file whose name begins with - is written ./-NAME\n',
    ],
    [['decrypt', '--output'], 'sealdrop: --output needs a value\nsee --help\n'],
    [['decrypt', '-o', 'a', '--output', 'b'], 'sealdrop: --output is given more than once\ngive it once\n'],
    [['decrypt', 'x', '--key='], 'sealdrop: --key has an empty value\ngive it a value, or leave it out\n'],
    [['public-key', 'x'], 'sealdrop: unexpected argument "x"\nsee --help\n'],
    [['completion', 'csh'], 'sealdrop: shell "csh" is none of the choices\nchoose one of "bash", "zsh", "fish"\n'],
    [
      ['--quiet', 'decrypt'],
      'sealdrop: the command comes first\nsealdrop public-key|kit|encrypt|decrypt|verify|inspect|diagnose|completion [options]\n',
    ],
  ])('%j', async (args, words) => {
    expect(said(await workspace.sealdrop(args))).toEqual([64, '', words]);
  });

  test('and JSON on stdout with --json', async () => {
    const { status, stdout, stderr } = await workspace.sealdrop(['decrypt', '--forc', '--json']);
    expect([status, stderr]).toEqual([64, '']);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'usage',
        blame: 'receiver',
        message: 'unknown option --forc',
        hint: 'did you mean --force?',
        details: {},
      },
    });
  });
});

test('every error code of core has a status that the help explains', () => {
  const explained = new Set(EXIT_MEANINGS.map(([status]) => status));
  expect(new Set(Object.keys(EXIT_STATUS))).toEqual(new Set(errorCodes.keys()));
  for (const status of Object.values(EXIT_STATUS)) expect(explained).toContain(status);
});

test('the README explains every exit status', () => {
  // The formatter fills the columns of a table with blanks.
  const readme = readFileSync(join(PACKAGE, 'README.md'), 'utf8').replaceAll(/ +/g, ' ');
  for (const [status, meaning] of EXIT_MEANINGS) expect(readme).toContain(`| ${status} | ${meaning} |`);
});

describe('start-up is quick because nothing is loaded that is not needed', () => {
  const loaded = async (...args: readonly string[]) => {
    workspace.write(
      'log-imports.mjs',
      `import { appendFileSync } from 'node:fs';
      import { registerHooks } from 'node:module';
      registerHooks({
        resolve(specifier, context, next) {
          const resolved = next(specifier, context);
          appendFileSync('imports.log', resolved.url + '\\n');
          return resolved;
        },
      });`,
    );
    workspace.write('imports.log', '');
    const { stderr } = await workspace.sealdrop(args, { env: { NODE_OPTIONS: '--import ./log-imports.mjs' } });
    expect(stderr).not.toContain('Error');
    return workspace.read('imports.log').toString();
  };

  test.each([[['--help']], [['decrypt', '--help']], [['decrypt', '--nonsense']]])(
    '%j loads neither core nor a progress bar',
    async (args) => {
      const urls = await loaded(...args);
      expect(urls).toContain('/yargs');
      expect(urls).not.toMatch(/\/core\/src\/|cli-progress|@aws-sdk/);
    },
  );

  test('only help and completion need the whole of yargs', async () => {
    expect(await loaded('--help')).toContain('/yargs/');
    expect(await loaded('decrypt', '--nonsense')).not.toContain('/yargs/');
  });

  test('a local key needs no AWS SDK', async () => {
    workspace.openssl('genrsa', '-out', 'private.pem', '2048');
    const urls = await loaded('public-key', '--key', 'file:private.pem', '--quiet');
    expect(urls).toContain('/core/src/');
    expect(urls).not.toMatch(/@aws-sdk|@smithy/);
  });
});
