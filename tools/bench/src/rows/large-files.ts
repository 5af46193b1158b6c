/** One large file, from file to file and through pipes. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender, Measured } from '../measure.ts';
import { median, settle, takeTurns } from '../measure.ts';
import { measureEncryptionSpeed } from '../machine.ts';
import { atMost, fastestOf, find } from '../row.ts';
import type { BenchContext, Comparison, Row, RowResult } from '../row.ts';
import { SEALDROP, withWorkbench } from '../workbench.ts';
import type { Workbench } from '../workbench.ts';

const FLAGS = ['-aes-256-cbc', '-pbkdf2', '-md', 'sha256'];
/** Bytes for openssl's `-bufsize`; its own default is 8 KiB. */
const BUFFER_SIZES = [65_536, 262_144, 1_048_576];

function outputIn({ directory }: Workbench): string {
  return join(directory, 'output');
}

/** A new file for everyone (to overwrite one is other work), and a disk that has nothing left to do from the one before. */
function fresh(bench: Workbench): Pick<Contender, 'prepare'> {
  const prepare = async (): Promise<void> => {
    await rm(outputIn(bench), { force: true });
    await settle(bench.directory);
  };
  return { prepare };
}

function opensslDecrypt(bench: Workbench, ...more: readonly string[]): readonly string[] {
  const files = ['-in', bench.payload, '-out', outputIn(bench)];
  return ['openssl', 'enc', '-d', ...FLAGS, '-pass', `file:${bench.keyFile}`, ...files, ...more];
}

function sealdropParts(bench: Workbench): readonly string[] {
  const parts = ['--wrapped-key', bench.wrappedKey, '--parameters', '-aes-256-cbc -pbkdf2', '--allow-noise'];
  return [...SEALDROP, 'decrypt', ...parts, '--key', `file:${bench.privateKey}`];
}

/** Without a manifest, as openssl does it. */
function sealdropDecrypt(bench: Workbench): Contender {
  const words = [...sealdropParts(bench), '--payload', bench.payload, '--output', outputIn(bench)];
  return { name: 'sealdrop decrypt', words, ...fresh(bench) };
}

function opensslContender(bench: Workbench, ...more: readonly string[]): Contender {
  return { name: ['openssl enc -d', ...more].join(' '), words: opensslDecrypt(bench, ...more), ...fresh(bench) };
}

function opensslContenders(bench: Workbench): readonly Contender[] {
  const buffered = BUFFER_SIZES.map((size) => opensslContender(bench, '-bufsize', String(size)));
  return [opensslContender(bench), ...buffered];
}

/** Sealdrop's file is safe on the disk when it ends; openssl's is so only after this. */
function synchronized(openssl: Contender, bench: Workbench): Contender {
  const words = ['sh', '-c', '"$@" && sync "$0"', outputIn(bench), ...openssl.words];
  return { ...openssl, name: `${openssl.name}, then sync`, words };
}

/** Against openssl's default, and against the fastest of its buffer sizes. */
function comparePair(measured: readonly Measured[], openssl: readonly Contender[]): readonly Comparison[] {
  const sealdrop = find(measured, 'sealdrop decrypt');
  const others = openssl.map(({ name }) => find(measured, name));
  const [plain] = others;
  if (plain === undefined) throw new Error('openssl was not measured');
  const best = fastestOf(others);
  return [atMost(0.7, sealdrop, plain), { ...atMost(0.85, sealdrop, best), against: `its best: ${best.name}` }];
}

type Place = 'memory' | 'disk';

async function measureDecryption(place: Place, { options }: BenchContext): Promise<RowResult> {
  const parent = place === 'memory' ? options.memoryDirectory : options.diskDirectory;
  return withWorkbench(parent, options.largeSize, async (bench) => {
    const hasty = opensslContenders(bench);
    const safe = place === 'disk' ? hasty.map((openssl) => synchronized(openssl, bench)) : [];
    const measured = await takeTurns([sealdropDecrypt(bench), ...hasty, ...safe], options.rounds);
    const comparisons = [hasty, safe].filter(({ length }) => length > 0).flatMap((kind) => comparePair(measured, kind));
    const where = place === 'memory' ? 'in memory (tmpfs)' : 'on disk';
    return { name: `decrypt-${place}`, what: `decrypt, file to file, ${where}`, measured, comparisons };
  });
}

const MEMBER_ENDINGS = ['.enc', '.keypke.bin.enc', '.alg', '.manifest.json'];

