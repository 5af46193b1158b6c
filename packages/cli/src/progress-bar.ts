import { SingleBar } from 'cli-progress';
import { formatBytes, formatSeconds } from './quantities.ts';

const MILLISECONDS = 1000;
const PER_CENT = 100;
const BAR_WIDTH = 24;
const LABEL_WIDTH = 28;

export interface Progress {
  /** @param bytes done so far */
  readonly update: (bytes: number) => void;
  /** Clears the bar from the screen. */
  readonly stop: () => void;
}

function drawBar(fraction: number): string {
  const full = Math.round(fraction * BAR_WIDTH);
  return '\u2588'.repeat(full) + '\u2591'.repeat(BAR_WIDTH - full);
}

interface State {
  readonly startTime: number;
  readonly value: number;
}

/** With a known total: bar, per cent, amounts, rate, time left; else what is done, and the rate. */
function formatState(label: string, total: number | null, { startTime, value }: State): string {
  const seconds = (Date.now() - startTime) / MILLISECONDS;
  const rate = seconds > 0 ? value / seconds : 0;
  if (total === null) return `${label}  ${formatBytes(value)}  ${formatBytes(rate)}/s`;
  const fraction = total > 0 ? Math.min(1, value / total) : 1;
  const percent = `${Math.floor(fraction * PER_CENT)}%`.padStart(4);
  const left = rate > 0 ? formatSeconds((total - value) / rate) : '?';
  return `${label} ${drawBar(fraction)} ${percent}  ${formatBytes(value)} of ${formatBytes(total)}  ${formatBytes(rate)}/s  ${left} left`;
}

/**
 * A bar on standard error, which must be a terminal.
 * @param total bytes; null when unknown
 */
export function startProgressBar(label: string, total: number | null): Progress {
  const shortLabel = label.length > LABEL_WIDTH ? `${label.slice(0, LABEL_WIDTH - 1)}\u2026` : label;
  const bar = new SingleBar({
    format: (_options, state: State) => formatState(shortLabel, total, state),
    clearOnComplete: true,
    // The bar is stopped on every way out; a listener of its own would take part in what a signal means.
    gracefulExit: false,
    stream: process.stderr,
  });
  bar.start(total ?? Number.MAX_SAFE_INTEGER, 0);
  return { update: (bytes) => bar.update(bytes), stop: () => bar.stop() };
}
