import { styleText } from 'node:util';
import type { Failure } from './failure.ts';
import { jsonLine, printable } from './printable.ts';
import type { Progress } from './progress-bar.ts';

export type Tone = 'plain' | 'good' | 'caution' | 'bad';

const COLOURS = { good: 'green', caution: 'yellow', bad: 'red' } as const;

/** Colour only where someone looks at it and has not said no (no-color.org: any value but the empty one). */
function takesColour(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb';
}

function paint(text: string, tone: Tone): string {
  if (tone === 'plain' || !takesColour(process.stderr)) return text;
  return styleText(COLOURS[tone], text, { validateStream: false });
}

export interface TerminalOptions {
  /** `json`: results and failures are one JSON object a line on stdout. */
  readonly results: 'text' | 'json';
  readonly words: 'all' | 'errors-only';
}

const NO_PROGRESS: Progress = { update: () => {}, stop: () => {} };

/** Data go to stdout, words to stderr. */
export interface Terminal {
  /** Something to know; not said with --quiet. */
  say(text: string, tone?: Tone): void;
  /** A failure: words and the cure on stderr, or JSON on stdout. `facts` say in JSON what it is about. */
  fail(failure: Failure, facts?: Readonly<Record<string, string>>): void;
  /** A result for machines; nothing unless --json. */
  report(result: Readonly<Record<string, unknown>>): void;
  /** Text as it is, on stdout. */
  print(text: string): void;
  /** A bar on stderr when it is a terminal. @param total bytes; null when unknown */
  progress(label: string, total: number | null): Promise<Progress>;
}

export function openTerminal({ results, words }: TerminalOptions): Terminal {
  const quiet = words === 'errors-only' || results === 'json';
  const report = (result: Readonly<Record<string, unknown>>) => {
    if (results === 'json') process.stdout.write(`${jsonLine(result)}\n`);
  };
  return {
    report,
    say: (text, tone = 'plain') => {
      if (!quiet) process.stderr.write(`${paint(printable(text), tone)}\n`);
    },
    fail: (failure, facts = {}) => {
      if (results === 'json') return report({ ...facts, error: failure });
      process.stderr.write(`${paint('sealdrop:', 'bad')} ${printable(failure.message)}\n`);
      if (failure.hint !== null) process.stderr.write(`${printable(failure.hint)}\n`);
    },
    print: (text) => void process.stdout.write(text),
    progress: async (label, total) => {
      if (quiet || !process.stderr.isTTY) return NO_PROGRESS;
      const { startProgressBar } = await import('./progress-bar.ts');
      return startProgressBar(printable(label), total);
    },
  };
}
