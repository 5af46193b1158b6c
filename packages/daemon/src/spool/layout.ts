import { mkdir, readdir } from 'node:fs/promises';
import { syncDirectory } from './durable.ts';
import { beginAt } from './nearness.ts';

/** The directory that an envelope is in is its state (DESIGN section 5). */
export const STATES = ['claiming', 'claimed', 'delivered', 'quarantine', 'archive', 'removing'] as const;
export type State = (typeof STATES)[number];

/** Where things lie in the spool. Its parts are joined as text, a hundred times for each envelope. Members have a directory of their own: the sender chose their names, the records' names are ours. */
export interface Spool {
  /** Absolute and normal, as the configuration has it: without a slash at the end. */
  readonly root: string;
}

export function stateDirectory(spool: Spool, state: State): string {
  return `${spool.root}/${state}`;
}

export function envelopeDirectory(spool: Spool, state: State, id: string): string {
  return `${spool.root}/${state}/${id}`;
}

export function membersDirectory(envelope: string): string {
  return `${envelope}/members`;
}

/** Unless it is there. */
export async function makeStateDirectory(spool: Spool, state: State): Promise<void> {
  await mkdir(stateDirectory(spool, state), { recursive: true, mode: 0o700 });
}

/** Makes what is missing of the spool, private to the daemon's user. */
export async function openSpool(root: string): Promise<Spool> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const spool = { root };
  for (const state of STATES) await makeStateDirectory(spool, state);
  await syncDirectory(root);
  await beginAt(root);
  return spool;
}

/** The ids of the envelopes in a state, oldest first: an id begins with the time of its claim. */
export async function envelopesIn(spool: Spool, state: State): Promise<readonly string[]> {
  return (await readdir(stateDirectory(spool, state))).sort();
}
