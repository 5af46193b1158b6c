import type { Options } from 'yargs';

/** An option with a value: always taken from the next word, whatever that begins with, as getopt(3) does. */
export const value = { type: 'string', nargs: 1 } as const satisfies Options;
export const flag = { type: 'boolean' } as const satisfies Options;

export const REPORTING_OPTIONS = {
  json: { ...flag, group: 'Reporting:', describe: 'Results and errors as JSON on stdout, one object a line' },
  quiet: { ...flag, alias: 'q', group: 'Reporting:', describe: 'Say nothing but errors' },
} as const satisfies Record<string, Options>;
