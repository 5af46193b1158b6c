import type { Options, PositionalOptions } from 'yargs';

/** An option with a value: always taken from the next word, whatever that begins with, as getopt(3) does. */
export const value = { type: 'string', nargs: 1 } as const satisfies Options;
export const flag = { type: 'boolean' } as const satisfies Options;

export const REPORTING_OPTIONS = {
  json: { ...flag, group: 'Reporting:', describe: 'Results and errors as JSON on stdout, one object a line' },
  quiet: { ...flag, alias: 'q', group: 'Reporting:', describe: 'Say nothing but errors' },
} as const satisfies Record<string, Options>;

/** ENVELOPE of the commands that take any number of them. */
export const ENVELOPE_POSITIONAL = {
  type: 'string',
  array: true,
  describe: 'A folder, a stem, or any one file of an envelope',
} as const satisfies PositionalOptions;
