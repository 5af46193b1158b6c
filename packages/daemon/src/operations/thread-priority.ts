import { readdirSync, readFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { setThreadPriority } from '@sealdrop/core';

/** By this much the other threads are nicer than the main thread (sched(7)). */
const NICER = 5;
/** What libuv calls the threads of its pool (libuv, src/threadpool.c). */
const POOL = 'libuv-worker';

/**
 * Lets the main thread go before libuv's pool and core's threads, which derive keys and decrypt for milliseconds on end: it gives all of them their work, and waiting for a core behind one of them it let another core idle. On Linux each
 * thread has a priority of its own (setpriority(2), "C library/kernel differences"). Where that is not allowed, or there are no such threads, all stays as it is.
 */
export function preferMainThread(): void {
  try {
    const priority = Math.min(constants.priority.PRIORITY_LOW, getPriority() + NICER);
    setThreadPriority(priority);
    for (const thread of readdirSync('/proc/self/task')) {
      const name = readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim();
      if (name === POOL) setPriority(Number(thread), priority);
    }
  } catch {
    // It is a matter of a tenth of the time.
  }
}
