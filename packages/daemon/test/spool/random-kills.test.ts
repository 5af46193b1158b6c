/**
 * The daemon is killed at random moments while envelopes keep coming. The seed is in the message of a failure:
 *
 *     SEALDROP_TEST_KILLS=200 SEALDROP_TEST_SEED=1 vitest run --project daemon random-kills
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { DaemonProcess } from '../daemon-process.ts';
import { RandomLoad } from './random-load.ts';
import { SeededRandom } from './seeded-random.ts';

const KILLS = Number(process.env['SEALDROP_TEST_KILLS'] ?? 12);
const SEED = Number(process.env['SEALDROP_TEST_SEED'] ?? Date.now() % 2 ** 31);
/** Senders wait while so many envelopes do: the daemon is to be killed, not to be drowned. */
const MOST_WAITING = 40;
/** So many wait for the daemon at least. */
const AT_EACH_START = 12;
const MINUTE = 60_000;

class Storm {
  readonly load: RandomLoad;
  readonly #random: SeededRandom;
  /** Where envelopes were when the daemon was killed, and what the next one found half done: how many. */
  readonly #struck = new Map<string, number>();
  #kills = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.load = new RandomLoad(new SeededRandom(seed + 1));
  }

  async rage(): Promise<void> {
    const sending = this.#send();
    try {
      while (this.#kills < KILLS) await this.#killOnce();
    } finally {
      this.#kills = KILLS;
      await sending;
    }
  }

  async #send(): Promise<void> {
    while (this.#kills < KILLS) {
      if (this.load.count - this.load.done < MOST_WAITING) await this.load.send();
      else await delay(20);
    }
  }

  /** After so many lines of its log, which come with its work however fast the machine is, and a moment more. */
  async #killOnce(): Promise<void> {
    while (this.load.count - this.load.done < AT_EACH_START) await this.load.send();
    const daemon = new DaemonProcess(this.load.host.configFile);
    const lines = this.#random.below(4) === 0 ? 0 : this.#random.below(60);
    const idle = AbortSignal.timeout(5000);
    while (daemon.lines.length < lines && !idle.aborted) await delay(1);
    await delay(this.#random.below(lines === 0 ? 1500 : 30));
    daemon.signal('SIGKILL');
    const { signal } = await daemon.exited();
    assert.equal(signal, 'SIGKILL', daemon.raw.join('\n'));
    this.#kills += 1;
    for (const state of this.load.states()) this.#count(`in ${state}`);
    for (const { message } of daemon.said({ stage: 'recover' })) this.#count(message);
  }

  #count(what: string): void {
    this.#struck.set(what, (this.#struck.get(what) ?? 0) + 1);
  }

  get summary(): string {
    const struck = [...this.#struck].map(([what, count]) => `${what}: ${count}`);
    return `${this.#kills} kills, ${this.load.count} envelopes; ${struck.join(', ')}`;
  }

  /** Lets the daemon work for as long as it gets on. */
  async settle(): Promise<void> {
    const daemon = await this.load.host.start();
    for (let left = this.load.left(); left.length > 0;) {
      const before = left.join();
      const isMoved = (): boolean => (left = this.load.left()).join() !== before;
      const moved = vi.waitUntil(isMoved, { timeout: 2 * MINUTE, interval: 50 });
      await moved.catch(() => assert.fail(`left: ${before}\n${daemon.raw.slice(-50).join('\n')}`));
    }
    assert.equal(await daemon.stop(), 0);
  }
}

test(
  `${KILLS} kills at random moments under load lose nothing and deliver nothing twice (seed ${SEED})`,
  async ({ annotate }) => {
    const storm = new Storm(SEED);
    try {
      await storm.rage();
      await storm.settle();
      await annotate(storm.summary);
      storm.load.expectAllWell();
      expect(storm.load.count).toBeGreaterThan(KILLS);
    } finally {
      await storm.load.host.close();
    }
  },
  60 * MINUTE,
);
