import { join } from 'node:path';
import {
  type EnvelopeMembers,
  inspectEnvelope,
  membersOf,
  oaepWith,
  openEnvelope,
  type OpenedEnvelope,
  type OpenOptions,
  parseFlags,
  SealdropError,
  toSealdropError,
} from '@sealdrop/core';
import type { Config, LandingConfig } from '../config/schema.ts';
import { checkRoom } from '../operations/free-space.ts';
import type { Instruments } from '../operations/instruments.ts';
import { namesOf } from '../spool/claim.ts';
import { deliver, markDelivered, partPath, settleDelivery } from '../spool/deliver.ts';
import { envelopeDirectory, membersDirectory, type Spool } from '../spool/layout.ts';
import { reach } from '../spool/fault-points.ts';
import { checkPayloadSize, examineMembers, membersUnchanged } from '../spool/members.ts';
import { quarantine } from '../spool/quarantine.ts';
import type { ClaimRecord } from '../spool/records.ts';
import { readRetry, unmarkTold } from '../spool/small-records.ts';
import { standingOf } from '../spool/standing.ts';
import { strayVerdict } from '../spool/strays.ts';
import type { Concluder } from './conclude.ts';
import { historyOf, noteFailure } from './history.ts';
import type { KeyRing } from './key-ring.ts';
import { factsOf, memberPathsOf } from './receipts.ts';

/** Bytes that a character of base64 text stands for, when every line has its end (48 in 65). */
const BYTES_OF_ARMOR = 48 / 65;

/** What processing stands on; exchanged as a whole when the configuration is reloaded. */
export interface Workshop {
  readonly spool: Spool;
  readonly config: Config;
  readonly keys: KeyRing;
  readonly concluder: Pick<Concluder, 'delivered' | 'quarantined'>;
  readonly instruments: Instruments;
}

/** The name of the spool's health condition. */
const SPOOL = 'spool';

export interface Attempt {
  readonly claim: ClaimRecord;
  /** Since the daemon started, this one included. */
  readonly number: number;
  readonly signal: AbortSignal;
}

/** One claimed envelope at work. */
interface Work {
  readonly claim: ClaimRecord;
  readonly landing: LandingConfig;
  readonly signal: AbortSignal;
  /** Its directory in `claimed`. */
  readonly envelope: string;
  readonly workshop: Workshop;
}

/**
 * Takes a claimed envelope to its end: delivered, or quarantined when its sender is to blame.
 * @throws SealdropError with any other blame: the envelope stays claimed and can be tried again
 */
export async function processEnvelope({ claim, number, signal }: Attempt, workshop: Workshop): Promise<void> {
  const { metrics, progress } = workshop.instruments;
  if (number === 1) metrics.stageEnded('queue', Math.max(0, Date.now() - Date.parse(claim.claimed)) / 1000);
  progress.moved(claim.id);
  try {
    if (await isOver(claim, workshop)) return;
    const envelope = envelopeDirectory(workshop.spool, 'claimed', claim.id);
    await work({ claim, landing: landingOf(claim, workshop), signal, envelope, workshop });
  } finally {
    progress.ended(claim.id);
  }
}

