import { type BigIntStats, constants } from 'node:fs';
import { basename, join } from 'node:path';
import { SealdropError, toSealdropError } from '@sealdrop/core';
import { inspectEntry } from './durable.ts';
import { errnoOf } from './errno.ts';
import { callsAt } from './file-calls.ts';
import { formatPermissions } from './permissions.ts';
import { typeOf } from './quarantine.ts';

const OWNER_MAY_READ = 0o400n;

const WORDS = {
  file: 'an ordinary file',
  directory: 'a directory',
  'symbolic-link': 'a symbolic link',
  fifo: 'a named pipe',
  socket: 'a socket',
  device: 'a device',
} as const;

/** What each member was like before it was read, by its name. */
export type MemberSnapshot = ReadonlyMap<string, BigIntStats>;

/** What changes when a file is written to or replaced; it survives a rename, which touches only the ctime. */
export function fingerprintOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}`;
}

/**
 * Makes sure that each claimed member is an ordinary file with one name that can be read, and notes size and times.
 * @throws SealdropError `hostile-file` naming the member and what it is
 */
export async function examineMembers(directory: string, names: readonly string[]): Promise<MemberSnapshot> {
  const snapshot = new Map<string, BigIntStats>();
  for (const name of names) {
    const entry = await examine(join(directory, name), name);
    await refuseClosed(join(directory, name), name, entry);
    snapshot.set(name, entry);
  }
  return snapshot;
}

async function examine(path: string, name: string): Promise<BigIntStats> {
  const entry = await inspectEntry(path);
  if (entry === null) throw new SealdropError('io-error', `${name}: has disappeared from the spool`);
  if (!entry.isFile()) throw hostile(`${name} is ${WORDS[typeOf(entry)]}`);
  if (entry.nlink !== 1n) throw hostile(`${name} has a second name (a hard link)`);
  return entry;
}

/** One that its owner closed even to itself is no slip of the SFTP server's, which its operator could mend. */
async function refuseClosed(path: string, name: string, entry: BigIntStats): Promise<void> {
  try {
    await callsAt(path).access(path, constants.R_OK);
  } catch (error) {
    if (errnoOf(error) !== 'EACCES' || (entry.mode & OWNER_MAY_READ) !== 0n) throw toSealdropError(error, name);
    throw hostile(`${name} may be read by nobody (mode ${formatPermissions(entry)})`);
  }
}

/** @throws SealdropError `limit-exceeded` for a payload of more bytes than the landing takes */
export function checkPayloadSize(members: MemberSnapshot, path: string, maximum: number): void {
  const size = members.get(basename(path))?.size ?? 0n;
  if (size <= BigInt(maximum)) return;
  throw new SealdropError('limit-exceeded', `${basename(path)} has ${size} bytes; the landing takes ${maximum}`, {
    hint: 'If the sender has so much to send, raise maximumPayloadSize of the landing and retry the envelope.',
  });
}

/**
 * A sender that still holds a member open can write to it after the claim.
 * @throws SealdropError `hostile-file` when a member is not what it was
 */
export async function membersUnchanged(directory: string, before: MemberSnapshot): Promise<void> {
  for (const [name, earlier] of before) {
    const entry = await examine(join(directory, name), name);
    if (fingerprintOf(entry) !== fingerprintOf(earlier)) throw hostile(`${name} was changed while it was read`);
  }
}

function hostile(message: string): SealdropError {
  return new SealdropError('hostile-file', message, {
    hint: 'Ask the sender to upload ordinary files, under a temporary name until they are whole.',
  });
}
