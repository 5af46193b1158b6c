import { SealdropError, toSealdropError } from '@sealdrop/core';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { addOperatorCommands } from './commands/operator-commands.ts';
import { oneText } from './commands/options.ts';
import { checkConfig } from './config/check.ts';
import { formatFindings, ok } from './config/finding.ts';
import { ConfigProblems, loadConfig } from './config/load.ts';
import type { Daemon } from './daemon.ts';
import { isAnyOpen } from './spool/answering.ts';
import { EXIT, exitStatusOf } from './exit-status.ts';
import { version } from './version.ts';

const DESCRIPTION = `sealdropd decrypts each complete envelope that a sender drops in a landing directory, and sets aside
whatever fails, with the reason and the cure.

An envelope is what a sender makes with openssl: the payload (report.csv.enc), the key file wrapped with your RSA
key (report.csv.key.enc) and a note of the algorithm (report.csv.alg), side by side or in a folder of their own.`;

const EPILOGUE = `A configuration to begin with:

  spool: /var/lib/sealdrop/spool
  keys:
    - aws-kms:alias/inbound          # or file:/etc/sealdrop/key.pem
  landings:
    - name: acme
      directory: /srv/sftp/acme/incoming
      delivery: /srv/plain/acme

Where things go: plaintext into the landing's delivery directory; what fails through its sender's fault into
SPOOL/quarantine/<id>, whole, with a report.json; what waits for a key or the network stays in SPOOL/claimed.
Signals: SIGTERM and SIGINT finish what is in progress, SIGHUP takes up a changed configuration.
Exit status: 0 done, 64 wrong arguments, 66 no such envelope, 75 another daemon owns the spool, 78 configuration.`;

const CONFIG_OPTION = {
  describe: 'The configuration file (YAML)',
  default: '/etc/sealdrop/sealdropd.yaml',
  ...oneText,
} as const;

function complain(lines: readonly string[]): void {
  process.stderr.write(lines.map((line) => `sealdropd: ${line}\n`).join(''));
}

type Signal = 'SIGTERM' | 'SIGINT';

async function run(file: string): Promise<void> {
  // Before anything takes time: a signal that nobody listens for would end the process.
  const signal = new Promise<Signal>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => resolve(name));
  });
  let started: Daemon | null = null;
  let reloads = 0;
  process.on('SIGHUP', () => {
    // The file may have changed since it was read: a signal that comes during the start counts too.
    reloads += 1;
    void started?.reload();
  });
  // The commands beside it need not load all that the daemon stands on.
  const { Daemon: Implementation } = await import('./daemon.ts');
  const daemon = await Implementation.start(file);
  started = daemon;
  if (reloads > 0) void daemon.reload();
  const name = await signal;
  if ((await daemon.stop(name)) === 'hung' || isAnyOpen()) endNow(name);
  // Sockets of the AWS SDK and worker threads may outlive their work.
  process.exit(EXIT.ok);
}

/** By the signal itself, which systemd takes for a clean end (systemd.service(5), SuccessExitStatus=): `process.exit` waits for threads, and one in a system call that never returns never ends. */
function endNow(signal: Signal): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

async function check(file: string): Promise<void> {
  const findings = await checkConfig(loadConfig(file));
  process.stdout.write(formatFindings([ok(`${file}: the configuration is valid`), ...findings]));
  if (findings.some(({ verdict }) => verdict === 'problem')) process.exitCode = EXIT.configuration;
}

async function main(words: readonly string[]): Promise<void> {
  const program = yargs(words)
    .scriptName('sealdropd')
    .usage(`$0 COMMAND [--config FILE]\n\n${DESCRIPTION}`)
    .option('config', CONFIG_OPTION)
    .command('run', 'Watch the landings and decrypt what arrives, until told to stop', {}, ({ config }) =>
      run(String(config)),
    )
    .command('check', 'Say whether the configuration, its directories and its keys can be used', {}, ({ config }) =>
      check(String(config)),
    );
  await addOperatorCommands(program)
    .completion(
      'completion',
      'Print the script that completes commands and options by Tab (bash or zsh, as $SHELL says)',
    )
    .demandCommand(1, 'Say what to do: run, check, status, quarantine or history.')
    .strict()
    .parserConfiguration({ 'nargs-eats-options': true })
    .epilogue(EPILOGUE)
    .version(version())
    .wrap(null)
    .fail((message, error) => {
      throw error ?? new SealdropError('usage', message);
    })
    .parseAsync();
}

/** The one place where a failure ends: what it means, then the exit status. */
function fail(thrown: unknown): void {
  if (thrown instanceof ConfigProblems) {
    complain(thrown.problems);
    process.exitCode = EXIT.configuration;
    return;
  }
  // What yargs cannot parse it throws by itself, past its own failure handler.
  const isUsage = thrown instanceof Error && thrown.name === 'YError';
  const error = isUsage ? new SealdropError('usage', thrown.message) : toSealdropError(thrown);
  const hint = error.hint ?? (error.code === 'usage' ? 'sealdropd --help tells more.' : undefined);
  complain(hint === undefined ? [error.message] : [error.message, hint]);
  process.exitCode = exitStatusOf(error);
}

try {
  await main(hideBin(process.argv));
  // All is said; nothing else ends a program that still waits for an answer.
  if (isAnyOpen()) endNow('SIGTERM');
} catch (error) {
  fail(error);
}
