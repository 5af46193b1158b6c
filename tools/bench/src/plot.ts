/** Throughput over file size, both logarithmic, as an SVG that needs nothing else. */
import { formatRate, formatSize } from './quantities.ts';

export interface Series {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly (readonly [size: number, bytesPerSecond: number])[];
  readonly stroke: 'solid' | 'dashed';
}

const WIDTH = 820;
const HEIGHT = 460;
const MARGIN = { left: 90, right: 190, top: 40, bottom: 60 };
const INNER_WIDTH = WIDTH - MARGIN.left - MARGIN.right;
const INNER_HEIGHT = HEIGHT - MARGIN.top - MARGIN.bottom;
const FONT = 'font-family="system-ui, sans-serif" font-size="12"';

type Scale = (value: number) => number;

function logScale([low, high]: readonly [number, number], [from, to]: readonly [number, number]): Scale {
  const span = Math.log(high) - Math.log(low);
  return (value) => from + ((Math.log(value) - Math.log(low)) / span) * (to - from);
}

/** Powers of `base` that lie in the range. */
function ticks(base: number, [low, high]: readonly [number, number]): readonly number[] {
  const found: number[] = [];
  for (let value = base ** Math.floor(Math.log(low) / Math.log(base)); value <= high; value *= base) {
    if (value >= low) found.push(value);
  }
  return found;
}

function text(x: number, y: number, content: { words: string; anchor: 'start' | 'middle' | 'end' }): string {
  return `<text x="${x}" y="${y}" text-anchor="${content.anchor}" ${FONT} fill="#333">${content.words}</text>`;
}

function line(from: readonly [number, number], to: readonly [number, number]): string {
  return `<line x1="${from[0]}" y1="${from[1]}" x2="${to[0]}" y2="${to[1]}" stroke="#ddd"/>`;
}

function drawSeries({ name, colour, points, stroke }: Series, x: Scale, y: Scale): string {
  const path = points.map(([size, rate]) => `${x(size).toFixed(1)},${y(rate).toFixed(1)}`).join(' ');
  const dashes = stroke === 'dashed' ? ' stroke-dasharray="6 4"' : '';
  const dots = stroke === 'dashed' ? [] : points.map(([size, rate]) => dot(x(size), y(rate), colour));
  const last = points.at(-1);
  const label =
    last === undefined ? '' : text(WIDTH - MARGIN.right + 8, y(last[1]) + 4, { words: name, anchor: 'start' });
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>${dots.join('')}${label}`;
}

function dot(x: number, y: number, colour: string): string {
  return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3" fill="${colour}"/>`;
}

function rangeOf(values: readonly number[]): readonly [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

export function plotThroughput(title: string, series: readonly Series[]): string {
  const sizes = rangeOf(series.flatMap(({ points }) => points.map(([size]) => size)));
  const [slowest, fastest] = rangeOf(series.flatMap(({ points }) => points.map(([, rate]) => rate)));
  const rates = [slowest / 2, fastest * 2] as const;
  const x = logScale(sizes, [MARGIN.left, MARGIN.left + INNER_WIDTH]);
  const y = logScale(rates, [MARGIN.top + INNER_HEIGHT, MARGIN.top]);
  const bottom = MARGIN.top + INNER_HEIGHT;
  const grid = [
    ...ticks(8, sizes).flatMap((size) => [
      line([x(size), MARGIN.top], [x(size), bottom]),
      text(x(size), bottom + 20, { words: formatSize(size), anchor: 'middle' }),
    ]),
    ...ticks(10, rates).flatMap((rate) => [
      line([MARGIN.left, y(rate)], [MARGIN.left + INNER_WIDTH, y(rate)]),
      text(MARGIN.left - 8, y(rate) + 4, { words: formatRate(rate), anchor: 'end' }),
    ]),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(MARGIN.left, 24, { words: title, anchor: 'start' }),
    ...grid,
    ...series.map((one) => drawSeries(one, x, y)),
    text(MARGIN.left + INNER_WIDTH / 2, HEIGHT - 12, { words: 'file size', anchor: 'middle' }),
    '</svg>',
    '',
  ].join('\n');
}
