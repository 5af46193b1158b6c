import { LONGEST_TIMER } from '../config/duration.ts';

/** A sleep that can be cut short. */
export class Alarm {
  #wake: (() => void) | null = null;
  #rung = false;

  /** Sleeps for `milliseconds`, or until `ring`; one that came before counts too. */
  async sleep(milliseconds: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(milliseconds, LONGEST_TIMER));
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