/** Whether an earlier attempt brought it to an end and failed only after that. */
async function isOver(claim: ClaimRecord, workshop: Workshop): Promise<boolean> {
  const standing = await standingOf(workshop.spool, claim.id);
  if (standing.state === 'delivered') await concludeDelivered(claim, workshop, standing.final);
  if (standing.state === 'quarantined') await concludeQuarantined(claim, workshop, standing);
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

async function work(job: Work): Promise<void> {
  const { claim, landing, envelope, signal } = job;
  try {
    await finish(job, await deliverOnce(job));
  } catch (thrown) {
    const error = toSealdropError(thrown, claim.id);
    const final = await settleDelivery(envelope, partPath(landing.delivery, claim.id)).catch(() => null);
    if (final !== null) return finish(job, final);
    if (error.blame === 'sender') return setAside(job, error);
    if (!signal.aborted) await noteFailure(envelope, claim, error.code);
    throw error;
  }
}

/** @returns the final path */
async function deliverOnce(job: Work): Promise<string> {
  const { claim, landing, envelope, workshop } = job;
  const { metrics } = workshop.instruments;
  if (claim.kind === 'strays') throw strayVerdict(claim);
  const earlier = await watchingDelivery(job, () => settleDelivery(envelope, partPath(landing.delivery, claim.id)));
  if (earlier !== null) return earlier;
  const members = memberPaths(claim, landing, membersDirectory(envelope));
  const before = await examineMembers(membersDirectory(envelope), namesOf(claim));
  await checkPayloadSize(members.payload, landing.maximumPayloadSize);
  const options = await openOptions(job);
  const opened = await metrics.timed('open', () => openEnvelope(members, options));
  moved(job);
  try {
    const attempts = (await historyOf(envelope, claim)).attempts + 1;
    const paths = memberPathsOf(claim, membersDirectory(envelope));
    const facts = await factsOf(opened, { wrappedKey: members.wrappedKey, members: paths, attempts });
    return await watchingDelivery(job, async () => {
      const part = await writePart(job, opened);
      await membersUnchanged(membersDirectory(envelope), before);
      const { collision, mode, delivery: directory } = landing;
      const how = { envelope, part, directory, name: opened.plaintextName, collision, mode, facts };
      return metrics.timed('deliver', () => deliver(how));
    });
  } finally {
    opened.dispose();
  }
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

function moved({ claim, workshop }: Work): void {
  workshop.instruments.progress.moved(claim.id);
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

function pathOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'path' in thrown && typeof thrown.path === 'string' ? thrown.path : undefined;
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

/** What the operator said when sending it back counts before what the landing says, and that before the envelope's own word. */
async function openOptions({ landing, signal, envelope, workshop }: Work): Promise<OpenOptions> {
  const order = await readRetry(envelope);
  const oaep = order?.oaep ?? landing.oaep;
  return {
    keys: await workshop.keys.providers(),
    parameters: order === null || order.parameters === null ? undefined : parseFlags(order.parameters),
    defaultParameters: landing.parameters === undefined ? undefined : parseFlags(landing.parameters),
    oaep: oaep === undefined ? undefined : oaepWith(oaep),
    weakKeys: landing.weakKeys,
    maximumIterations: landing.maximumIterations,
    signal,
  };
}

async function finish({ claim, workshop }: Work, final: string): Promise<void> {
  await markDelivered(workshop.spool, claim.id);
  await concludeDelivered(claim, workshop, final);
}

async function concludeDelivered({ id, landing }: ClaimRecord, workshop: Workshop, file: string | null): Promise<void> {
  workshop.instruments.logger.info('delivered', { stage: 'deliver', envelope: id, landing, file });
  await workshop.concluder.delivered(id);
}

async function concludeQuarantined(
  { id, landing }: ClaimRecord,
  { instruments, concluder }: Workshop,
  { code, reason }: { readonly code: string | undefined; readonly reason: string | undefined },
): Promise<void> {
  instruments.logger.warn('quarantined', { stage: 'quarantine', envelope: id, landing, code, reason });
  await concluder.quarantined(id);
}

async function setAside(job: Work, error: SealdropError): Promise<void> {
  const { claim, landing, envelope, workshop } = job;
  const directory = membersDirectory(envelope);
  const ordered = (await readRetry(envelope))?.parameters ?? null;
  const told = error.code === 'hostile-file' ? null : await toldParameters(claim, landing, directory);
  const { attempts, timeline } = await historyOf(envelope, claim);
  const onProgress = (): void => moved(job);
  const verdict = { error, parameters: ordered ?? told, attempts: attempts + 1, timeline, onProgress };
  // One that was sent back is news again; its mark may have come after the order to try it again.
  await unmarkTold(envelope);
  await quarantine(workshop.spool, claim, verdict);
  await concludeQuarantined(claim, workshop, { code: error.code, reason: error.message });
}

/** The parameters that the envelope tells without its key; null when it tells none. */
async function toldParameters(claim: ClaimRecord, landing: LandingConfig, directory: string): Promise<string | null> {
  try {
    return (await inspectEnvelope(memberPaths(claim, landing, directory))).parameters?.flags ?? null;
  } catch {
    return null;
  }
}
