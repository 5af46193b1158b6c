const MOST_KEPT = 4096;

/** The start of what a stranger writes; the rest is only counted, so that it may write without end. */
export class BoundedOutput {
  readonly #chunks: Buffer[] = [];
  #room = MOST_KEPT;
  #dropped = 0;

  add(chunk: Buffer): void {
    // A copy: a slice would keep the whole chunk in memory.
    const kept = Buffer.from(chunk.subarray(0, this.#room));
    if (kept.length > 0) this.#chunks.push(kept);
    this.#room -= kept.length;
    this.#dropped += chunk.length - kept.length;
  }

  /** `fact: output`, or the fact alone when there was none. */
  after(fact: string): string {
    const text = Buffer.concat(this.#chunks).toString().trim();
    const more = this.#dropped === 0 ? '' : ` … (${this.#dropped} more bytes)`;
    return text === '' ? fact : `${fact}: ${text}${more}`;
  }
}
