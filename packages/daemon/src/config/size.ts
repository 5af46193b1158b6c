const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** A whole number and a unit, like the pattern of durations. */
export const SIZE_PATTERN = /^(0|[1-9][0-9]{0,8})(B|[KMGT]i?B)$/;

/** Bytes of a size like `500MB`, `2GiB`, `0B`. The text must match `SIZE_PATTERN`. */
export function parseSize(text: string): number {
  const [, amount = '', unit = ''] = SIZE_PATTERN.exec(text) ?? [];
  return Number(amount) * (UNITS[unit] ?? Number.NaN);
}

/** The shortest way to write a size: `100GiB`, `1500MB`. */
export function formatSize(bytes: number): string {
  const fitting = Object.entries(UNITS).filter(([, size]) => bytes % size === 0);
  const [unit, size] = fitting.reduce((largest, next) => (next[1] > largest[1] ? next : largest));
  return `${bytes / size}${unit}`;
}
