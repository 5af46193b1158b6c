import { join } from 'node:path';
import {
  type EnvelopeMembers,
  openEnvelope,
  type OpenedEnvelope,
  openRepaired,
  SealdropError,
  toSealdropError,
} from '@sealdrop/core';
import type { LandingConfig } from '../config/schema.ts';
import { checkRoom } from '../operations/free-space.ts';
import { doesNotAnswer, isDeliverySilent } from '../spool/answering.ts';
import { pathOf } from '../spool/errno.ts';
import { namesOf } from '../spool/claim.ts';
import { deliver, markDelivered, partPath, settleDelivery } from '../spool/deliver.ts';
import { reach } from '../spool/fault-points.ts';
import { envelopeDirectory, membersDirectory } from '../spool/layout.ts';
import { checkPayloadSize, examineMembers, membersUnchanged } from '../spool/members.ts';
import type { ClaimRecord, DeliveryRecord } from '../spool/records.ts';
import { standingOf } from '../spool/standing.ts';
import { strayVerdict } from '../spool/strays.ts';
import type { Attempt, AttemptResult } from './attempt.ts';
import { historyOf, noteFailure } from './history.ts';
import { memberPaths, openOptions } from './opening.ts';
import { factsOf, lastWritten } from './receipts.ts';
import { checkReplay } from './replay.ts';
import { concludeQuarantined, setAside } from './set-aside.ts';
import { moved, type Work, type Workshop } from './workshop.ts';

/** Bytes that a character of base64 text stands for, when every line has its end (48 in 65). */
const BYTES_OF_ARMOR = 48 / 65;

/** The name of the spool's health condition. */
const SPOOL = 'spool';

/**
 * Takes a claimed envelope to its end: delivered, or quarantined when its sender is to blame.
 * @throws SealdropError with any other blame: the envelope stays claimed and can be tried again
 */
export async function processEnvelope(attempt: Attempt, workshop: Workshop): Promise<AttemptResult> {
  const { claim, number, isNew, signal, stepAside } = attempt;
  const { metrics, progress } = workshop.instruments;
  const isFirst = number === 1 && !workshop.repairs.has(claim.id);
  if (isFirst) metrics.stageEnded('queue', Math.max(0, Date.now() - Date.parse(claim.claimed)) / 1000);
  progress.moved(claim.id);
  try {
    if (!isNew && (await isOver(claim, workshop))) return 'ended';
    const envelope = envelopeDirectory(workshop.spool, 'claimed', claim.id);
    const landing = landingOf(claim, workshop);
    return await work({ claim, isNew, landing, signal, stepAside, envelope, workshop });
  } finally {
    progress.ended(claim.id);
  }
}

/** Whether an earlier attempt brought it to an end and failed only after that. */
async function isOver(claim: ClaimRecord, workshop: Workshop): Promise<boolean> {
  const standing = await standingOf(workshop.spool, claim.id);
  if (standing.state === 'delivered') await concludeDelivered(claim, workshop, standing.delivery);
  if (standing.state === 'quarantined') {
    const { code, message: reason, diagnosis } = standing.report ?? {};
    await concludeQuarantined({ claim, workshop }, { code, reason, diagnosis: diagnosis?.sentence });
  }
  return standing.state !== 'claimed';
}

function landingOf({ landing: name }: ClaimRecord, { config, instruments }: Workshop): LandingConfig {
  const landing = config.landings.find((candidate) => candidate.name === name);
  if (landing !== undefined) return landing;
  const error = new SealdropError('bad-configuration', `no landing is named ${name} any more`, {
    hint: `Put the landing ${name} back into the configuration, or remove its envelopes from the spool.`,
  });
  instruments.health.report(`landing:${name}`, error);
  throw error;
}

async function work(job: Work): Promise<AttemptResult> {
  const { claim, landing, envelope, signal } = job;
  if (claim.kind !== 'strays') await mustAnswer(job);
  try {
    return await finish(job, await deliverOnce(job));
  } catch (thrown) {
    const error = toSealdropError(thrown, claim.id);
    const delivery = await settleDelivery(envelope, partPath(landing.delivery, claim.id)).catch(() => null);
    if (delivery !== null) return finish(job, delivery);
    if (error.blame === 'sender') return setAside(job, error);
    if (!signal.aborted) await noteFailure(envelope, claim, error.code);
    throw error;
  }
}

/** To wait in the queue holds up nobody; to wait in a system call that never returns does, and cannot be ended. */
async function mustAnswer({ claim, landing, envelope, signal, workshop }: Work): Promise<void> {
  if (!(await isDeliverySilent(landing.delivery))) return;
  const error = doesNotAnswer(landing.delivery);
  workshop.instruments.health.report(`delivery:${landing.name}`, error);
  if (!signal.aborted) await noteFailure(envelope, claim, error.code);
  throw error;
}

