/** How long one envelope waits: on an idle daemon, and on one that starts before a full landing. */
import { watch } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { DaemonSite, RunningDaemon } from '../daemon-site.ts';
import { EnvelopeMold, FILES_PER_ENVELOPE, makeKeyPair, privatePem } from '../envelope-mold.ts';
import { median } from '../measure.ts';
import type { BenchContext, Comparison, Row, RowResult } from '../row.ts';
import { makeSite, single, SMALL } from './daemon.ts';

const GOALS = { median: 30, slowest: 100 };
/** Milliseconds for the daemon to clear up after a delivery before the next upload. */
const REST = 60;
const FEW_FILES = 1000;
const MORE_MEMORY = 60_000_000;
const FIRST_DELIVERY = 2;
/** Deliveries until memory is looked at. */
const AT_WORK = 300;

function atMost(against: string, value: number, limit: number): Comparison {
  return { against, ratio: value / limit, goal: { kind: 'at-most', value: 1 } };
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Milliseconds from the last byte written to the plaintext's final name. */
async function upload({ landing, delivery }: DaemonSite, mold: EnvelopeMold, name: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const watcher = watch(delivery, (_, file) => {
    if (file === name) resolve(performance.now());
  });
  mold.land(landing, name);
  const began = performance.now();
  const appeared = await promise;
  watcher.close();
  return appeared - began;
}

async function measureUploads(context: BenchContext): Promise<RowResult> {
  const keys = makeKeyPair();
  const mold = await EnvelopeMold.make(keys, SMALL);
  const site = makeSite(context, { privateKey: privatePem(keys) });
  const daemon = site.start();
  const times: number[] = [];
  try {
    await daemon.hasScanned();
    for (let index = -1; index < context.options.uploads; index += 1) {
      const time = await upload(site, mold, `file-${index}.csv`);
      if (index >= 0) times.push(time);
      await delay(REST);
    }
  } finally {
    await daemon.stop();
  }
  const [seconds, slowest] = [median(times) / 1000, percentile(times, 0.99) / 1000];
  const fastest = Math.min(...times) / 1000;
  return {
    name: 'daemon-upload',
    what: `from the last byte of 4 KiB with manifest to the plaintext's name, ${times.length} times`,
    measured: [{ name: 'sealdropd (slowest: 99th of 100)', seconds, fastest, slowest, peakBytes: 0 }],
    comparisons: [
      atMost(`${GOALS.median} ms, the median`, seconds * 1000, GOALS.median),
      atMost(`${GOALS.slowest} ms, 99 of 100`, slowest * 1000, GOALS.slowest),
    ],
  };
}

interface Start {
  readonly seconds: number;
  readonly peakBytes: number;
}

/** To the first delivery; memory until it has been at work for a while. */
async function startWith(files: number, context: BenchContext): Promise<Start> {
  const keys = makeKeyPair();
  const mold = await EnvelopeMold.make(keys, SMALL);
  const site = makeSite(context, { privateKey: privatePem(keys) });
  mold.landMany(site.landing, Math.ceil(files / FILES_PER_ENVELOPE));
  const daemon: RunningDaemon = site.start();
  try {
    await daemon.hasDelivered(1);
    const seconds = daemon.times.first / 1000;
    await daemon.hasDelivered(AT_WORK);
    return { seconds, peakBytes: daemon.memory.peak };
  } finally {
    await daemon.stop();
  }
}

async function measureStart(context: BenchContext): Promise<RowResult> {
  const many = context.options.waitingFiles;
  const [little, much] = [await startWith(FEW_FILES, context), await startWith(many, context)];
  return {
    name: 'daemon-start',
    what: `start with ${many} files waiting: first delivery, and memory until ${AT_WORK} are delivered`,
    measured: [single(`sealdropd, ${many} files`, much), single(`sealdropd, ${FEW_FILES} files`, little)],
    comparisons: [
      atMost(`${FIRST_DELIVERY} s to the first delivery`, much.seconds, FIRST_DELIVERY),
      atMost(`${MORE_MEMORY / 1e6} MB more than with ${FEW_FILES}`, much.peakBytes - little.peakBytes, MORE_MEMORY),
    ],
  };
}

export const DAEMON_WAIT_ROWS: readonly Row[] = [
  { name: 'daemon-upload', measure: async (context) => [await measureUploads(context)] },
  { name: 'daemon-start', measure: async (context) => [await measureStart(context)] },
];
