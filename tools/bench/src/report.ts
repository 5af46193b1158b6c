/** The results in words and figures. */
import type { CipherLimits, Machine } from './machine.ts';
import type { BenchOptions } from './options.ts';
import { formatMegabytes, formatRate, formatSeconds, formatSize } from './quantities.ts';
import { isMet } from './row.ts';
import type { Comparison, RowResult } from './row.ts';
import type { SizePoint } from './rows/sizes.ts';

export interface Results {
  readonly date: string;
  readonly machine: Machine;
  readonly limits: CipherLimits;
  readonly scale: BenchOptions['scale'];
  readonly rounds: number;
  /** Bytes. */
  readonly largeSize: number;
  readonly rows: readonly RowResult[];
  readonly sizes: readonly SizePoint[];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function goalText({ goal }: Comparison): string {
  return `${goal.kind === 'at-most' ? '≤' : '≥'} ${goal.value}`;
}

function comparisonRow(row: RowResult, comparison: Comparison): readonly string[] {
  const met = isMet(comparison) ? 'yes' : '**no**';
  return [row.what, comparison.against, comparison.ratio.toFixed(2), goalText(comparison), met];
}

function ratioTable(rows: readonly RowResult[]): string {
  const lines = rows.flatMap((row) => {
    if (row.remark !== undefined) return [[row.what, row.remark, '', '', '']];
    return row.comparisons.map((comparison) => comparisonRow(row, comparison));
  });
  return table(['what', 'against', 'ratio', 'goal', 'met'], lines);
}

function timeTable(rows: readonly RowResult[]): string {
  const lines = rows.flatMap(({ what, measured }) =>
    measured.map(({ name, seconds, fastest, slowest, peakBytes }) => [
      what,
      name,
      formatSeconds(seconds),
      `${formatSeconds(fastest)} – ${formatSeconds(slowest)}`,
      formatMegabytes(peakBytes),
    ]),
  );
  return table(['what', 'by', 'median', 'fastest – slowest', 'peak memory'], lines);
}

function sizeTable(points: readonly SizePoint[]): string {
  const lines = points.map(({ size, sealdrop, openssl }) => [
    formatSize(size),
    formatRate(sealdrop),
    formatRate(openssl),
    (openssl / sealdrop).toFixed(2),
  ]);
  return table(['file', 'sealdrop decrypt', 'openssl enc -d', 'ratio of times'], lines);
}

function machineText({ machine, limits, date, rounds, largeSize, scale }: Results): string {
  return [
    `${date.slice(0, 10)}, ${scale} run: ${rounds} rounds (medians), large files of ${formatSize(largeSize)}.`,
    `${machine.processor}, ${machine.cores} cores, ${formatSize(machine.memoryBytes)}, Linux ${machine.kernel}, Node.js ${machine.node}, ${machine.openssl}.`,
    `The machine's own limits, one core, \`openssl speed\` at 16 KiB: AES-256-CBC encryption ${formatRate(limits.encryption)}, ` +
      `decryption ${formatRate(limits.decryption)}, HMAC-SHA256 ${formatRate(limits.hmac)}.`,
  ].join('\n');
}

/** Times of whole processes; a ratio below 1 means that Sealdrop is faster. */
export function formatTables(results: Results): string {
  const parts = [machineText(results), ratioTable(results.rows), timeTable(results.rows)];
  if (results.sizes.length > 0) parts.push(sizeTable(results.sizes));
  return `${parts.join('\n\n')}\n`;
}
