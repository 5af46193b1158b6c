import { createHash } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SealdropError } from '@sealdrop/core';
import { inspectEntry, moveDurably, writeRecord } from './durable.ts';
import { unlessErrno } from './errno.ts';
import { envelopeDirectory, membersDirectory, type Spool } from './layout.ts';
import type { ClaimRecord } from './records.ts';
import type { MemberReport, QuarantineReport, ReportedDiagnosis, TimelineEntry } from './report-schema.ts';

const REPORT = 'report.json';

/** Bytes of one envelope's members together. A sparse file costs its sender nothing, a thousand of them no more, and to read them would take us hours. */
const MOST_DIGESTED = 2n ** 30n;

export interface Verdict {
  readonly error: SealdropError;
  readonly diagnosis: ReportedDiagnosis;
  readonly parameters: string | null;
  readonly attempts: number;
  readonly timeline: readonly TimelineEntry[];
  /** Called again and again while members are digested: large ones take a while. */
  readonly onProgress?: (() => void) | undefined;
}

/** Sets a claimed envelope aside, whole, with the reason. The report is the verdict: once it is written, a crash only delays the move. */
export async function quarantine(spool: Spool, claim: ClaimRecord, verdict: Verdict): Promise<QuarantineReport> {
  const envelope = envelopeDirectory(spool, 'claimed', claim.id);
  const { error } = verdict;
  const report: QuarantineReport = {
    version: 1,
    id: claim.id,
    landing: claim.landing,
    code: error.code,
    blame: error.blame,
    message: error.message,
    hint: error.hint ?? null,
    parameters: verdict.parameters,
    diagnosis: verdict.diagnosis,
    members: await describeMembers(membersDirectory(envelope), verdict.onProgress),
    attempts: verdict.attempts,
    timeline: [...verdict.timeline, { time: new Date().toISOString(), event: 'quarantined' }],
  };
  await writeRecord(join(envelope, REPORT), report, 'report');
  await finishQuarantine(spool, claim.id);
  return report;
}

/** Whether a verdict was reached on a claimed envelope before the process died. */
export async function hasReport(envelope: string): Promise<boolean> {
  return (await inspectEntry(join(envelope, REPORT))) !== null;
}

export async function finishQuarantine(spool: Spool, id: string): Promise<void> {
  await moveDurably(envelopeDirectory(spool, 'claimed', id), envelopeDirectory(spool, 'quarantine', id), 'quarantine');
}

/** Digests of what is an ordinary file of one name (another's content may not be the sender's), of what we may read, up to `MOST_DIGESTED`. */
async function describeMembers(directory: string, onProgress?: () => void): Promise<readonly MemberReport[]> {
  const reports: MemberReport[] = [];
  let left = MOST_DIGESTED;
  for (const name of (await readdir(directory)).sort()) {
    const path = join(directory, name);
    const entry = await inspectEntry(path);
    if (entry === null) continue;
    const digested = entry.isFile() && entry.nlink === 1n && entry.size <= left;
    if (digested) left -= entry.size;
    const sha256 = digested ? await digest(path, onProgress) : null;
    reports.push({ name, type: typeOf(entry), size: Number(entry.size), sha256 });
  }
  return reports;
}

export function typeOf(entry: BigIntStats): MemberReport['type'] {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symbolic-link';
  if (entry.isFIFO()) return 'fifo';
  return entry.isSocket() ? 'socket' : 'device';
}

/** Null when we may not read it: that must not keep it from its place. */
async function digest(path: string, onProgress?: () => void): Promise<string | null> {
  const hash = createHash('sha256');
  const handle = await unlessErrno(['EACCES'], () => open(path, constants.O_RDONLY | constants.O_NOFOLLOW));
  if (handle === null) return null;
  for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    onProgress?.();
  }
  return hash.digest('hex');
}
