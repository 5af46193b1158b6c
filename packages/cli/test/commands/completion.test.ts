import { chmodSync, mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PROGRAM, Workspace } from '../transcript.ts';

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => workspace.remove());

describe('what Tab offers', () => {
  const offered = async (...words: readonly string[]) => {
    const { status, stdout } = await workspace.sealdrop(['--get-yargs-completions', 'sealdrop', ...words]);
    expect(status).toBe(0);
    return stdout.split('\n').filter((word) => word !== '');
  };

  test('first: the commands', async () => {
    expect(await offered('')).toEqual([
      'public-key',
      'kit',
      'encrypt',
      'decrypt',
      'verify',
      'inspect',
      'diagnose',
      'completion',
    ]);
  });

  test('after a dash: the options of the command', async () => {
    const words = await offered('encrypt', '--');
    expect(words).toEqual(expect.arrayContaining(['--public-key', '--no-manifest', '--output-dir']));
    expect(words.filter((word) => !/^--[a-z-]{2,}$/.test(word))).toEqual([]);
  });

  test('after an option with choices: the choices', async () => {
    expect(await offered('encrypt', '--layout', '')).toEqual(['flat', 'folder']);
  });

  test('elsewhere nothing, so that the shell offers file names', async () => {
    expect(await offered('decrypt', '')).toEqual([]);
    expect(await offered('decrypt', 'in/')).toEqual([]);
  });
});

test('the script for bash completes in a real bash', async () => {
  const { status, stdout } = await workspace.sealdrop(['completion', 'bash']);
  expect(status).toBe(0);
  workspace.write('completion.bash', stdout);
  mkdirSync(workspace.path('bin'));
  workspace.write(
    'bin/sealdrop',
    `#!/bin/sh\nexec "${process.execPath}" ${PROGRAM.map((word) => `"${word}"`).join(' ')} "$@"\n`,
  );
  chmodSync(workspace.path('bin/sealdrop'), 0o755);
  workspace.write(
    'complete.bash',
    'PATH="$PWD/bin:$PATH"\n. ./completion.bash\nCOMP_WORDS=(sealdrop decr)\nCOMP_CWORD=1\n_sealdrop_yargs_completions\necho "${COMPREPLY[*]}"\n',
  );
  expect(workspace.shell('bash complete.bash')).toBe('decrypt\n');
});

test('each shell has its script; which one is taken from $SHELL unless named', async () => {
  const scripts = {
    zsh: expect.stringMatching(/^#compdef sealdrop\n/),
    fish: expect.stringContaining('complete -f -c sealdrop'),
    bash: expect.stringContaining('complete -o bashdefault'),
  };
  for (const [shell, script] of Object.entries(scripts)) {
    expect((await workspace.sealdrop(['completion', shell])).stdout).toEqual(script);
    expect((await workspace.sealdrop(['completion'], { env: { SHELL: `/bin/${shell}` } })).stdout).toEqual(script);
  }
});
