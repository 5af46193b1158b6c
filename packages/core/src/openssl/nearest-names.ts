/** Levenshtein distance, one row at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let index = 0; index < from.length; index++) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (to[column - 1] === from[index] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

const MAXIMUM_NAME_LENGTH = 40;
const MAXIMUM_SUGGESTIONS = 3;

/** The names that a misspelt one may have meant, nearest first; empty when none is near. */
export function nearestNames(name: string, names: readonly string[]): readonly string[] {
  if (name.length > MAXIMUM_NAME_LENGTH) return [];
  const limit = Math.max(2, Math.floor(name.length / 3));
  return names
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .filter(({ distance }) => distance <= limit)
    .sort((left, right) => left.distance - right.distance)
    .slice(0, MAXIMUM_SUGGESTIONS)
    .map(({ candidate }) => candidate);
}

/** The hint that goes with an unknown name, or undefined when there is nothing to suggest. */
export function suggestNames(name: string, names: readonly string[]): string | undefined {
  const nearest = nearestNames(name, names);
  return nearest.length === 0 ? undefined : `did you mean ${nearest.join(', ')}?`;
}
