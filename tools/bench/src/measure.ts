/** Running programs and taking their time. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Program {
  readonly words: readonly string[];
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

export interface Sample {
  /** From before the program starts to after it has ended. */
  readonly seconds: number;
  /** The most memory that the program itself held, without its children; 0 where /proc does not tell. */
  readonly peakBytes: number;
}

/**
 * Milliseconds to the first look at a program's memory, and the share of its time so far to each next one: the last look is close to the end (the kernel keeps
 * the peak itself), and a long run is left its cores (a look each 5 ms took 3.5 % of one, which only who needs all of them feels).
 */
const FIRST_LOOK = 5;
const LOOK_SHARE = 0.02;
const KIB = 1024;

/** VmHWM in proc_pid_status(5). */
function peakOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * KIB;
  } catch {
    return 0;
  }
}

/** @throws Error with what the program said when it does not end with status 0 */
export async function run({ words, environment }: Program): Promise<Sample> {
  const [file = '', ...rest] = words;
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  const start = performance.now();
  const child = spawn(file, rest, { env: { ...process.env, ...environment }, stdio: ['ignore', 'ignore', 'pipe'] });
  let peakBytes = 0;
  let look: NodeJS.Timeout;
  const lookLater = (): void => {
    const interval = Math.max(FIRST_LOOK, LOOK_SHARE * (performance.now() - start));
    look = setTimeout(() => {
      peakBytes = Math.max(peakBytes, peakOf(child.pid));
      lookLater();
    }, interval);
  };
  lookLater();
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint = `${complaint}${chunk.toString()}`.slice(-500)));
  child.on('error', reject).on('exit', resolve);
  const status = await promise.finally(() => clearTimeout(look));
  const seconds = (performance.now() - start) / 1000;
  if (status !== 0) throw new Error(`${words.join(' ')}\nended with status ${status}: ${complaint}`);
  return { seconds, peakBytes };
}

/** What a program prints; its time does not matter. */
export async function outputOf(words: readonly string[], input: Uint8Array = new Uint8Array(0)): Promise<Buffer> {
  const [file = '', ...rest] = words;
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  const child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  const complaint: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaint.push(chunk));
  child.on('error', reject).on('close', resolve);
  child.stdin.on('error', () => undefined).end(input);
  const status = await promise;
  if (status !== 0) throw new Error(`${words.join(' ')}: ${Buffer.concat(complaint).toString()}`);
  return Buffer.concat(output);
}

/** Waits until nothing is left to be written to the disk on which a directory lies. */
export async function settle(directory: string): Promise<void> {
  await outputOf(['sync', '--file-system', directory]);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export interface Contender extends Program {
  readonly name: string;
  /** Before each run, and not part of it. */
  readonly prepare?: (() => Promise<void>) | undefined;
}

export interface Measured {
  readonly name: string;
  /** Median. */
  readonly seconds: number;
  readonly fastest: number;
  readonly slowest: number;
  /** Highest. */
  readonly peakBytes: number;
}

function summarize(name: string, samples: readonly Sample[]): Measured {
  const seconds = samples.map((sample) => sample.seconds);
  return {
    name,
    seconds: median(seconds),
    fastest: Math.min(...seconds),
    slowest: Math.max(...seconds),
    peakBytes: Math.max(...samples.map((sample) => sample.peakBytes)),
  };
}

/**
 * Lets contenders take turns, so that whatever else the machine does meets them all. Each round begins with another one, and the first round
 * only warms up (page cache, and memory that a virtual machine has yet to be given).
 */
export async function takeTurns(contenders: readonly Contender[], rounds: number): Promise<readonly Measured[]> {
  const samples = contenders.map((): Sample[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const index = (round + turn) % contenders.length;
      const contender = contenders[index];
      if (contender === undefined) continue;
      await contender.prepare?.();
      const sample = await run(contender);
      if (round > 0) samples[index]?.push(sample);
    }
  }
  return contenders.map(({ name }, index) => summarize(name, samples[index] ?? []));
}
