import { SealdropError } from '@sealdrop/core';
import { join } from 'node:path';
import { makeDirectory } from '../spool/durable.ts';
import { errnoOf } from '../spool/errno.ts';
import type { EnvelopeEvent } from './envelope-event.ts';
import { OutboxLane, type LanePolicy, type OutboxTarget } from './outbox-lane.ts';

export interface OutboxOptions extends LanePolicy {
  /** Made when it is not there; its parent must be. */
  readonly directory: string;
  readonly targets: readonly OutboxTarget[];
}

/**
 * Tells commands and webhooks what became of envelopes, at least once each: an event is a file in `DIRECTORY/TARGET/` from before `post`
 * resolves until the target took it. Targets do not wait for each other, and whoever posts waits for none. What a target will not take
 * lies in `DIRECTORY/TARGET/failed/`; moved back one level, it is tried again at the next start.
 */
export class Outbox {
  readonly #lanes: ReadonlyMap<string, OutboxLane>;

  private constructor(lanes: ReadonlyMap<string, OutboxLane>) {
    this.#lanes = lanes;
  }

  /**
   * Also takes up what was not sent before the last stop or crash.
   * @throws SealdropError `bad-configuration` for names that are no directory names or not unique; as the file system says
   */
  static async open({ directory, targets, ...policy }: OutboxOptions): Promise<Outbox> {
    checkNames(targets);
    await makeDirectory(directory, 'outbox-directory').catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error;
    });
    const lanes = new Map(
      targets.map((target) => [
        target.name,
        new OutboxLane({ ...policy, target, directory: join(directory, target.name) }),
      ]),
    );
    for (const lane of lanes.values()) await lane.open();
    return new Outbox(lanes);
  }

  /**
   * Call it before the envelope's last trace leaves the spool; when a crash makes that uncertain, call it again with the same `id`.
   * Resolves when the event is on disk for every target that wants it.
   */
  async post(event: EnvelopeEvent): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.post(event)));
  }

  /** By target: how many events it does not have yet. */
  get pending(): ReadonlyMap<string, number> {
    return new Map([...this.#lanes].map(([name, lane]) => [name, lane.pending]));
  }

  /** Breaks off what is on its way; it stays on disk and is sent after the next start. */
  async close(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.close()));
  }
}

function checkNames(targets: readonly OutboxTarget[]): void {
  const names = targets.map(({ name }) => name);
  const bad = names.find(
    (name, index) => !/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name) || names.indexOf(name) < index,
  );
  if (bad === undefined) return;
  throw new SealdropError('bad-configuration', `${JSON.stringify(bad)}: cannot be the name of a hook`, {
    hint: 'give each hook its own name of 1 to 64 letters, digits, dashes or underscores',
  });
}
