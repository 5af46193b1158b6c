import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sealdropd } from './daemon-process.ts';

test('--help shows the commands and a configuration to begin with', () => {
  const { status, stdout, stderr } = sealdropd('--help');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('sealdropd run ');
  expect(stdout).toContain('sealdropd check ');
  expect(stdout).toContain('directory: /srv/sftp/acme/incoming');
});

test("--version prints the package's version", () => {
  const manifest = readFileSync(join(import.meta.dirname, '../package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  expect(sealdropd('--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
});

test.each([
  [[], 'Say what to do: run, check, status, quarantine or history.'],
  [['run', '--config'], 'Not enough arguments following: config'],
  [['--config', 'x.yaml'], 'Say what to do: run, check, status, quarantine or history.'],
  [['frobnicate', '--config', 'x.yaml'], 'Unknown argument: frobnicate'],
  [['run', '--config', 'x.yaml', '--verbose'], 'Unknown argument: verbose'],
])('wrong arguments (%j) are exit status 64 and one plain sentence', (words, sentence) => {
  expect(sealdropd(...words)).toEqual({
    status: 64,
    stdout: '',
    stderr: `sealdropd: ${sentence}\nsealdropd: sealdropd --help tells more.\n`,
  });
});

test('bash completes commands, and those of quarantine', () => {
  const completion = sealdropd('completion').stdout;
  const script = `sealdropd() { cat; }\n${completion}\ncomplete -p sealdropd`;
  expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' })).toContain('sealdropd');
  const { stdout } = sealdropd('--get-yargs-completions', 'sealdropd', 'quarantine', '');
  expect(stdout.split('\n')).toEqual(expect.arrayContaining(['list', 'show', 'retry', 'release', 'purge']));
});
