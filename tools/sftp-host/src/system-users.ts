import { runCommand } from './system-command.ts';

export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** useradd(8): "Usernames may only be up to 32 characters long." */
export const LONGEST_USER_NAME = 32;

const NOWHERE = '/nonexistent';

/**
 * Adds a system user with a group of the same name, without a home and without a password.
 * `*` for the password: with the `!` that useradd would put there sshd takes the account as locked (sshd(8)).
 */
export async function addSystemUser(name: string): Promise<SystemUser> {
  const home = ['--no-create-home', '--home-dir', NOWHERE, '--shell', '/usr/sbin/nologin'];
  await runCommand('useradd', '--system', '--user-group', '--password', '*', ...home, '--', name);
  const user = (await findSystemUsers(name)).find((found) => found.name === name);
  if (user === undefined) throw new Error(`useradd made no user ${name}`);
  return user;
}

/** The machine's own users whose name begins with `prefix`. */
export async function findSystemUsers(prefix: string): Promise<readonly SystemUser[]> {
  const lines = (await runCommand('getent', '--service=files', 'passwd')).split('\n');
  return lines
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}

/** Removes the user and its group. No process may run as it. */
export async function removeSystemUser(name: string): Promise<void> {
  await runCommand('userdel', '--', name);
}
