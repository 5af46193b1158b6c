/**
 * One thing that `sealdropd check` looked at.
 * - `note`: it works, but not as well as the operator may think.
 * - `problem`: it will not work.
 */
export interface Finding {
  readonly verdict: 'ok' | 'note' | 'problem';
  readonly text: string;
  readonly hint?: string | undefined;
}

export const ok = (text: string): Finding => ({ verdict: 'ok', text });
export const note = (text: string, hint?: string): Finding => ({ verdict: 'note', text, hint });
export const problem = (text: string, hint?: string): Finding => ({ verdict: 'problem', text, hint });

const LONGEST_VERDICT = 'problem'.length;

/** All of them, a line each with its cure beneath, and what they come to. */
export function formatFindings(findings: readonly Finding[]): string {
  const lines = findings.map(({ verdict, text, hint }) => {
    const indent = ' '.repeat(LONGEST_VERDICT + 2);
    return `${verdict.padEnd(LONGEST_VERDICT)}  ${text}\n${hint === undefined ? '' : `${indent}${hint}\n`}`;
  });
  return `${lines.join('')}${summary(findings)}\n`;
}

function summary(findings: readonly Finding[]): string {
  const count = (verdict: Finding['verdict']): number =>
    findings.filter((finding) => finding.verdict === verdict).length;
  const [problems, notes] = [count('problem'), count('note')];
  const noted = notes === 0 ? '' : `, ${plural(notes, 'note')}`;
  if (problems === 0) return `No problem${noted}.`;
  return `${plural(problems, 'problem')}${noted}: mend what is marked as a problem, then check again.`;
}

function plural(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}
