import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** What proc(5) tells of a process. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  readonly uid: number;
  /** Clock ticks since the machine started: with the pid it names a process for good, since pids are used again. */
  readonly startTime: number;
}

/** Fields of /proc/PID/stat, counted from the one after the command's name, which is field 2 (proc(5)). */
const STATE = 0;
const PARENT_PID = 1;
const START_TIME = 19;

const STATES_OF_THE_DEAD: ReadonlySet<string> = new Set(['Z', 'X']);

/** The process, or nothing when it has ended (a zombie has). */
export function findProcess(pid: number): ProcessEntry | undefined {
  const stat = readProc(pid, 'stat');
  // The command's name may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (stat === '' || STATES_OF_THE_DEAD.has(fields[STATE] ?? '')) return undefined;
  const uid = /^Uid:\s+(\d+)/m.exec(readProc(pid, 'status'))?.[1];
  if (uid === undefined) return undefined;
  return { pid, parentPid: Number(fields[PARENT_PID]), uid: Number(uid), startTime: Number(fields[START_TIME]) };
}

export function listProcesses(): readonly ProcessEntry[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => findProcess(Number(pid)) ?? []);
}

/** The processes that run `program` (the real path of a file) and have `argument` among what `ps` shows of them. */
export function findRunning(program: string, argument: string): readonly ProcessEntry[] {
  return listProcesses().filter(
    ({ pid }) => readProc(pid, 'cmdline').includes(argument) && executableOf(pid) === program,
  );
}

/** Those processes among `processes` whose parent, or parent's parent and so on, is `ancestor`. */
export function descendantsOf(ancestor: number, processes: readonly ProcessEntry[]): readonly ProcessEntry[] {
  const children = processes.filter(({ parentPid }) => parentPid === ancestor);
  return children.concat(children.flatMap(({ pid }) => descendantsOf(pid, processes)));
}

/** Sends a signal to a process that may have ended meanwhile. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Empty when the process has ended. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function executableOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}
