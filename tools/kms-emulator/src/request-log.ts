/** One request as it came, also when a fault or an exception was its answer. */
export interface RecordedRequest {
  /** Empty when the request named none. */
  readonly operation: string;
  /** The parsed JSON, or undefined when it was none. */
  readonly body: unknown;
  /** The `amz-sdk-request` header, such as `attempt=1; max=3`: the client's retries. */
  readonly attempt: string | null;
}

/** Enough for any test, small enough for an emulator that runs all day. */
const CAPACITY = 100_000;

/** The latest requests, oldest first. */
export class RequestLog {
  readonly #requests: RecordedRequest[] = [];

  add(request: RecordedRequest): void {
    if (this.#requests.length >= CAPACITY) this.#requests.splice(0, CAPACITY / 2);
    this.#requests.push(request);
  }

  list(): readonly RecordedRequest[] {
    return this.#requests;
  }
}
