/** Given twice, the last one counts; yargs would make a list of them. */
function last<T extends string | number>(given: T | readonly T[]): T {
  return typeof given === 'object' ? (given.at(-1) as T) : given;
}

const ONE = { nargs: 1, requiresArg: true } as const;

/** An option with one value, which may begin with a dash. */
export const oneText = { ...ONE, type: 'string', coerce: (given: string | readonly string[]) => last(given) } as const;
export const oneNumber = {
  ...ONE,
  type: 'number',
  coerce: (given: number | readonly number[]) => last(given),
} as const;
export const oneOf = <const T extends string>(choices: readonly T[]) => ({
  ...ONE,
  choices,
  coerce: (given: T | readonly T[]) => last(given),
});
