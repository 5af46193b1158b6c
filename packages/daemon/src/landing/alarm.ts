/** Milliseconds; setTimeout takes more for 1. */
const LONGEST = 2 ** 31 - 1;

/** A sleep that can be cut short. */
export class Alarm {
  #wake: (() => void) | null = null;
  #rung = false;

  /** Sleeps for `milliseconds`, or until `ring`; one that came before counts too. */
  async sleep(milliseconds: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(milliseconds, LONGEST));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = null;
    this.#rung = false;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }
}
