import type { CipherLimits } from './machine.ts';
import type { Measured } from './measure.ts';
import type { BenchOptions } from './options.ts';

/** What a row may use. */
export interface BenchContext {
  readonly options: BenchOptions;
  readonly limits: CipherLimits;
  /** What must not get in the way of the rows that follow. */
  atEnd(work: () => void): void;
}

export interface Comparison {
  /** What Sealdrop is held against. */
  readonly against: string;
  /** Sealdrop's share of it: time, or what the goal counts in. */
  readonly ratio: number;
  readonly goal: { readonly kind: 'at-most' | 'at-least'; readonly value: number };
}

export interface RowResult {
  readonly name: string;
  readonly what: string;
  readonly measured: readonly Measured[];
  readonly comparisons: readonly Comparison[];
  /** A sentence beside the figures. */
  readonly remark?: string | undefined;
}

export interface Row {
  /** By which `--only` chooses it. */
  readonly name: string;
  measure(context: BenchContext): Promise<readonly RowResult[]>;
}

export function isMet({ ratio, goal }: Comparison): boolean {
  return goal.kind === 'at-most' ? ratio <= goal.value : ratio >= goal.value;
}

export function find(measured: readonly Measured[], name: string): Measured {
  const found = measured.find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} was not measured`);
  return found;
}

export function fastestOf(measured: readonly Measured[]): Measured {
  const [first, ...rest] = measured;
  if (first === undefined) throw new Error('nothing was measured');
  return rest.reduce((best, one) => (one.seconds < best.seconds ? one : best), first);
}

/** Sealdrop's time as a share of another's. */
export function atMost(value: number, sealdrop: Measured, other: Measured): Comparison {
  return { against: other.name, ratio: sealdrop.seconds / other.seconds, goal: { kind: 'at-most', value } };
}
