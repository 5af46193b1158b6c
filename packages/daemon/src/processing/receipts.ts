import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { formatFlags, MAXIMUM_WRAPPED_KEY_SIZE, type OpenedEnvelope, readWrappedKey } from '@sealdrop/core';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Receipt } from '../ledger/receipt.ts';
import type { EnvelopeEvent } from '../operations/envelope-event.ts';
import { inspectEntry } from '../spool/durable.ts';
import type { ClaimRecord, DeliveryFacts, DeliveryRecord } from '../spool/records.ts';
import type { ReadReport } from '../spool/reports.ts';

/** What is known of an opened envelope before it is delivered. `paths` are its members'. */
export async function factsOf(
  opened: OpenedEnvelope,
  {
    wrappedKey,
    members,
    attempts,
  }: { readonly wrappedKey: string; readonly members: readonly string[]; readonly attempts: number },
): Promise<DeliveryFacts> {
  return {
    plaintextName: opened.plaintextName,
    payloadSize: opened.payloadSize,
    received: await lastWritten(members),
    attempts,
    keyName: opened.keyName,
    parameters: formatFlags(opened.parameters),
    verification: opened.verification,
    wrappedKeySha256: await digestWrappedKey(wrappedKey),
    repairs: opened.repairs,
  };
}

async function digestWrappedKey(path: string): Promise<string | null> {
  if ((await stat(path)).size > MAXIMUM_WRAPPED_KEY_SIZE) return null;
  try {
    return createHash('sha256')
      .update(readWrappedKey(await readFile(path), path))
      .digest('hex');
  } catch {
    return null;
  }
}

/** When the latest of these files was written: ms since the epoch; null when none is there. */
export async function lastWritten(paths: readonly string[]): Promise<number | null> {
  const entries = await Promise.all(paths.map((path) => inspectEntry(path)));
  const times = entries.filter((entry) => entry !== null).map((entry) => Number(entry.mtimeMs));
  return times.length === 0 ? null : Math.max(...times);
}

/** What a receipt says where nothing is known. */
const UNKNOWN = {
  code: null,
  plaintextName: null,
  payloadSize: null,
  plaintextSize: null,
  received: null,
  attempts: 1,
  keyName: null,
  parameters: null,
  verification: null,
  wrappedKeySha256: null,
  repairs: [],
  deliveryPath: null,
} as const;

export function deliveredReceipt(claim: ClaimRecord, delivery: DeliveryRecord | null): Receipt {
  const { facts = null, final = null, size = null } = delivery ?? {};
  return {
    ...UNKNOWN,
    plaintextName: final === null ? null : basename(final),
    ...facts,
    id: claim.id,
    landing: claim.landing,
    outcome: 'delivered',
    plaintextSize: size,
    claimed: Date.parse(claim.claimed),
    finished: Date.now(),
    deliveryPath: final,
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
    ...UNKNOWN,
    ...toldBy(report, claim?.names.payload[0]),
    id,
    landing: claim?.landing ?? report?.landing ?? '',
    outcome,
    received,
    claimed: claim === null ? null : Date.parse(claim.claimed),
    finished: Date.now(),
  };
}

function toldBy(report: ReadReport | null, payload: string | undefined): Partial<Receipt> {
  if (report === null) return {};
  const { code, attempts, parameters, members } = report;
  return { code, attempts, parameters, payloadSize: members.find(({ name }) => name === payload)?.size ?? null };
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
    message: report?.message ?? null,
    hint: report?.hint ?? null,
    parameters: receipt.parameters,
    keyName: receipt.keyName,
    verification: receipt.verification,
  };
}

export function memberPathsOf(claim: ClaimRecord, members: string): readonly string[] {
  return Object.values(claim.names)
    .flat()
    .map((name) => join(members, name));
}
