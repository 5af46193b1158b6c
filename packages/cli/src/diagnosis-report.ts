import type { Diagnosis } from '@sealdrop/core';
import { printable } from './printable.ts';

const VERDICTS = {
  certain: 'certain',
  likely: 'likely',
  ambiguous: 'not certain',
  none: 'unknown',
} as const satisfies Record<Diagnosis['verdict'], string>;

/** A command line as it is to be pasted: what cannot be printed would not be pasted either. */
function commandLines(label: string, command: string | null): readonly string[] {
  return command === null ? [] : ['', `  ${label}:`, `    ${printable(command)}`];
}

function messageLines(message: string | null): readonly string[] {
  if (message === null) return [];
  const lines = message.trimEnd().split('\n');
  return ['', '  to the sender:', ...lines.map((line) => `    ${printable(line)}`.trimEnd())];
}

/** The readable report, ending in a line feed. */
export function describeDiagnosis(envelope: string, diagnosis: Diagnosis): string {
  const { verdict, sentence, commands, senderMessage } = diagnosis;
  const lines = [
    `${printable(envelope)} (${VERDICTS[verdict]})`,
    `  ${printable(sentence)}`,
    ...commandLines('with openssl', commands?.openssl ?? null),
    ...commandLines('with sealdrop', commands?.sealdrop ?? null),
    ...messageLines(senderMessage),
  ];
  return `${lines.join('\n')}\n`;
}
