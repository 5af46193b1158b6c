import { join } from 'node:path';
import {
  type EnvelopeMembers,
  inspectEnvelope,
  membersOf,
  oaepWith,
  openEnvelope,
  type OpenOptions,
  parseFlags,
  SealdropError,
  toSealdropError,
} from '@sealdrop/core';
import type { Config, LandingConfig } from '../config/schema.ts';
import type { Logger } from '../operations/logger.ts';
import { archive } from '../spool/archive.ts';
import { namesOf } from '../spool/claim.ts';
import { deliver, markDelivered, partPath, settleDelivery } from '../spool/deliver.ts';
import { envelopeDirectory, membersDirectory, type Spool } from '../spool/layout.ts';
import { examineMembers, membersUnchanged } from '../spool/members.ts';
import { quarantine, type TimelineEntry } from '../spool/quarantine.ts';
import type { ClaimRecord } from '../spool/records.ts';
import { strayVerdict } from '../spool/strays.ts';
import type { KeyRing } from './key-ring.ts';

/** What processing stands on; exchanged as a whole when the configuration is reloaded. */
export interface Workshop {
  readonly spool: Spool;
  readonly config: Config;
  readonly keys: KeyRing;
  readonly logger: Logger;
}

export interface Attempt {
  readonly claim: ClaimRecord;
  /** This one included. */
  readonly number: number;
  readonly timeline: readonly TimelineEntry[];
  readonly signal: AbortSignal;
}

/**
 * Takes a claimed envelope to its end: delivered, or quarantined when its sender is to blame.
 * @throws SealdropError with any other blame: the envelope stays claimed and can be tried again
 */
export async function processEnvelope(attempt: Attempt, workshop: Workshop): Promise<void> {
  const { claim } = attempt;
  const landing = workshop.config.landings.find((candidate) => candidate.name === claim.landing);
  if (landing === undefined) {
    throw new SealdropError('bad-configuration', `no landing is named ${claim.landing} any more`, {
      hint: `Put the landing ${claim.landing} back into the configuration, or remove its envelopes from the spool.`,
    });
  }
  const part = partPath(landing.delivery, claim.id);
  try {
    await finish(claim, workshop, await deliverOnce(attempt, landing, workshop));
  } catch (thrown) {
    const error = toSealdropError(thrown, claim.id);
    const final = await settleDelivery(envelopeDirectory(workshop.spool, 'claimed', claim.id), part).catch(() => null);
    if (final !== null) return finish(claim, workshop, final);
    if (error.blame !== 'sender') throw error;
    await setAside(attempt, landing, { error, workshop });
  }
}

/** @returns the final path */
async function deliverOnce(attempt: Attempt, landing: LandingConfig, workshop: Workshop): Promise<string> {
  const { claim, signal } = attempt;
  const envelope = envelopeDirectory(workshop.spool, 'claimed', claim.id);
  if (claim.kind === 'strays') throw strayVerdict(claim);
  const part = partPath(landing.delivery, claim.id);
  const earlier = await settleDelivery(envelope, part);
  if (earlier !== null) return earlier;
  const members = memberPaths(claim, landing, membersDirectory(envelope));
  const before = await examineMembers(membersDirectory(envelope), namesOf(claim));
  const opened = await openEnvelope(members, await openOptions(landing, workshop.keys, signal));
  try {
    await opened.writePlaintext(part, { signal });
    await membersUnchanged(membersDirectory(envelope), before);
    const { collision, mode, delivery } = landing;
    return await deliver({ envelope, part, directory: delivery, name: opened.plaintextName, collision, mode });
  } finally {
    opened.dispose();
  }
}

function memberPaths(claim: ClaimRecord, landing: LandingConfig, directory: string): EnvelopeMembers {
  const members = membersOf(claim, landing.parameters === undefined ? 'by-note' : 'known');
  const path = (name: string | null): string | null => (name === null ? null : join(directory, name));
  return {
    payload: join(directory, members.payload),
    wrappedKey: join(directory, members.wrappedKey),
    note: path(members.note),
    manifest: path(members.manifest),
    signature: path(members.signature),
  };
}

async function openOptions(landing: LandingConfig, keys: KeyRing, signal: AbortSignal): Promise<OpenOptions> {
  return {
    keys: await keys.providers(),
    defaultParameters: landing.parameters === undefined ? undefined : parseFlags(landing.parameters),
    oaep: landing.oaep === undefined ? undefined : oaepWith(landing.oaep),
    weakKeys: landing.weakKeys,
    maximumIterations: landing.maximumIterations,
    signal,
  };
}

async function finish(claim: ClaimRecord, { spool, config, logger }: Workshop, final: string): Promise<void> {
  await markDelivered(spool, claim.id);
  logger.info('delivered', { stage: 'deliver', envelope: claim.id, landing: claim.landing, file: final });
  try {
    await archive(spool, claim.id, config.archive);
  } catch (error) {
    // It is delivered all the same; `recover` archives it at the next start.
    const { code, message } = toSealdropError(error);
    logger.warn('not archived yet', {
      stage: 'archive',
      envelope: claim.id,
      landing: claim.landing,
      code,
      reason: message,
    });
  }
}

async function setAside(
  { claim, number, timeline }: Attempt,
  landing: LandingConfig,
  { error, workshop }: { readonly error: SealdropError; readonly workshop: Workshop },
): Promise<void> {
  const directory = membersDirectory(envelopeDirectory(workshop.spool, 'claimed', claim.id));
  const parameters = error.code === 'hostile-file' ? null : await toldParameters(claim, landing, directory);
  await quarantine(workshop.spool, claim, { error, parameters, attempts: number, timeline });
  workshop.logger.warn('quarantined', {
    stage: 'quarantine',
    envelope: claim.id,
    landing: claim.landing,
    code: error.code,
    reason: error.message,
  });
}

/** The parameters that the envelope tells without its key; null when it tells none. */
async function toldParameters(claim: ClaimRecord, landing: LandingConfig, directory: string): Promise<string | null> {
  try {
    return (await inspectEnvelope(memberPaths(claim, landing, directory))).parameters?.flags ?? null;
  } catch {
    return null;
  }
}
