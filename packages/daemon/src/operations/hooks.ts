import { SealdropError } from '@sealdrop/core';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { isAbsolute } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BoundedOutput } from './bounded-output.ts';
import type { EnvelopeEvent, EventKind } from './envelope-event.ts';
import type { OutboxTarget, SendResult } from './outbox-lane.ts';

export interface CommandOptions {
  readonly name: string;
  /** Program (an absolute path) and arguments; no shell reads them. */
  readonly command: readonly string[];
  readonly events: readonly EventKind[];
  /** ms; then its process group is killed and the command counts as failed. Default 30 s. */
  readonly timeout?: number | undefined;
  /** Runs at the same time. Default 2. */
  readonly concurrency?: number | undefined;
}

const DEFAULT_TIMEOUT = 30_000;
const DEFAULT_CONCURRENCY = 2;
/** From SIGTERM to SIGKILL. */
const KILL_PATIENCE = 2000;
/** How long to wait for output after the command ended: something it left in the background may hold the pipe open forever. */
const DRAIN_PATIENCE = 500;
const LONGEST_VALUE = 4096;
/** All else stays with the daemon: its credentials and its line to systemd are not for others. */
const INHERITED = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];

/**
 * Runs a command for each event: the event as JSON on its stdin, its fields in the environment (`plaintextName` is
 * `SEALDROP_PLAINTEXT_NAME`; what is null is not set), `/` its working directory. Exit status 0 says that it took the event; with any other it
 * is run again later. The start of what it writes goes to the log.
 * @throws SealdropError `bad-configuration` when the program is not an absolute path
 */
export function commandTarget(options: CommandOptions): OutboxTarget {
  const { name, command, events, timeout = DEFAULT_TIMEOUT, concurrency = DEFAULT_CONCURRENCY } = options;
  const [program = '', ...words] = command;
  if (!isAbsolute(program)) {
    throw new SealdropError('bad-configuration', `hook ${name}: ${JSON.stringify(program)} is not an absolute path`, {
      hint: 'give the whole path of the program, like /usr/local/bin/notify; no shell looks it up',
    });
  }
  const send = (event: EnvelopeEvent, signal: AbortSignal): Promise<SendResult> =>
    runCommand(event, { program, words, timeout, signal });
  return { name, events, concurrency, send };
}

interface Run {
  readonly program: string;
  readonly words: readonly string[];
  readonly timeout: number;
  readonly signal: AbortSignal;
}

async function runCommand(event: EnvelopeEvent, { program, words, timeout, signal }: Run): Promise<SendResult> {
  // Its own process group, so that what it starts can be ended with it.
  const child = spawn(program, [...words], { cwd: '/', env: environmentOf(event), detached: true });
  const output = new BoundedOutput();
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.add(chunk));
  // A command need not read its stdin.
  child.stdin.on('error', () => {});
  child.stdin.end(`${JSON.stringify(event)}\n`);
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
  const fault = await ended(child, deadline);
  return conclude(child, { output, fault, timedOut: deadline.aborted && !signal.aborted ? timeout : null });
}

/** Resolves when it has ended, by force if need be; with the reason if it did not even start. */
async function ended(child: ChildProcessWithoutNullStreams, deadline: AbortSignal): Promise<Error | null> {
  const closed = once(child, 'close').catch(() => {});
  const over = once(child, 'exit').then(
    () => null,
    (error: unknown) => error as Error,
  );
  const late = new Promise<'late'>((resolve) => {
    if (deadline.aborted) resolve('late');
    deadline.addEventListener('abort', () => resolve('late'), { once: true });
  });
  if ((await Promise.race([over, late])) === 'late') await killGroup(child, over);
  const fault = await over;
  if (fault === null) await withinPatience(closed, DRAIN_PATIENCE);
  for (const stream of child.stdio) stream?.destroy();
  return fault;
}

async function killGroup(child: ChildProcessWithoutNullStreams, over: Promise<unknown>): Promise<void> {
  signalGroup(child, 'SIGTERM');
  await withinPatience(over, KILL_PATIENCE);
  // Also when it went by itself: something it started may have stayed.
  signalGroup(child, 'SIGKILL');
}

function signalGroup({ pid }: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // No process of the group is left.
  }
}

async function withinPatience(end: Promise<unknown>, patience: number): Promise<void> {
  const enough = new AbortController();
  await Promise.race([end, delay(patience, null, { signal: enough.signal }).catch(() => null)]);
  enough.abort();
}

interface CommandEnd {
  readonly output: BoundedOutput;
  readonly fault: Error | null;
  /** The time limit, when it was what ended the command. */
  readonly timedOut: number | null;
}

function conclude(child: ChildProcessWithoutNullStreams, { output, fault, timedOut }: CommandEnd): SendResult {
  if (fault !== null) return { result: 'try-again', detail: `cannot be started: ${fault.message}` };
  if (timedOut !== null) return { result: 'try-again', detail: output.after(`not done within ${timedOut} ms`) };
  if (child.exitCode === 0) return { result: 'sent', detail: output.after('done') };
  const end = child.exitCode === null ? `ended by ${child.signalCode}` : `exit status ${child.exitCode}`;
  return { result: 'try-again', detail: output.after(end) };
}

function environmentOf(event: EnvelopeEvent): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  for (const [field, value] of Object.entries(event)) {
    const text = Array.isArray(value) ? value.join('\n') : value;
    if (text === null || text === '') continue;
    const name = `SEALDROP_${field.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
    environment[name] = String(text).replaceAll('\0', '').slice(0, LONGEST_VALUE);
  }
  return environment;
}
