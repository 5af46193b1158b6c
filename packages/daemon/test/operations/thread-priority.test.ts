import { readdirSync, readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { Host } from '../host.ts';

/** Of one thread: its name and its nice value (proc_pid_stat(5): fields 2 and 19). */
function threadOf(pid: number, thread: number): { readonly name: string; readonly nice: number } {
  const text = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
  const end = text.lastIndexOf(')');
  return { name: text.slice(text.indexOf('(') + 1, end), nice: Number(text.slice(end + 2).split(' ')[16]) };
}

test('threads that derive keys are nicer than the main thread', async () => {
  const host = new Host();
  onTestFinished(() => host.close());
  const { pid } = await host.start();
  const threads = readdirSync(`/proc/${pid}/task`).map((thread) => threadOf(pid, Number(thread)));
  const pool = threads.filter(({ name }) => name === 'libuv-worker');
  expect(pool.length).toBeGreaterThan(0);
  expect(new Set(pool.map(({ nice }) => nice))).toEqual(new Set([threadOf(pid, pid).nice + 5]));
});
