import {
  type Diagnosis,
  diagnoseCommand,
  type EnvelopeMembers,
  inspectEnvelope,
  type OpenOptions,
  SealdropError,
  toSealdropError,
} from '@sealdrop/core';
import { join } from 'node:path';
import { membersDirectory } from '../spool/layout.ts';
import { quarantine } from '../spool/quarantine.ts';
import type { ClaimRecord } from '../spool/records.ts';
import type { ReportedDiagnosis } from '../spool/report-schema.ts';
import { readRetry, unmarkTold } from '../spool/small-records.ts';
import type { AttemptResult } from './attempt.ts';
import type { Finding } from './diagnostician.ts';
import { historyOf } from './history.ts';
import { memberPaths, openOptions } from './opening.ts';
import { explainsItself, plainDiagnosis, plainMessage } from './plain-diagnosis.ts';
import { certainRepair } from './repairs.ts';
import { moved, type Work } from './workshop.ts';

/**
 * What becomes of an envelope whose sender is to blame: it is looked into, and either begun again with a repair that is certain, or quarantined with
 * what was found. While it waits to be looked into, others take its place.
 */
export async function setAside(job: Work, thrown: SealdropError): Promise<AttemptResult> {
  const { claim, workshop, envelope } = job;
  const error = withoutPaths(thrown, membersDirectory(envelope));
  const repaired = workshop.repairs.get(claim.id);
  workshop.repairs.delete(claim.id);
  if (repaired !== undefined) return setApart(job, error, reportable(repaired.diagnosis, { error, job }));
  if (explainsItself(error.code))
    return setApart(job, error, plainDiagnosis({ error, name: nameOf(claim), unknown: null }));
  if (!(await mayBeLookedInto(job))) {
    const unknown = 'too many of its landing failed in a short time';
    return setApart(job, error, plainDiagnosis({ error, name: nameOf(claim), unknown, command: byHand(job) }));
  }
  // To wait for its turn is not to hang.
  workshop.instruments.progress.ended(claim.id);
  job.stepAside();
  return workshop.diagnostician.inTurn(claim.landing, (budget) => lookInto(job, error, budget));
}

/** One that an operator sent back always is. */
async function mayBeLookedInto({ claim, envelope, workshop }: Work): Promise<boolean> {
  return (await readRetry(envelope)) !== null || workshop.diagnostician.allowance.take(claim.landing);
}

/** The command that makes the diagnosis. */
function byHand({ claim, landing, envelope, workshop }: Work): string {
  const command = diagnoseCommand({
    payload: join(membersDirectory(envelope), nameOf(claim)),
    keyNames: workshop.config.keys,
    parameters: claim.names.note.length + claim.names.manifest.length > 0 ? undefined : landing.parameters,
    oaep: landing.oaep,
  });
  return fromQuarantine(command, claim);
}

async function lookInto(job: Work, error: SealdropError, budget: number): Promise<AttemptResult> {
  const { claim, landing, workshop } = job;
  const found = await diagnose(job, error, budget);
  moved(job);
  if (found.kind === 'unknown') {
    return setApart(job, error, plainDiagnosis({ error, name: nameOf(claim), unknown: found.reason }));
  }
  const { diagnosis } = found;
  const repair = certainRepair(diagnosis, error.code, landing);
  if (repair === null) return setApart(job, error, reportable(diagnosis, { error, job }));
  workshop.diagnostician.allowance.giveBack(claim.landing);
  workshop.repairs.set(claim.id, repair);
  return 'again';
}

/** Where the members lie now they will lie no longer. */
function withoutPaths(error: SealdropError, members: string): SealdropError {
  const { code, message, hint, details, cause } = error;
  return new SealdropError(code, message.replaceAll(`${members}/`, ''), { hint, details, cause });
}

/** @throws SealdropError `cancelled` */
async function diagnose(job: Work, failure: SealdropError, budget: number): Promise<Finding> {
  const { claim, isNew, landing, envelope, workshop } = job;
  const { keys, instruments, diagnostician } = workshop;
  let members: EnvelopeMembers;
  let options: OpenOptions;
  try {
    members = memberPaths(claim, landing, membersDirectory(envelope));
    options = await openOptions({ landing, isNew, envelope, keys, health: instruments.health });
  } catch (thrown) {
    return { kind: 'unknown', reason: toSealdropError(thrown).message };
  }
  return diagnostician.diagnose(members, { ...options, failure, budget });
}

interface Told {
  readonly error: SealdropError;
  readonly job: Work;
}

/** Whatever a diagnosis says for a sender's eyes names no key of ours. */
function reportable(diagnosis: Diagnosis, { error, job }: Told): ReportedDiagnosis {
  const { outcome, verdict, sentence, falseAlarmLog2, commands, senderMessage } = diagnosis;
  const { claim, workshop } = job;
  const message = senderMessage ?? plainMessage(error, nameOf(claim));
  const withoutKeys = workshop.config.keys.reduce(
    (text, key) => text.replaceAll(key, 'our key').replaceAll(key.replace(/^[a-z-]+:/, ''), 'our key'),
    message,
  );
  return {
    outcome,
    verdict,
    // What is in order about it does not explain why it failed.
    sentence: outcome === 'opens-as-stated' ? `${error.message}. ${sentence}` : sentence,
    falseAlarmLog2,
    commands:
      commands === null
        ? null
        : {
            openssl: commands.openssl === null ? null : fromQuarantine(commands.openssl, claim),
            sealdrop: fromQuarantine(commands.sealdrop, claim),
          },
    senderMessage: withoutKeys,
  };
}

/** The members will lie there when somebody runs the commands. */
function fromQuarantine(command: string, { id }: ClaimRecord): string {
  return command.replaceAll(`/claimed/${id}/`, `/quarantine/${id}/`);
}

function nameOf({ names, stem, folder }: ClaimRecord): string {
  return names.payload[0] ?? ([stem, folder].find((name) => name !== '') || 'the files');
}

async function setApart(job: Work, error: SealdropError, diagnosis: ReportedDiagnosis): Promise<AttemptResult> {
  const { claim, envelope, workshop } = job;
  const ordered = (await readRetry(envelope))?.parameters ?? null;
  const told = error.code === 'hostile-file' ? null : await toldParameters(job);
  const { attempts, timeline } = await historyOf(envelope, claim);
  const onProgress = (): void => moved(job);
  const verdict = { error, diagnosis, parameters: ordered ?? told, attempts: attempts + 1, timeline, onProgress };
  // One that was sent back is news again; its mark may have come after the order to try it again.
  await unmarkTold(envelope);
  await quarantine(workshop.spool, claim, verdict);
  await concludeQuarantined(job, { code: error.code, reason: error.message, diagnosis: diagnosis.sentence });
  return 'ended';
}

export interface QuarantineNews {
  readonly code: string | undefined;
  readonly reason: string | undefined;
  readonly diagnosis: string | undefined;
}

/** For the log, then for ledger and hooks. */
export async function concludeQuarantined(
  { claim: { id, landing }, workshop: { instruments, concluder } }: Pick<Work, 'claim' | 'workshop'>,
  news: QuarantineNews,
): Promise<void> {
  instruments.logger.warn('quarantined', { stage: 'quarantine', envelope: id, landing, ...news });
  await concluder.quarantined(id);
}

/** The parameters that the envelope tells without its key; null when it tells none. */
async function toldParameters({ claim, landing, envelope }: Work): Promise<string | null> {
  try {
    return (await inspectEnvelope(memberPaths(claim, landing, membersDirectory(envelope)))).parameters?.flags ?? null;
  } catch {
    return null;
  }
}
