const UNITS = ['B', 'KiB', 'MiB', 'GiB'];
const STEP = 1024;

/** `256 MiB`. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= STEP && unit < UNITS.length - 1) {
    value /= STEP;
    unit++;
  }
  return `${Number(value.toFixed(1))} ${UNITS[unit]}`;
}

const GB = 1e9;
const MB = 1e6;

/** `1.25 GB/s`, as `openssl speed` counts: powers of ten. */
export function formatRate(bytesPerSecond: number): string {
  return bytesPerSecond >= GB
    ? `${(bytesPerSecond / GB).toFixed(2)} GB/s`
    : `${(bytesPerSecond / MB).toPrecision(3)} MB/s`;
}

export function formatSeconds(seconds: number): string {
  return seconds < 1 ? `${(seconds * 1000).toFixed(0)} ms` : `${seconds.toFixed(2)} s`;
}

export function formatMegabytes(bytes: number): string {
  return bytes === 0 ? '' : `${(bytes / MB).toFixed(0)} MB`;
}