/** @param speeds gets what `openssl speed` says before each of Sealdrop's turns, since the machine does not always run at one speed */
function encryptContenders(bench: Workbench, speeds: number[]): readonly Contender[] {
  const name = 'encrypted';
  const made = MEMBER_ENDINGS.map((ending) => join(bench.directory, `${name}${ending}`));
  const prepare = async (): Promise<void> => {
    for (const path of made) await rm(path, { force: true });
  };
  const to = ['--output-dir', bench.directory, '--name', name];
  const files = ['-in', bench.plaintext, '-out', made[0] ?? ''];
  return [
    {
      name: 'sealdrop encrypt',
      words: [...SEALDROP, 'encrypt', bench.plaintext, '--public-key', bench.publicKey, ...to],
      prepare: async () => {
        await prepare();
        speeds.push(await measureEncryptionSpeed());
      },
    },
    { name: 'openssl enc', words: ['openssl', 'enc', ...FLAGS, '-pass', `file:${bench.keyFile}`, ...files], prepare },
  ];
}

async function measureEncryption({ options }: BenchContext): Promise<RowResult> {
  return withWorkbench(options.memoryDirectory, options.largeSize, async (bench) => {
    const speeds: number[] = [];
    const measured = await takeTurns(encryptContenders(bench, speeds), options.rounds);
    const sealdrop = find(measured, 'sealdrop encrypt');
    const ofLimit = bench.size / median(speeds) / sealdrop.seconds;
    return {
      name: 'encrypt',
      what: 'encrypt, with manifest and MAC, in memory',
      measured,
      comparisons: [
        atMost(0.8, sealdrop, find(measured, 'openssl enc')),
        {
          against: 'the cipher alone (openssl speed), in speed',
          ratio: ofLimit,
          goal: { kind: 'at-least', value: 0.85 },
        },
      ],
    };
  });
}

async function measureVerified({ options }: BenchContext): Promise<RowResult> {
  return withWorkbench(options.memoryDirectory, options.largeSize, async (bench) => {
    const key = ['--key', `file:${bench.privateKey}`];
    const sealdropWords = [...SEALDROP, 'decrypt', bench.payload, ...key, '--output', outputIn(bench)];
    // $0: the MAC's key, $1: the MAC, $2: the payload; then the words of openssl enc.
    const script = 'openssl dgst -sha256 -mac HMAC -macopt "hexkey:$0" "$2" | grep -q "$1" && shift 2 && "$@"';
    const words = ['sh', '-c', script, bench.macKey, bench.mac, bench.payload, ...opensslDecrypt(bench)];
    const measured = await takeTurns(
      [
        { name: 'sealdrop decrypt', words: sealdropWords, ...fresh(bench) },
        { name: 'openssl dgst -mac HMAC, then openssl enc -d', words, ...fresh(bench) },
      ],
      options.rounds,
    );
    const [sealdrop, openssl] = measured;
    if (sealdrop === undefined || openssl === undefined) throw new Error('nothing was measured');
    const what = 'decrypt, MAC verified before the plaintext has its name, in memory';
    return { name: 'verified', what, measured, comparisons: [atMost(0.5, sealdrop, openssl)] };
  });
}

async function measurePipes({ options }: BenchContext): Promise<RowResult> {
  return withWorkbench(options.memoryDirectory, options.largeSize, async (bench) => {
    const script = 'cat "$0" | "$@" | cat > /dev/null';
    const piped = (words: readonly string[]): readonly string[] => ['sh', '-c', script, bench.payload, ...words];
    const openssl = ['openssl', 'enc', '-d', ...FLAGS, '-pass', `file:${bench.keyFile}`];
    const measured = await takeTurns(
      [
        { name: 'sealdrop decrypt', words: piped([...sealdropParts(bench), '--payload', '-', '--output', '-']) },
        { name: 'openssl enc -d', words: piped(openssl) },
      ],
      options.rounds,
    );
    const comparisons = [atMost(1, find(measured, 'sealdrop decrypt'), find(measured, 'openssl enc -d'))];
    return { name: 'pipes', what: 'decrypt through pipes (stdin to stdout)', measured, comparisons };
  });
}

export const LARGE_FILE_ROWS: readonly Row[] = [
  { name: 'decrypt-memory', measure: async (context) => [await measureDecryption('memory', context)] },
  { name: 'decrypt-disk', measure: async (context) => [await measureDecryption('disk', context)] },
  { name: 'encrypt', measure: async (context) => [await measureEncryption(context)] },
  { name: 'verified', measure: async (context) => [await measureVerified(context)] },
  { name: 'pipes', measure: async (context) => [await measurePipes(context)] },
];
