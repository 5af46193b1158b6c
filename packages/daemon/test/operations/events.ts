/** Events, a folder that goes with the test, and a target that says what reached it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { EnvelopeEvent } from '../../src/operations/envelope-event.ts';
import type { OutboxTarget, SendResult } from '../../src/operations/outbox-lane.ts';

export function event(facts: Partial<EnvelopeEvent> = {}): EnvelopeEvent {
  return {
    version: 1,
    id: '20261124T104500-1f2e3d4c5b-delivered',
    event: 'delivered',
    time: new Date().toISOString(),
    envelope: '20261124T104500-1f2e3d4c5b',
    landing: 'acme',
    plaintextName: 'invoices.csv',
    plaintextSize: 4100,
    deliveryPath: '/srv/plain/acme/invoices.csv',
    code: null,
    message: null,
    hint: null,
    parameters: '-aes-256-cbc -pbkdf2',
    keyName: 'aws-kms:alias/inbound',
    verification: 'manifest-mac',
    repairs: [],
    diagnosis: null,
    senderMessage: null,
    ...facts,
  };
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sealdrop-outbox-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

type Answer = (event: EnvelopeEvent, signal: AbortSignal) => SendResult | Promise<SendResult>;

export const TAKEN: SendResult = { result: 'sent', detail: 'taken' };
export const LATER: SendResult = { result: 'try-again', detail: 'busy' };
export const NEVER: SendResult = { result: 'rejected', detail: 'no such address' };

/** A target in this process. */
export class Receiver implements OutboxTarget {
  readonly name: string;
  readonly events: OutboxTarget['events'];
  readonly concurrency: number;
  readonly received: EnvelopeEvent[] = [];
  /** At the same time, at most. */
  most = 0;
  answer: Answer;
  #now = 0;

  constructor(
    { name = 'receiver', events = ['delivered', 'quarantined'], concurrency = 2 }: Partial<OutboxTarget> = {},
    answer: Answer = () => TAKEN,
  ) {
    this.name = name;
    this.events = events;
    this.concurrency = concurrency;
    this.answer = answer;
  }

  async send(sent: EnvelopeEvent, signal: AbortSignal): Promise<SendResult> {
    this.received.push(sent);
    this.#now += 1;
    this.most = Math.max(this.most, this.#now);
    try {
      return await this.answer(sent, signal);
    } finally {
      this.#now -= 1;
    }
  }
}
