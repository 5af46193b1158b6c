import { SealdropError } from '@sealdrop/core';
import { constants } from 'node:fs';
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { inspectEntry, moveDurably, removeTree, syncDirectory, syncFile } from './durable.ts';
import { unlessErrno } from './errno.ts';
import { envelopeDirectory, envelopesIn, membersDirectory, type Spool } from './layout.ts';
import { readRetry, type RetryOrder, writeRetry } from './small-records.ts';

/**
 * The three ways out of quarantine. Each ends in one rename out of `quarantine`, so of a daemon, its retention and any number of operators one
 * gets the envelope, and the others find that it is gone.
 */
export type Departure = 'done' | 'gone';

const REPORT = 'report.json';

/** Back to `claimed`, where the daemon takes it up again. Whatever of it a crash cuts off, doing it again completes. */
export async function sendBack(
  spool: Spool,
  id: string,
  order: Pick<RetryOrder, 'parameters' | 'oaep'>,
): Promise<Departure> {
  const envelope = envelopeDirectory(spool, 'quarantine', id);
  const done = await unlessErrno(['ENOENT'], async () => {
    const count = ((await readRetry(envelope))?.count ?? 0) + 1;
    await writeRetry(envelope, { version: 1, requested: new Date().toISOString(), count, ...order });
    // A report in `claimed` would be a verdict; the earlier ones are kept by number.
    await unlessErrno(['ENOENT'], () =>
      moveDurably(join(envelope, REPORT), join(envelope, `report-${count}.json`), 'keep-report'),
    );
    await finishSendBack(spool, id);
    return 'done' as const;
  });
  return done ?? 'gone';
}

/** Finishes what `sendBack` began before a crash; a quarantined envelope always has its report. */
export async function isOnItsWayBack(envelope: string): Promise<boolean> {
  return (await inspectEntry(join(envelope, REPORT))) === null && (await readRetry(envelope)) !== null;
}

export function finishSendBack(spool: Spool, id: string): Promise<void> {
  return moveDurably(envelopeDirectory(spool, 'quarantine', id), envelopeDirectory(spool, 'claimed', id), 'send-back');
}

/** How an envelope leaves quarantine for good. */
export type Removal = 'released' | 'discarded';

export interface HalfRemoved {
  readonly id: string;
  readonly removal: Removal;
  /** Where what is left of it lies. */
  readonly envelope: string;
}

/** The name says what its receipt has to say, should a crash come before that is written. */
const REMOVAL = /^(.*)\.(released|discarded)$/;

/** Whether what lies in `removing` under this name left the quarantine: of a delivered or archived envelope nothing remains to be told. */
export function hasVerdict(name: string): boolean {
  return REMOVAL.test(name);
}

/** Takes an envelope out of quarantine for good. `before` runs when it is certain that nobody else will have it, and nothing is gone yet. */
export async function discard(
  spool: Spool,
  id: string,
  { removal, before }: { readonly removal: Removal; readonly before: () => Promise<void> },
): Promise<Departure> {
  const removing = envelopeDirectory(spool, 'removing', `${id}.${removal}`);
  const moved = await unlessErrno(['ENOENT'], async () => {
    await moveDurably(envelopeDirectory(spool, 'quarantine', id), removing, 'discard');
    return true;
  });
  if (moved === null) return 'gone';
  await before();
  await removeTree(removing, 'remove-discarded');
  return 'done';
}

/** Removes an archived envelope, in one step as far as the archive goes. */
export async function discardArchived(spool: Spool, id: string): Promise<void> {
  const removing = envelopeDirectory(spool, 'removing', id);
  await unlessErrno(['ENOENT'], () => moveDurably(envelopeDirectory(spool, 'archive', id), removing, 'discard'));
  await removeTree(removing, 'remove-discarded');
}

/**
 * What a crash left of envelopes on their way out of quarantine; beside one who is still at it, it does no harm. `before` is called first: the crash may have come before
 * the receipt was written.
 */
export async function finishRemovals(spool: Spool, before: (left: HalfRemoved) => Promise<void>): Promise<void> {
  for (const name of await envelopesIn(spool, 'removing')) {
    const [, id, removal] = REMOVAL.exec(name) ?? [];
    if (id === undefined) continue;
    const envelope = envelopeDirectory(spool, 'removing', name);
    await before({ id, removal: removal as Removal, envelope });
    await removeTree(envelope, 'remove-discarded');
  }
}

/**
 * Copies a quarantined envelope's files, and its report, to a new directory `DIRECTORY/<id>`, whole or not at all; the quarantine keeps its own.
 * @returns the new directory
 * @throws SealdropError `already-exists`, `hostile-file` when a member is no ordinary file, `not-found`
 */
export async function copyOut(spool: Spool, id: string, directory: string): Promise<string> {
  const envelope = envelopeDirectory(spool, 'quarantine', id);
  const final = join(directory, id);
  if ((await inspectEntry(final)) !== null) {
    throw new SealdropError('already-exists', `${final}: exists already`, {
      hint: 'Name another directory, or move that one away.',
    });
  }
  const part = join(directory, `.sealdrop-${id}.part`);
  await removeTree(part, 'clear-copy');
  await mkdir(part, { mode: 0o700 });
  try {
    for (const name of await readdir(membersDirectory(envelope)))
      await copyMember(membersDirectory(envelope), name, part);
    await copyFile(join(envelope, REPORT), join(part, 'sealdrop-report.json'), constants.COPYFILE_EXCL);
    await syncFile(join(part, 'sealdrop-report.json'));
    await syncDirectory(part);
    await moveDurably(part, final, 'copy-out');
  } catch (error) {
    await removeTree(part, 'clear-copy');
    throw error;
  }
  return final;
}

async function copyMember(members: string, name: string, to: string): Promise<void> {
  const entry = await inspectEntry(join(members, name));
  if (entry?.isFile() !== true || entry.nlink !== 1n) {
    throw new SealdropError('hostile-file', `${name}: is not an ordinary file with one name; it is not handed out`, {
      hint: 'Purge the envelope, or look at its members in the spool yourself.',
    });
  }
  await copyFile(join(members, name), join(to, name), constants.COPYFILE_EXCL);
  await syncFile(join(to, name));
}
