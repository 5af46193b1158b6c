/** What the threads of one piece of work have in common: a bell to wake each other, a stop, and counters. */

/** Counts every change, so that a thread can sleep until there is one. */
const BELL = 0;
const STOPPED = 1;
/** The first index that the work may use for itself. */
export const FIRST_COUNTER = 2;

export type Control = Int32Array;

/** Thrown where a thread finds that the work was ended: whoever ended it knows why. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

export function createControl(counters = 0): Control {
  return new Int32Array(new SharedArrayBuffer((FIRST_COUNTER + counters) * Int32Array.BYTES_PER_ELEMENT));
}

/** Wakes who waits for a change. */
export function ring(control: Control): void {
  Atomics.add(control, BELL, 1);
  Atomics.notify(control, BELL);
}

/** Adds one to a counter, which may wrap around, and wakes who waits. */
export function count(control: Control, counter: number): void {
  Atomics.add(control, counter, 1);
  ring(control);
}

/** How far a counter is from a number; both may have wrapped around. */
export function distance(control: Control, counter: number, from: number): number {
  return (Atomics.load(control, counter) - from) | 0;
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
