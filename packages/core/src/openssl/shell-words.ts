import { SealdropError } from '../errors.ts';

/** `$(…)` with balanced parentheses from `start`, or `…` in backticks; null when it does not end. */
function substitutionEnd(text: string, start: number): number | null {
  if (text[start] === '`') {
    const end = text.indexOf('`', start + 1);
    return end === -1 ? null : end + 1;
  }
  let depth = 0;
  for (let index = start + 1; index < text.length; index++) {
    if (text[index] === '(') depth++;
    if (text[index] === ')' && --depth === 0) return index + 1;
  }
  return null;
}

function unclosed(what: string): SealdropError {
  return new SealdropError('bad-parameters', `the flags have ${what} that is not closed`);
}

type Step = { readonly append: string; readonly next: number } | 'word-end';

function closing(text: string, start: number, quote: string): number {
  const end = text.indexOf(quote, start);
  if (end === -1) throw unclosed('a quote');
  return end;
}

/** A backslash within double quotes counts before these characters only (POSIX shell, 2.2.3). */
function escapedAt(text: string, index: number, context: 'bare' | 'double'): Step {
  const following = text.slice(index + 1).match(/^(?:\r?\n|[^])/)?.[0] ?? '';
  if (following.endsWith('\n')) return { append: '', next: index + 1 + following.length };
  const kept = context === 'double' && !/^[$`"\\]$/.test(following) ? '\\' : '';
  return { append: kept + following, next: index + 1 + following.length };
}

function substitutionAt(text: string, index: number): Step {
  const end = substitutionEnd(text, index);
  if (end === null) throw unclosed('a command substitution');
  return { append: text.slice(index, end), next: end };
}

function doubleQuoted(text: string, start: number): Step {
  let append = '';
  let index = start;
  while (index < text.length && text[index] !== '"') {
    const step = plainStep(text, index, 'double');
    if (step === 'word-end') break;
    append += step.append;
    index = step.next;
  }
  if (text[index] !== '"') throw unclosed('a quote');
  return { append, next: index + 1 };
}

function plainStep(text: string, index: number, context: 'bare' | 'double'): Step {
  const character = text[index] ?? '';
  if (character === '\\') return escapedAt(text, index, context);
  if (character === '`' || text.startsWith('$(', index)) return substitutionAt(text, index);
  return { append: character, next: index + 1 };
}

function bareStep(text: string, index: number): Step {
  const character = text[index] ?? '';
  if (/\s/.test(character)) return 'word-end';
  if (character === "'") {
    const end = closing(text, index + 1, "'");
    return { append: text.slice(index + 1, end), next: end + 1 };
  }
  return character === '"' ? doubleQuoted(text, index + 1) : plainStep(text, index, 'bare');
}

/**
 * A command line's words as a POSIX shell splits them: quotes removed, backslash and line continuation obeyed. Substitutions (`$(…)`, `$VAR`,
 * backticks) stay as they are written: what they give is not known here.
 * @throws SealdropError `bad-parameters` when a quote or a substitution is not closed
 */
export function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let index = 0; index < text.length;) {
    const step = bareStep(text, index);
    if (step === 'word-end') {
      if (word !== null) words.push(word);
      word = null;
      index++;
    } else {
      // A line continuation alone makes no word.
      if (step.append !== '' || /["']/.test(text[index] ?? '')) word = (word ?? '') + step.append;
      index = step.next;
    }
  }
  if (word !== null) words.push(word);
  return words;
}
