import { realpathSync, rmSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { descendantsOf, findRunning, listProcesses, signalProcess } from './processes.ts';
import { DEFAULT_BASE_DIRECTORY, findAbandonedRuns, userPrefixOf } from './run-directory.ts';
import type { RunDirectory } from './run-directory.ts';
import { SSHD_PROGRAM } from './sshd.ts';
import { findSystemUsers, removeSystemUser } from './system-users.ts';

/** Milliseconds between two looks whether killed processes are gone; the kernel tells nobody but their parent. */
const LOOK_AGAIN = 10;

/** Ends the run's sshd with all its sessions, then removes its users and files. Does what is left to do, if anything. */
export async function removeRun(run: RunDirectory): Promise<void> {
  const users = await findSystemUsers(userPrefixOf(run));
  await endProcesses(run, new Set(users.map(({ uid }) => uid)));
  for (const { name } of users) await removeSystemUser(name);
  rmSync(run.path, { recursive: true, force: true });
}

/**
 * Removes what runs whose process is gone have left below `baseDirectory`, and nothing of runs that go on.
 * @returns the paths of the directories removed.
 */
export async function cleanSftpHosts(baseDirectory = DEFAULT_BASE_DIRECTORY): Promise<readonly string[]> {
  const runs = findAbandonedRuns(baseDirectory);
  for (const run of runs) await removeRun(run);
  return runs.map(({ path }) => path);
}

/** The listeners are stopped first and killed last: so none forks, and their sessions stay their children. */
async function endProcesses(run: RunDirectory, uids: ReadonlySet<number>): Promise<void> {
  const listeners = findListeners(run);
  for (const { pid } of listeners) signalProcess(pid, 'SIGSTOP');
  await killUntilGone(() => {
    const processes = listProcesses();
    const sessions = listeners.flatMap(({ pid }) => descendantsOf(pid, processes));
    return [...sessions, ...processes.filter(({ uid }) => uids.has(uid))];
  });
  await killUntilGone(() => findListeners(run));
}

function findListeners(run: RunDirectory) {
  return findRunning(realpathSync(SSHD_PROGRAM), run.sshdConfig);
}

async function killUntilGone(find: () => readonly { readonly pid: number }[]): Promise<void> {
  for (let left = find(); left.length > 0; left = find()) {
    for (const { pid } of left) signalProcess(pid, 'SIGKILL');
    await setTimeout(LOOK_AGAIN);
  }
}
