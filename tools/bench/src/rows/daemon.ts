/** What the daemon does in a second, held against what its cryptography alone would take. */
import { startKmsEmulator } from '@sealdrop/kms-emulator';
import { measureBound } from '../cryptography-bound.ts';
import { DaemonSite, type SiteOptions } from '../daemon-site.ts';
import { EnvelopeMold, type KeyPair, makeKeyPair, privatePem } from '../envelope-mold.ts';
import { mean, type Measured, settle } from '../measure.ts';
import type { BenchContext, Row, RowResult } from '../row.ts';

export const SMALL = 4096;
/** Milliseconds of a request to KMS from the same region. */
const KMS_LATENCY = 20;

/** On the disk to be measured. It stays until the end: for up to six minutes, ext4 is slow to make files after many were removed. */
export function makeSite(context: BenchContext, site: Omit<SiteOptions, 'parent'>): DaemonSite {
  const made = new DaemonSite({ ...site, parent: context.options.diskDirectory });
  context.atEnd(() => made.remove());
  return made;
}

interface Run {
  readonly seconds: number;
  readonly peakBytes: number;
}

/** Parts of a run, between which the daemon stands still and the bound is measured: the machine's speed wanders within a run, too. */
const PARTS = 4;

interface BoundedRun extends Run {
  /** Milliseconds for each envelope, whenever they were measured. */
  readonly bounds: readonly number[];
}

/** From the start of the daemon to the last delivery. */
async function deliverAll(site: DaemonSite, count: number, keys: KeyPair): Promise<BoundedRun> {
  const bounds = [await measureBound(keys)];
  const daemon = site.start();
  try {
    for (let part = 1; part < PARTS; part += 1) {
      await daemon.hasDelivered(Math.floor((count * part) / PARTS));
      bounds.push(await daemon.whilePaused(() => measureBound(keys)));
    }
    await daemon.hasDelivered(count);
    return { seconds: daemon.times.latest / 1000, peakBytes: daemon.memory.peak, bounds };
  } finally {
    await daemon.stop();
  }
}

export function single(name: string, { seconds, peakBytes }: Run): Measured {
  return { name, seconds, fastest: seconds, slowest: seconds, peakBytes };
}

interface Throughput {
  readonly what: string;
  readonly goal: number;
  readonly keys: KeyPair;
  readonly site: Omit<SiteOptions, 'parent'>;
}

async function measureThroughput(context: BenchContext, throughput: Throughput): Promise<RowResult> {
  const { what, goal, keys } = throughput;
  const count = context.options.waitingEnvelopes;
  const mold = await EnvelopeMold.make(keys, SMALL);
  const site = makeSite(context, throughput.site);
  mold.landMany(site.landing, count);
  // The daemon must not share the cores with the writing of what was landed.
  await settle(site.directory);
  const run = await deliverAll(site, count, keys);
  const bound = (count * mean(run.bounds)) / 1000;
  const against = 'all cores at PBKDF2 (10,000) and RSA-2048 alone';
  return {
    name: 'daemon',
    what: `${count} waiting envelopes of 4 KiB, ${what}, all fsyncs: rate`,
    measured: [single('sealdropd', run), single(against, { seconds: bound, peakBytes: 0 })],
    comparisons: [{ against, ratio: bound / run.seconds, goal: { kind: 'at-least', value: goal } }],
  };
}

function measureLocal(context: BenchContext): Promise<RowResult> {
  const keys = makeKeyPair();
  return measureThroughput(context, { what: 'local key', goal: 0.6, keys, site: { privateKey: privatePem(keys) } });
}

async function measureKms(context: BenchContext): Promise<RowResult> {
  const keys = makeKeyPair();
  const emulator = await startKmsEmulator();
  try {
    const { arn } = emulator.createKey({ privateKey: privatePem(keys) });
    emulator.inject({ delay: KMS_LATENCY });
    const site = { key: `aws-kms:${arn}`, environment: emulator.environment };
    return await measureThroughput(context, { what: `KMS at ${KMS_LATENCY} ms`, goal: 0.5, keys, site });
  } finally {
    await emulator.close();
  }
}

export const DAEMON_RATE_ROW: Row = { name: 'daemon-rate', measure: async (context) => [await measureLocal(context)] };
export const DAEMON_KMS_ROW: Row = { name: 'daemon-kms', measure: async (context) => [await measureKms(context)] };
