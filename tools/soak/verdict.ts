/** Whether what a process holds stays the same. */
import type { Sample } from './soak.ts';

export interface Trend {
  readonly name: string;
  /** Medians of the second quarter, when the process has warmed up, and of the last one. */
  readonly early: number;
  readonly late: number;
  /** For each envelope in between. */
  readonly slope: number;
  readonly verdict: 'flat' | 'grows';
}

/** What counts as no growth: of memory, what the garbage collector leaves at one time and not at another. */
const TOLERANCES = [
  { name: 'residentBytes', share: 0.1, absolute: 0 },
  { name: 'descriptors', share: 0, absolute: 2 },
  { name: 'watches', share: 0, absolute: 0 },
  { name: 'threads', share: 0, absolute: 2 },
] as const satisfies readonly { name: keyof Sample; share: number; absolute: number }[];

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Needs four samples at least. */
export function trendsOf(samples: readonly Sample[]): readonly Trend[] {
  const quarter = Math.floor(samples.length / 4);
  const [second, last] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)];
  const distance = median(last.map(({ envelopes }) => envelopes)) - median(second.map(({ envelopes }) => envelopes));
  return TOLERANCES.map(({ name, share, absolute }) => {
    const [early, late] = [second, last].map((part) => median(part.map((sample) => sample[name]))) as [number, number];
    const verdict = late - early <= early * share + absolute ? 'flat' : 'grows';
    return { name, early, late, slope: (late - early) / distance, verdict };
  });
}
