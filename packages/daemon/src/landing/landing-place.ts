import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SealdropError, toSealdropError } from '@sealdrop/core';
import type { LandingConfig } from '../config/schema.ts';
import { errnoOf, pathOf } from '../spool/errno.ts';
import { askSoon, doesNotAnswer, SILENT } from '../spool/answering.ts';
import type { Spool } from '../spool/layout.ts';

interface Place {
  readonly landing: LandingConfig;
  readonly spool: Spool;
}

/**
 * Which directory the landing's path means at the moment.
 * @throws SealdropError `bad-configuration` when nothing can be renamed from it into the spool, `io-error` when it does not answer; a system error when it is not there
 */
export async function identifyLanding({ landing, spool }: Place): Promise<string> {
  const here = await askSoon(landing.directory, () => stat(landing.directory));
  if (here === SILENT) throw doesNotAnswer(landing.directory);
  const there = await stat(spool.root);
  if (here.dev === there.dev) return `${here.dev}:${here.ino}`;
  throw new SealdropError('bad-configuration', `${landing.directory}: not on the file system of ${spool.root}`, {
    hint: 'Put the spool and its landings on one file system: envelopes are claimed by renaming. Or is the landing not mounted?',
  });
}

/** What kept a landing from being scanned, in an operator's words. */
export function explainTrouble(thrown: unknown, { landing, spool }: Place): SealdropError {
  if (isOfSpool(thrown, spool)) return toSealdropError(thrown, pathOf(thrown));
  if (errnoOf(thrown) !== 'EXDEV') return toSealdropError(thrown, landing.directory);
  return new SealdropError('bad-configuration', `${landing.directory}: a mount of its own, apart from ${spool.root}`, {
    hint: 'Put the spool within the same mount: even of one file system, nothing is renamed from mount to mount.',
    cause: thrown,
  });
}

/** Whether the landing itself is not there. */
export function isAbsent(thrown: unknown, { spool }: Place): boolean {
  return errnoOf(thrown) === 'ENOENT' && !isOfSpool(thrown, spool);
}

function isOfSpool(thrown: unknown, { root }: Spool): boolean {
  return pathOf(thrown)?.startsWith(join(root, '/')) === true;
}
