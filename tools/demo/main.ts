/**
 * `npm start`: the main job before your eyes, on the embedded default. A key is made with openssl, sealdropd watches a landing directory,
 * a sender with nothing but openssl drops a triple there, and the plaintext appears. Everything stays in `.demo` for a look.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '../..');
const HOME = join(ROOT, '.demo');
const CONFIG = join(HOME, 'sealdropd.yaml');
const DAEMON = join(ROOT, 'packages/daemon/bin/sealdropd.js');
const LANDING = join(HOME, 'landing/acme');
const DELIVERY = join(HOME, 'plain/acme');
const SENDER = join(HOME, 'sender');

const RECEIVER_COMMANDS = [
  'openssl genrsa -out key.pem 3072',
  'chmod 600 key.pem',
  'openssl pkey -in key.pem -pubout -out sender/pubkey.pem',
];

const SENDER_COMMANDS = [
  "printf 'name,amount\\nAda,1815\\nGrace,1906\\n' > payroll.csv",
  'openssl rand -base64 32 > key.bin',
  'openssl pkeyutl -encrypt -pubin -inkey pubkey.pem -in key.bin -out payroll.csv.keypke.bin.enc -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256',
  'openssl enc -aes-256-cbc -pbkdf2 -in payroll.csv -out payroll.csv.enc -pass file:key.bin',
  "echo 'AES-256-CBC with -aes-256-cbc flag' > payroll.csv.alg",
  'cp payroll.csv.enc payroll.csv.keypke.bin.enc payroll.csv.alg ../landing/acme/',
];

const CONFIGURATION = `spool: ${join(HOME, 'spool')}
keys:
  - file:${join(HOME, 'key.pem')}
landings:
  - name: acme
    directory: ${LANDING}
    delivery: ${DELIVERY}
`;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function shell(commands: readonly string[], directory: string): Promise<void> {
  for (const command of commands) {
    say(`  $ ${command}`);
    const child = spawn('sh', ['-ec', command], { cwd: directory, stdio: ['ignore', 'inherit', 'pipe'] });
    const errors: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
    const [status] = (await once(child, 'close')) as [number | null];
    if (status !== 0) throw new Error(`${command}\n${errors.join('')}`);
  }
}

interface LogLine {
  readonly message: string;
  readonly level: string;
  readonly stage?: string;
  readonly envelope?: string;
}

/** Shows the daemon's log and waits for the line that says what is expected. */
class DaemonLog {
  readonly #lines: LogLine[] = [];
  readonly #ended: Promise<unknown>;
  readonly #changed = new EventTarget();

  constructor(daemon: ChildProcess) {
    if (daemon.stdout === null) throw new Error('the daemon has no standard output');
    this.#ended = once(daemon, 'exit');
    createInterface({ input: daemon.stdout }).on('line', (line) => {
      say(`  sealdropd: ${line}`);
      this.#lines.push(JSON.parse(line) as LogLine);
      this.#changed.dispatchEvent(new Event('line'));
    });
  }

  async waitFor(matches: (line: LogLine) => boolean): Promise<void> {
    while (!this.#lines.some(matches)) {
      const next = await Promise.race([once(this.#changed, 'line'), this.#ended.then(() => 'ended')]);
      if (next === 'ended') throw new Error('sealdropd ended early; its last lines are above');
    }
  }
}

async function prepare(): Promise<void> {
  await rm(HOME, { recursive: true, force: true });
  for (const directory of [LANDING, DELIVERY, SENDER, join(HOME, 'spool')])
    await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(CONFIG, CONFIGURATION);
}

async function showPlaintext(): Promise<void> {
  const [name = ''] = await readdir(DELIVERY);
  const path = join(DELIVERY, name);
  say(`\nDelivered: ${relative(ROOT, path)}\n`);
  say((await readFile(path, 'utf8')).replaceAll(/^/gm, '  '));
  say(
    'Next: the README has a tour for operators, analysts, programmers and senders. All files of this demonstration are in .demo.',
  );
}

async function demonstrate(): Promise<void> {
  await prepare();
  say('The receiver makes a key (in production: AWS KMS, and the key never leaves it) and gives its public half away:');
  await shell(RECEIVER_COMMANDS, HOME);
  say('\nsealdropd watches the landing directory:');
  const daemon = spawn(process.execPath, [DAEMON, 'run', '--config', CONFIG], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const log = new DaemonLog(daemon);
    await log.waitFor(({ message }) => message === 'ready');
    say('\nThe sender has nothing but openssl:');
    await shell(SENDER_COMMANDS, SENDER);
    say('\nsealdropd takes the complete triple in:');
    await log.waitFor(({ message }) => message === 'delivered');
    await showPlaintext();
  } finally {
    daemon.kill('SIGTERM');
  }
}

try {
  await demonstrate();
} catch (error) {
  process.stderr.write(`npm start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
