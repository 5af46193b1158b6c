/** A fault to answer with instead of serving: an error of KMS, a delay, silence or a cut connection. */
export interface Fault {
  /** Operations it applies to (`Decrypt`, …); all when absent. */
  readonly operation?: string;
  /** Exception name as KMS's `__type` (`ThrottlingException`, …), with the status it comes with. */
  readonly error?: { readonly type: string; readonly message?: string; readonly status?: number };
  /** Milliseconds before the answer. */
  readonly delay?: number;
  /** `hang`: accept and never answer; `reset`: cut the connection. */
  readonly connection?: 'hang' | 'reset';
  /** How many requests it applies to; without it, all until cleared. */
  readonly times?: number;
}

/** Faults in the order of their injection: of those that apply to a request, the first one is used. */
export class FaultQueue {
  #pending: { readonly fault: Fault; left: number }[] = [];

  inject(fault: Fault): void {
    this.#pending.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY });
  }

  clear(): void {
    this.#pending = [];
  }

  /** The fault for a request of this operation, used up by one. */
  take(operation: string): Fault | undefined {
    const entry = this.#pending.find(
      ({ fault, left }) => left > 0 && (fault.operation === undefined || fault.operation === operation),
    );
    if (entry === undefined) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) this.#pending = this.#pending.filter((other) => other !== entry);
    return entry.fault;
  }

  /** What is still to come. */
  list(): readonly Fault[] {
    return this.#pending.map(({ fault, left }) => (Number.isFinite(left) ? { ...fault, times: left } : fault));
  }
}
