import { readdirSync, readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';

/** Of one thread: its name and its nice value (proc_pid_stat(5): fields 2 and 19). */
function threadOf(pid: number, thread: number): { readonly name: string; readonly nice: number } {
  const text = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
  const end = text.lastIndexOf(')');
  return { name: text.slice(text.indexOf('(') + 1, end), nice: Number(text.slice(end + 2).split(' ')[16]) };
}

/** Bytes: so many that core starts threads of its own. */
const LARGE = 40 * 1024 * 1024;

test('threads that derive keys and decrypt are nicer than the main thread', async () => {
  const host = new Host();
  onTestFinished(() => host.close());
  upload(host, 'large', seal(host, { plaintext: 'x'.repeat(LARGE) }));
  const daemon = await host.start();
  await daemon.saying({ message: 'delivered' });
  const { pid } = daemon;
  const threads = readdirSync(`/proc/${pid}/task`).map((thread) => threadOf(pid, Number(thread)));
  for (const kind of ['libuv-worker', 'sealdrop']) {
    const those = threads.filter(({ name }) => name === kind);
    expect(those.length).toBeGreaterThan(0);
    expect(new Set(those.map(({ nice }) => nice))).toEqual(new Set([threadOf(pid, pid).nice + 5]));
  }
});