async function deliverOnce(job: Work): Promise<DeliveryRecord> {
  const { claim, isNew, landing, envelope, workshop } = job;
  const { metrics } = workshop.instruments;
  if (claim.kind === 'strays') throw strayVerdict(claim);
  if (!isNew) {
    const earlier = await watchingDelivery(job, () => settleDelivery(envelope, partPath(landing.delivery, claim.id)));
    if (earlier !== null) return earlier;
  }
  const members = memberPaths(claim, landing, membersDirectory(envelope));
  const before = await examineMembers(membersDirectory(envelope), namesOf(claim));
  checkPayloadSize(before, members.payload, landing.maximumPayloadSize);
  const opened = await metrics.timed('open', () => open(job, members));
  moved(job);
  workshop.instruments.names.learn(claim.id, [opened.plaintextName]);
  try {
    const attempts = isNew ? 1 : (await historyOf(envelope, claim)).attempts + 1;
    const facts = factsOf(opened, { received: lastWritten([...before.values()]), attempts });
    const part = await watchingDelivery(job, () => writePart(job, opened));
    await membersUnchanged(membersDirectory(envelope), before);
    await refuseReplay(job, opened);
    return await watchingDelivery(job, () => {
      const { collision, mode, delivery: directory } = landing;
      const how = { envelope, part, directory, name: opened.plaintextName, collision, mode, facts };
      return metrics.timed('deliver', () => deliver(how));
    });
  } finally {
    opened.dispose();
  }
}

/** As it says, or as a diagnosis was certain of. */
async function open(job: Work, members: EnvelopeMembers): Promise<OpenedEnvelope> {
  const { claim, isNew, landing, envelope, signal, workshop } = job;
  const { keys, repairs, instruments } = workshop;
  const options = await openOptions({ landing, isNew, envelope, keys, health: instruments.health });
  const found = repairs.get(claim.id);
  if (found === undefined || landing.repair === 'off') return openEnvelope(members, { ...options, signal });
  return openRepaired(members, found.repair, { ...options, signal });
}

function refuseReplay({ claim, landing, envelope, workshop }: Work, opened: OpenedEnvelope): Promise<void> {
  const { ledger, instruments } = workshop;
  return checkReplay(opened, { id: claim.id, landing, envelope, ledger, logger: instruments.logger });
}

async function writePart(job: Work, opened: OpenedEnvelope): Promise<string> {
  const { claim, landing, signal, workshop } = job;
  const part = partPath(landing.delivery, claim.id);
  const onProgress = (): void => moved(job);
  await checkRoom(landing.delivery, plaintextSizeOf(opened));
  await reach('part', 'write');
  await workshop.instruments.metrics.timed('decrypt', () => opened.writePlaintext(part, { signal, onProgress }));
  moved(job);
  return part;
}

/** Bytes, but for a header and padding. */
function plaintextSizeOf({ parameters, payloadSize }: OpenedEnvelope): number {
  const size = payloadSize ?? 0;
  return parameters.armor === 'none' ? size : Math.floor(size * BYTES_OF_ARMOR);
}

/** Says of the delivery directory, and of the spool, where its record is, whether they can be written. */
async function watchingDelivery<T>({ landing, workshop }: Work, deliverIt: () => Promise<T>): Promise<T> {
  const { health } = workshop.instruments;
  const condition = `delivery:${landing.name}`;
  try {
    const result = await deliverIt();
    for (const name of [condition, SPOOL]) health.report(name, null);
    return result;
  } catch (thrown) {
    // A write names no path (write(2)): then it was the plaintext's.
    const path = pathOf(thrown) ?? landing.delivery;
    const error = toSealdropError(thrown, path);
    const isOfSpool = path.startsWith(join(workshop.spool.root, '/'));
    if (error.code !== 'cancelled') health.report(isOfSpool ? SPOOL : condition, error);
    throw error;
  }
}

async function finish({ claim, workshop, stepAside }: Work, delivery: DeliveryRecord): Promise<AttemptResult> {
  workshop.repairs.delete(claim.id);
  await markDelivered(workshop.spool, claim.id);
  // Receipts are written many at a time: the next delivery need not wait for them.
  if (workshop.concluder.hasRoom) stepAside();
  await concludeDelivered(claim, workshop, delivery);
  return 'ended';
}

async function concludeDelivered(
  claim: ClaimRecord,
  { instruments, concluder }: Workshop,
  delivery: DeliveryRecord | null,
): Promise<void> {
  const { id, landing } = claim;
  const repairs = delivery?.facts?.repairs ?? [];
  const repaired = repairs.length === 0 ? {} : { repairs };
  const file = delivery?.final ?? null;
  instruments.logger.info('delivered', { stage: 'deliver', envelope: id, landing, file, ...repaired });
  await concluder.delivered(id, { claim, delivery });
}
