import type { Problem } from './load.ts';
import type { Config } from './schema.ts';

/** The directories that a configuration names. */
export interface Places {
  readonly spool: string;
  readonly state?: string | undefined;
  readonly landings: readonly Pick<Config['landings'][number], 'name' | 'directory' | 'delivery'>[];
}

/** Directories that must lie apart and do not: as far as their paths tell, or the real ones of those (`check-overlaps.ts`). */
export function overlaps(places: Places): readonly Problem[] {
  const ofLandings = places.landings.flatMap((_, index) => [
    ...againstOthers(places, index),
    ...againstSpool(places, index),
  ]);
  return [...againstState(places), ...ofLandings];
}

function againstOthers({ landings }: Places, index: number): readonly Problem[] {
  const { directory = '', delivery = '' } = landings[index] ?? {};
  const problems: Problem[] = [];
  const overlapping = landings.slice(0, index).find((other) => overlap(other.directory, directory));
  if (overlapping !== undefined) {
    const message = `lies within the landing ${overlapping.name}, or the other way round; give each its own directory`;
    problems.push({ path: ['landings', index, 'directory'], message });
  }
  const exposed = landings.find((other) => isWithin(delivery, other.directory));
  if (exposed !== undefined) {
    const message = `lies within the landing ${exposed.name}, where the sender could reach the plaintext`;
    problems.push({ path: ['landings', index, 'delivery'], message });
  }
  return problems;
}

function againstSpool({ spool, landings }: Places, index: number): readonly Problem[] {
  const { directory = '', delivery = '' } = landings[index] ?? {};
  const problems: Problem[] = [];
  if (overlap(spool, directory)) {
    const message = 'overlaps the spool; keep the two apart, on the same file system';
    problems.push({ path: ['landings', index, 'directory'], message });
  }
  if (overlap(spool, delivery)) {
    problems.push({ path: ['landings', index, 'delivery'], message: 'overlaps the spool; keep the two apart' });
  }
  return problems;
}

function againstState({ state, landings }: Places): readonly Problem[] {
  if (state === undefined) return [];
  const exposed = landings.find(({ directory }) => isWithin(state, directory));
  if (exposed === undefined) return [];
  return [
    { path: ['state'], message: `lies within the landing ${exposed.name}, where the sender could reach the ledger` },
  ];
}

function overlap(a: string, b: string): boolean {
  return isWithin(a, b) || isWithin(b, a);
}

export function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer === '/' ? '/' : `${outer}/`);
}
