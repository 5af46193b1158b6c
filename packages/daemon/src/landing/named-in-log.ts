/** Names in one line of the log, and lines of one kind in one scan; of more, only their number is said: the sender can make a hundred thousand. */
export const NAMED_IN_LOG = 10;

/** The first of the names, and how many there are when that is not all. */
export function firstOf(names: readonly string[]): { readonly files: readonly string[]; readonly count?: number } {
  if (names.length <= NAMED_IN_LOG) return { files: names };
  return { files: names.slice(0, NAMED_IN_LOG), count: names.length };
}
