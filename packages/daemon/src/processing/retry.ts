const FIRST_PASSING_DELAY = 1000;
const FIRST_RECEIVER_DELAY = 2000;
const LONGEST_DELAY = 60_000;

/** Milliseconds until the next attempt after `failures` in a row: doubling up to a minute, with half of it left to chance so that what failed together does not return together. */
export function retryDelay(blame: 'receiver' | 'passing', failures: number): number {
  const first = blame === 'passing' ? FIRST_PASSING_DELAY : FIRST_RECEIVER_DELAY;
  const full = Math.min(LONGEST_DELAY, first * 2 ** Math.min(failures - 1, 16));
  return Math.round(full / 2 + (Math.random() * full) / 2);
}
