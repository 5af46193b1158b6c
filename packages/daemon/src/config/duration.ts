const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds: the longest that setTimeout takes. A longer one, which may well be configured, would be taken for 1. */
export const LONGEST_TIMER: number = 2 ** 31 - 1;

/** A whole number and a unit; written as a source so that the published JSON Schema carries the very same pattern. */
export const DURATION_PATTERN = /^(0|[1-9][0-9]{0,8})(ms|s|m|h|d)$/;

/** Milliseconds of a duration like `500ms`, `2s`, `5m`, `24h`, `7d`. The text must match `DURATION_PATTERN`. */
export function parseDuration(text: string): number {
  const [, amount = '', unit = ''] = DURATION_PATTERN.exec(text) ?? [];
  return Number(amount) * (UNITS[unit] ?? Number.NaN);
}

/** The shortest way to write a duration: `90m`, `24h`. */
export function formatDuration(milliseconds: number): string {
  const fitting = Object.entries(UNITS).filter(([, size]) => milliseconds % size === 0);
  const [unit, size] = fitting.at(-1) ?? ['ms', 1];
  return `${milliseconds / size}${unit}`;
}
