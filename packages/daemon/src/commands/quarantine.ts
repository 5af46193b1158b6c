import { SealdropError } from '@sealdrop/core';
import { printable } from '../operations/printable.ts';
import { inspectEntry } from '../spool/durable.ts';
import { unlessErrno } from '../spool/errno.ts';
import { envelopeDirectory, envelopesIn, type Spool } from '../spool/layout.ts';
import type { ReportedDiagnosis } from '../spool/report-schema.ts';
import { readReport, type ReadReport } from '../spool/reports.ts';

const ID = /^([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})-[0-9a-f]{10}$/;

/** All that is in quarantine, oldest first. What has no readable report is there too, by its id alone. */
export async function listQuarantine(spool: Spool): Promise<readonly (ReadReport & { readonly id: string })[]> {
  const reports: ReadReport[] = [];
  for (const id of (await unlessErrno(['ENOENT'], () => envelopesIn(spool, 'quarantine'))) ?? []) {
    if (!ID.test(id)) continue;
    const report = await reportOf(spool, id);
    if (report !== null) reports.push(report);
  }
  return reports;
}

/** @throws SealdropError `usage` when it is no id, `not-found` */
export async function showQuarantined(spool: Spool, id: string): Promise<ReadReport> {
  checkId(id);
  const report = await reportOf(spool, id);
  if (report === null) throw notThere(id);
  return report;
}

async function reportOf(spool: Spool, id: string): Promise<ReadReport | null> {
  const envelope = envelopeDirectory(spool, 'quarantine', id);
  const report = await readReport(envelope);
  if (report !== null) return { ...report, id };
  if ((await inspectEntry(envelope)) === null) return null;
  const [message, blame] = ['its report.json is missing or cannot be read', 'receiver'];
  const unknown = {
    landing: '',
    hint: null,
    parameters: null,
    diagnosis: null,
    members: [],
    attempts: 0,
    timeline: [],
  };
  return { version: 1, id, code: 'internal', blame, message, ...unknown };
}

/** The ids of what was claimed before `time` (ms since the epoch) and is in quarantine. */
export async function quarantinedBefore(spool: Spool, time: number): Promise<readonly string[]> {
  const reports = await listQuarantine(spool);
  return reports.map(({ id }) => id).filter((id) => claimedAt(id) < time);
}

function claimedAt(id: string): number {
  return Date.parse(id.replace(ID, '$1-$2-$3T$4:$5:$6Z'));
}

/** An id never leads out of the quarantine. */
export function checkId(id: string): void {
  if (ID.test(id)) return;
  throw new SealdropError('usage', `${JSON.stringify(id)}: is not the id of an envelope`, {
    hint: 'sealdropd quarantine list shows the ids.',
  });
}

export function notThere(id: string): SealdropError {
  return new SealdropError('not-found', `${id}: no such envelope in quarantine`, {
    hint: 'sealdropd quarantine list shows what is there.',
  });
}

export function formatReports(reports: readonly ReadReport[]): string {
  if (reports.length === 0) return 'nothing is in quarantine\n';
  return reports
    .map(({ id, landing, code, message }) => `${printable(`${id}  ${landing}  ${code}  ${message}`)}\n`)
    .join('');
}

export function formatReport(report: ReadReport): string {
  const { id, landing, code, blame, message, hint, parameters, diagnosis, members, attempts, timeline } = report;
  const lines = [
    `envelope    ${id}`,
    `landing     ${landing}`,
    `code        ${code} (${blame})`,
    `message     ${message}`,
    ...(hint === null ? [] : [`hint        ${hint}`]),
    ...(parameters === null ? [] : [`parameters  ${parameters}`]),
    ...(diagnosis === null ? [] : diagnosisLines(diagnosis)),
    `attempts    ${attempts}`,
    ...members.map(
      ({ name, type, size, sha256 }) => `member      ${name}: ${type}, ${size} bytes, sha256 ${sha256 ?? '-'}`,
    ),
    ...timeline.map(({ time, event }) => `timeline    ${time} ${event}`),
    ...(diagnosis === null ? [] : messageLines(diagnosis)),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

const CONFIDENCE = { certain: 'certain', likely: 'likely', ambiguous: 'not certain', none: 'unknown' } as const;

function diagnosisLines({ verdict, sentence, falseAlarmLog2, commands }: ReportedDiagnosis): readonly string[] {
  return [
    `diagnosis   ${sentence} (${CONFIDENCE[verdict]})`,
    ...(falseAlarmLog2 === null ? [] : [`odds        of a false alarm: at most 2^${Math.ceil(falseAlarmLog2)}`]),
    ...(commands === null ? [] : commandLines(commands)),
  ];
}

function messageLines({ senderMessage }: ReportedDiagnosis): readonly string[] {
  return [
    '',
    'To the sender:',
    '',
    ...senderMessage
      .trimEnd()
      .split('\n')
      .map((line) => (line === '' ? '' : `  ${line}`)),
  ];
}

function commandLines({ openssl, sealdrop }: NonNullable<ReportedDiagnosis['commands']>): readonly string[] {
  return [...(openssl === null ? [] : [`openssl     ${openssl}`]), `sealdrop    ${sealdrop}`];
}
