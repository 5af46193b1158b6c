import type { BigIntStats } from 'node:fs';
import { basename, join } from 'node:path';
import { formatFlags, type OpenedEnvelope } from '@sealdrop/core';
import type { Receipt } from '../ledger/receipt.ts';
import type { EnvelopeEvent } from '../operations/envelope-event.ts';
import type { ClaimRecord, DeliveryFacts, DeliveryRecord } from '../spool/records.ts';
import type { ReadReport } from '../spool/reports.ts';

/** What is known of an opened envelope before it is delivered. */
export function factsOf(
  opened: OpenedEnvelope,
  { received, attempts }: Pick<DeliveryFacts, 'received' | 'attempts'>,
): DeliveryFacts {
  return {
    plaintextName: opened.plaintextName,
    payloadSize: opened.payloadSize,
    received,
    attempts,
    keyName: opened.keyName,
    parameters: formatFlags(opened.parameters),
    verification: opened.verification,
    wrappedKeySha256: opened.wrappedKeySha256,
    repairs: opened.repairs,
  };
}

/** When the latest of these files was written: ms since the epoch; null when none is there. */
export function lastWritten(entries: readonly (BigIntStats | null)[]): number | null {
  const times = entries.filter((entry) => entry !== null).map((entry) => Number(entry.mtimeMs));
  return times.length === 0 ? null : Math.max(...times);
}

/** What is not known of an envelope that was opened before a crash, and by an older version. */
const NO_FACTS = {
  plaintextName: null,
  payloadSize: null,
  received: null,
  attempts: 1,
  keyName: null,
  parameters: null,
  verification: null,
  wrappedKeySha256: null,
  repairs: [],
} as const;

export function deliveredReceipt(claim: ClaimRecord, delivery: DeliveryRecord | null): Receipt {
  const deliveryPath = delivery?.final ?? null;
  return {
    ...NO_FACTS,
    plaintextName: deliveryPath === null ? null : basename(deliveryPath),
    ...delivery?.facts,
    id: claim.id,
    landing: claim.landing,
    outcome: 'delivered',
    code: null,
    plaintextSize: delivery?.size ?? null,
    claimed: Date.parse(claim.claimed),
    finished: Date.now(),
    deliveryPath,
  };
}

export interface QuarantinedFacts {
  readonly id: string;
  readonly claim: ClaimRecord | null;
  readonly report: ReadReport | null;
  readonly outcome: 'quarantined' | 'released' | 'discarded';
  readonly received: number | null;
}

export function quarantinedReceipt({ id, claim, report, outcome, received }: QuarantinedFacts): Receipt {
  return {
    ...NO_FACTS,
    ...factsOfReport(claim, report),
    id,
    outcome,
    plaintextSize: null,
    received,
    claimed: claim === null ? null : Date.parse(claim.claimed),
    finished: Date.now(),
    deliveryPath: null,
  };
}

function factsOfReport(claim: ClaimRecord | null, report: ReadReport | null) {
  const landing = claim?.landing ?? report?.landing ?? '';
  if (report === null) return { landing, code: null };
  const payload = claim?.names.payload[0];
  const payloadSize = report.members.find(({ name }) => name === payload)?.size ?? null;
  return { landing, code: report.code, payloadSize, attempts: report.attempts, parameters: report.parameters };
}

/** What hooks are told of a receipt. `round` makes the next quarantine of an envelope that was retried another event. */
export function eventOf(receipt: Receipt, report: ReadReport | null, round: number): EnvelopeEvent {
  const event = receipt.outcome === 'delivered' ? 'delivered' : 'quarantined';
  return {
    version: 1,
    id: `${receipt.id}-${event}${round === 0 ? '' : `-${round + 1}`}`,
    event,
    time: new Date(receipt.finished).toISOString(),
    envelope: receipt.id,
    landing: receipt.landing,
    plaintextName: receipt.plaintextName,
    plaintextSize: receipt.plaintextSize,
    deliveryPath: receipt.deliveryPath,
    code: receipt.code,
    parameters: receipt.parameters,
    keyName: receipt.keyName,
    verification: receipt.verification,
    repairs: receipt.repairs,
    ...reasonsOf(report),
  };
}

function reasonsOf(report: ReadReport | null): Pick<EnvelopeEvent, 'message' | 'hint' | 'diagnosis' | 'senderMessage'> {
  if (report === null) return { message: null, hint: null, diagnosis: null, senderMessage: null };
  const { message, hint, diagnosis } = report;
  if (diagnosis === null) return { message, hint, diagnosis: null, senderMessage: null };
  return { message, hint, diagnosis: diagnosis.sentence, senderMessage: diagnosis.senderMessage };
}

export function memberPathsOf(claim: ClaimRecord, members: string): readonly string[] {
  return Object.values(claim.names)
    .flat()
    .map((name) => join(members, name));
}
