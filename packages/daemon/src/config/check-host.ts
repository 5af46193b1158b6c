import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEEPEST_FOLDER } from '../landing/scanner.ts';
import { MOST_AT_WORK } from '../processing/scheduler.ts';
import { unlessErrno } from '../spool/errno.ts';
import { type Finding, note, ok, problem } from './finding.ts';

/** Descriptors that the daemon needs whatever it does: log, watcher, ledger, status page, connections. */
const BASIC_DESCRIPTORS = 256;
const DESCRIPTORS_OF_ENVELOPE = 16;
/** More entries than this in the landings are not counted. */
const MOST_COUNTED = 1_000_000;

export async function checkUser(): Promise<readonly Finding[]> {
  if (process.geteuid?.() !== 0) return [];
  return [
    note(
      'user: this is root, who may do everything',
      "Check as the daemon's user too: runuser -u sealdrop -- sealdropd check",
    ),
  ];
}

/** Whether it can be seen that a file is still being written to (proc(5), `/proc/PID/fd`). */
export async function checkOpenFiles(): Promise<readonly Finding[]> {
  const visible = await unlessErrno(['EACCES', 'EPERM', 'ENOENT'], () => readdir('/proc/1/fd'));
  if (visible !== null)
    return [ok("/proc: other users' open files can be seen, so no upload is taken before it is closed")];
  return [
    note(
      "/proc: other users' open files cannot be seen: an upload without a manifest is taken once it stood still for `settle`",
      'Let senders upload a manifest, or under a temporary name (x.part) that they rename; or make settle longer than uploads may stall.',
    ),
  ];
}

export async function checkDescriptors(concurrency: number): Promise<readonly Finding[]> {
  const limits = await readFile('/proc/self/limits', 'latin1');
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  const limit = soft === undefined || soft === 'unlimited' ? Infinity : Number(soft);
  const needed = BASIC_DESCRIPTORS + MOST_AT_WORK * concurrency * DESCRIPTORS_OF_ENVELOPE;
  if (limit >= needed) return [ok(`limits: ${limit} open files`)];
  const hint = 'Raise it: LimitNOFILE=65536 in the unit, or ulimit -n.';
  return [
    problem(`limits: ${limit} open files are fewer than the ${needed} that concurrency ${concurrency} may need`, hint),
  ];
}

/** inotify(7): every watched file and directory counts against the user's limit. */
export async function checkWatches(directories: readonly string[]): Promise<readonly Finding[]> {
  const text = await unlessErrno(['ENOENT', 'EACCES'], () =>
    readFile('/proc/sys/fs/inotify/max_user_watches', 'latin1'),
  );
  if (text === null) return [note('inotify: cannot be asked for its limits; landings may be looked at by scans alone')];
  const limit = Number(text);
  let entries = 0;
  for (const directory of directories) entries += await countEntries(directory, MOST_COUNTED - entries, DEEPEST_FOLDER);
  const words = `inotify: ${limit} watches for the ${entries} files and directories in the landings`;
  if (2 * entries < limit) return [ok(words)];
  const wanted = Math.max(2 * limit, 4 * entries);
  return [
    note(`${words}; what is not watched is found by scans`, `Raise it: sysctl fs.inotify.max_user_watches=${wanted}`),
  ];
}

async function countEntries(directory: string, most: number, depth: number): Promise<number> {
  const entries = await unlessErrno(['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'], () =>
    readdir(directory, { withFileTypes: true }),
  );
  let count = 1;
  for (const entry of entries ?? []) {
    if (count >= most) return count;
    count +=
      entry.isDirectory() && depth > 0 ? await countEntries(join(directory, entry.name), most - count, depth - 1) : 1;
  }
  return count;
}
