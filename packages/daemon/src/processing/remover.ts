import { removeUnsynced } from '../spool/durable.ts';
import { envelopeDirectory, envelopesIn, makeStateDirectory, type Spool } from '../spool/layout.ts';
import { hasVerdict } from '../spool/leave-quarantine.ts';

/** Bytes on disk that may wait to be removed. */
const MOST_WAITING = 512 * 1024 * 1024;
/** Bytes that an envelope takes besides its payload: two directories, and files of a block each. */
const OVERHEAD = 32 * 1024;

export interface RemoverOptions {
  readonly spool: Spool;
  /** Whether envelopes are at work that would be held up, and nobody needs the room. */
  readonly mayWait: () => boolean;
}

/**
 * Removes what was delivered while there is nothing to deliver. To free inodes takes longer than to write them, and ext4 passes over those that were freed lately whenever a file is
 * made: with thousands waiting, a fifth of all that the main thread did.
 */
export class Remover {
  readonly #options: RemoverOptions;
  /** With their bytes on disk, in the order of their coming. */
  readonly #waiting = new Map<string, number>();
  #bytes = 0;
  /** Of the latest that could not be removed. */
  #failure: unknown = null;
  #work: Promise<void> | null = null;
  #state: 'open' | 'ended' = 'open';

  constructor(options: RemoverOptions) {
    this.#options = options;
  }

  /**
   * Resolves when there is room for more: who delivers faster than removing goes has to wait.
   * @param id of an envelope in `removing`
   */
  async add(id: string, payloadSize: number): Promise<void> {
    this.#remember(id, payloadSize);
    this.wake();
    if (this.#bytes > MOST_WAITING) await this.#work;
  }

  #remember(id: string, payloadSize: number): void {
    if (this.#waiting.has(id)) return;
    const bytes = payloadSize + OVERHEAD;
    this.#waiting.set(id, bytes);
    this.#bytes += bytes;
  }

  /** Called when envelopes are no longer at work. */
  wake(): void {
    if (this.#work === null && this.#hasTime()) this.#work = this.#removeWhileThereIsTime();
  }

  /** Takes up what a crash or a failure left, unless there is something to deliver. @throws what it failed of */
  async sweep(): Promise<void> {
    const { spool, mayWait } = this.#options;
    if (mayWait()) return;
    this.#failure = null;
    // Who thinks that it may go removes it whole.
    await makeStateDirectory(spool, 'removing');
    const left = await envelopesIn(spool, 'removing');
    for (const id of left.filter((name) => !hasVerdict(name))) this.#remember(id, 0);
    this.wake();
    await this.#work;
    if (this.#failure !== null) throw this.#failure;
  }

  /** What waits is removed after the next start. */
  async end(): Promise<void> {
    this.#state = 'ended';
    await this.#work;
  }

  #hasTime(): boolean {
    const mayWait = this.#options.mayWait() && this.#bytes <= MOST_WAITING;
    return this.#waiting.size > 0 && !mayWait && this.#state === 'open';
  }

  async #removeWhileThereIsTime(): Promise<void> {
    for (const [id, bytes] of this.#waiting) {
      await this.#remove(id);
      this.#waiting.delete(id);
      this.#bytes -= bytes;
      if (!this.#hasTime()) break;
    }
    this.#work = null;
  }

  async #remove(id: string): Promise<void> {
    try {
      await removeUnsynced(envelopeDirectory(this.#options.spool, 'removing', id), 'remove-delivered');
    } catch (error) {
      this.#failure = error;
    }
  }
}
