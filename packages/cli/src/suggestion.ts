/** Edits (insert, delete, replace, exchange of neighbours) between two words: Damerau's distance, restricted form. */
function distance(one: string, other: string): number {
  const rows: number[][] = [];
  for (let i = 0; i <= one.length; i += 1) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= other.length; j += 1) row.push(i === 0 ? j : cell(rows, { one, other, i, j }));
  }
  return rows[one.length]?.[other.length] ?? 0;
}

interface Position {
  readonly one: string;
  readonly other: string;
  readonly i: number;
  readonly j: number;
}

function cell(rows: readonly (readonly number[])[], { one, other, i, j }: Position): number {
  const at = (row: number, column: number) => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  const replaced = at(i - 1, j - 1) + (one[i - 1] === other[j - 1] ? 0 : 1);
  const exchanged = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1] ? at(i - 2, j - 2) + 1 : Infinity;
  return Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced, exchanged);
}

/** One edit in this many letters is still taken for a slip. */
const LETTERS_PER_SLIP = 3;

/** The known word that `word` was probably meant to be; null when none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  const ranked = known
    .map((candidate) => ({ candidate, edits: candidate.startsWith(word) ? 1 : distance(word, candidate) }))
    .filter(({ candidate, edits }) => edits <= Math.max(1, Math.floor(candidate.length / LETTERS_PER_SLIP)))
    .toSorted((a, b) => a.edits - b.edits);
  return ranked[0]?.candidate ?? null;
}
