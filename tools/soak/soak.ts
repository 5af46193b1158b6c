/** Runs the real daemon for long on many small envelopes, and looks at what it holds after each wave. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DaemonSite, type RunningDaemon } from '../bench/src/daemon-site.ts';
import { EnvelopeMold, makeKeyPair, privatePem } from '../bench/src/envelope-mold.ts';
import { type ProcessUsage, usageOf } from './process-usage.ts';

export interface SoakOptions {
  readonly envelopes: number;
  /** No wave begins after so many milliseconds. */
  readonly longest: number;
  /** Envelopes that land together. */
  readonly wave: number;
  /** Where the daemon's folder is made. */
  readonly parent: string;
  /** Node's arguments that run the daemon; as built when left out. */
  readonly program?: readonly string[] | undefined;
  readonly onSample?: ((sample: Sample) => void) | undefined;
}

/** When nothing was left to do. */
export interface Sample extends ProcessUsage {
  /** Delivered so far. */
  readonly envelopes: number;
  readonly seconds: number;
  /** The database with what SQLite keeps beside it. */
  readonly ledgerBytes: number;
}

export interface SoakResult {
  readonly samples: readonly Sample[];
  /** What the daemon warned of. */
  readonly troubles: readonly string[];
  readonly exitStatus: number | null;
}

/** With memory to spare V8 puts its collection off, and that looks like a leak: with little, only a leak grows. */
const SMALL_HEAP = { NODE_OPTIONS: '--max-old-space-size=64 --max-semi-space-size=4' };
/** Bytes of a plaintext. */
const SIZE = 512;
const LOOK_AGAIN = 20;
const WORKING_STATES = ['claiming', 'claimed', 'delivered', 'removing'];

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const keys = makeKeyPair();
  const mold = await EnvelopeMold.make(keys, SIZE);
  const { parent, program } = options;
  const site = new DaemonSite({ parent, privateKey: privatePem(keys), program, environment: SMALL_HEAP });
  try {
    const daemon = site.start();
    try {
      await daemon.hasScanned();
      const samples = await makeWaves({ site, daemon, mold }, options);
      return { samples, troubles: daemon.troubles, exitStatus: await daemon.stop() };
    } finally {
      await daemon.stop();
    }
  } finally {
    site.remove();
  }
}

interface Scene {
  readonly site: DaemonSite;
  readonly daemon: RunningDaemon;
  readonly mold: EnvelopeMold;
}

async function makeWaves(
  scene: Scene,
  { envelopes, longest, wave, onSample }: SoakOptions,
): Promise<readonly Sample[]> {
  const { site, daemon, mold } = scene;
  const samples: Sample[] = [];
  const began = performance.now();
  for (let landed = 0; landed < envelopes && performance.now() - began < longest;) {
    const end = Math.min(envelopes, landed + wave);
    for (; landed < end; landed += 1) mold.land(site.landing, `file-${landed}.csv`);
    await daemon.hasDelivered(landed);
    for (const name of readdirSync(site.delivery)) rmSync(join(site.delivery, name));
    await isIdle(site, daemon);
    const sample = { ...look(scene), envelopes: landed, seconds: (performance.now() - began) / 1000 };
    samples.push(sample);
    onSample?.(sample);
  }
  return samples;
}

async function isIdle({ spool, landing }: DaemonSite, daemon: RunningDaemon): Promise<void> {
  const places = [landing, ...WORKING_STATES.map((state) => join(spool, state))];
  while (daemon.isRunning && places.some((place) => readdirSync(place).length > 0)) await delay(LOOK_AGAIN);
  // A busy landing is not watched.
  while (daemon.isRunning && usageOf(daemon.pid).watches === 0) await delay(LOOK_AGAIN);
}

function look({ site, daemon }: Scene): ProcessUsage & Pick<Sample, 'ledgerBytes'> {
  const files = readdirSync(site.spool).filter((name) => name.startsWith('ledger.db'));
  const ledgerBytes = files.reduce((sum, name) => sum + statSync(join(site.spool, name)).size, 0);
  return { ...usageOf(daemon.pid), ledgerBytes };
}
