/** Runs a real program and collects what it says. */
import { spawn } from 'node:child_process';
import type { SpawnOptions } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Never `spawnSync`: servers that the program talks to may live in this very process. */
export async function run(command: string, words: readonly string[], options: SpawnOptions = {}): Promise<Outcome> {
  const child = spawn(command, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  if (child.stdout === null || child.stderr === null) throw new Error('the child has no pipes');
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { status, stdout, stderr };
}

/** The same, for steps that must succeed: what went wrong is in the error. */
export async function runSuccessfully(
  command: string,
  words: readonly string[],
  options: SpawnOptions = {},
): Promise<Outcome> {
  const outcome = await run(command, words, options);
  if (outcome.status !== 0) {
    throw new Error(`${command} ${words.join(' ')} ended with ${outcome.status}\n${outcome.stdout}\n${outcome.stderr}`);
  }
  return outcome;
}
