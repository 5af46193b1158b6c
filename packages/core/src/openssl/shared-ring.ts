/** Pieces of a file on their way from one thread to another, in memory that both see: one thread fills, one empties. */

/** Counts every change, so that a thread can sleep until there is one. */
const BELL = 0;
const STOPPED = 1;
const FILLED = 2;
const EMPTIED = 3;
const FIRST_LENGTH = 4;

const INT32_SIZE = Int32Array.BYTES_PER_ELEMENT;

/** What the threads of one piece of work have in common, so that one can end them all. */
export type Control = Int32Array;

/** Thrown where a thread finds that the work was ended: whoever ended it knows why. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

export interface RingMemory {
  readonly control: Control;
  readonly data: Uint8Array;
  readonly slots: number;
  /** Bytes. */
  readonly slotSize: number;
}

export function createRing(slots: number, slotSize: number): RingMemory {
  const control = new Int32Array(new SharedArrayBuffer((FIRST_LENGTH + slots) * INT32_SIZE));
  return { control, data: new Uint8Array(new SharedArrayBuffer(slots * slotSize)), slots, slotSize };
}

export function createControl(): Control {
  return new Int32Array(new SharedArrayBuffer(FIRST_LENGTH * INT32_SIZE));
}

export function ring(control: Control): void {
  Atomics.add(control, BELL, 1);
  Atomics.notify(control, BELL);
}

/** Ends the work: every thread throws `Stopped` at its next step, be it asleep now. */
export function stop(control: Control): void {
  Atomics.store(control, STOPPED, 1);
  ring(control);
}

/** @throws Stopped */
export function checkStopped(control: Control): void {
  if (Atomics.load(control, STOPPED) !== 0) throw new Stopped();
}

/**
 * Sleeps until `probe` finds something.
 * @throws Stopped
 */
export function waitFor<Found>(control: Control, probe: () => Found | null): Found {
  for (;;) {
    // Read before the probe: a change after it then differs from what is slept on.
    const bell = Atomics.load(control, BELL);
    checkStopped(control);
    const found = probe();
    if (found !== null) return found;
    Atomics.wait(control, BELL, bell);
  }
}

/** Slots that are filled; the counters may wrap around. */
function filledSlots(control: Control): number {
  return (Atomics.load(control, FILLED) - Atomics.load(control, EMPTIED)) | 0;
}

function slotAt({ data, slotSize }: RingMemory, slot: number): Uint8Array {
  return data.subarray(slot * slotSize, (slot + 1) * slotSize);
}

export class RingWriter {
  readonly #memory: RingMemory;
  #slot = 0;

  constructor(memory: RingMemory) {
    this.#memory = memory;
  }

  /** The next free slot, whole. */
  claim(): Uint8Array {
    const { control, slots } = this.#memory;
    return waitFor(control, () => (filledSlots(control) < slots ? slotAt(this.#memory, this.#slot) : null));
  }

  /** Hands the claimed slot over with so many bytes; 0 says that it was the last. */
  publish(length: number): void {
    const { control, slots } = this.#memory;
    Atomics.store(control, FIRST_LENGTH + this.#slot, length);
    this.#slot = (this.#slot + 1) % slots;
    Atomics.add(control, FILLED, 1);
    ring(control);
  }
}

export class RingReader {
  readonly #memory: RingMemory;
  #slot = 0;

  constructor(memory: RingMemory) {
    this.#memory = memory;
  }

  /** The bytes of the next slot, valid until `release`; empty after the last. */
  take(): Uint8Array {
    const { control } = this.#memory;
    waitFor(control, () => (filledSlots(control) > 0 ? true : null));
    const length = Atomics.load(control, FIRST_LENGTH + this.#slot);
    return slotAt(this.#memory, this.#slot).subarray(0, length);
  }

  release(): void {
    const { control, slots } = this.#memory;
    this.#slot = (this.#slot + 1) % slots;
    Atomics.add(control, EMPTIED, 1);
    ring(control);
  }
}
