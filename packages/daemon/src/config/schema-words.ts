import * as z from 'zod';
import { DURATION_PATTERN, parseDuration } from './duration.ts';
import { parseSize, SIZE_PATTERN } from './size.ts';

// The kinds of value that settings have, each with the message that says how to write one.

const DURATION_MESSAGE = 'must be a duration: a whole number and a unit, like 500ms, 2s, 5m, 24h or 7d';
const SIZE_MESSAGE = 'must be a size: a whole number and a unit, like 500MB, 2GiB or 0B';

/** Becomes milliseconds. */
export const duration = z
  .string({ error: DURATION_MESSAGE })
  .regex(DURATION_PATTERN, { error: DURATION_MESSAGE })
  .transform(parseDuration);

/** Becomes bytes. */
export const size = z.string({ error: SIZE_MESSAGE }).regex(SIZE_PATTERN, { error: SIZE_MESSAGE }).transform(parseSize);

/** Ends without a slash. */
export const absolutePath = (what: string) =>
  z
    .string({ error: `must be the path of a ${what}` })
    .regex(/^\/[^\0]*$/, { error: 'must be an absolute path, beginning with /' })
    .transform((path) => (path === '/' ? path : path.replace(/\/+$/, '')));

export const choice = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `must be one of: ${values.join(', ')}` });

export const wholeNumber = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
};

export const text = z.string({ error: 'must be text' }).min(1, { error: 'must not be empty' });
