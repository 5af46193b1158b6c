/** Finding the key, OAEP parameters and reading that open a wrapped key: each wrapped key with each hash at most once. */
import { SealdropError, toSealdropError } from '../errors.ts';
import type { KeyProvider } from '../keys/key-provider.ts';
import { formatOaep, oaepWith } from '../keys/oaep-parameters.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import { rereadWrappedKey } from './wrapped-key-readings.ts';
import type { WrappedKeyReading } from './wrapped-key-readings.ts';

export interface UnwrapFinding {
  readonly keyFile: Buffer;
  readonly keyName: string;
  readonly oaep: OaepParameters;
  readonly reading: WrappedKeyReading;
  /** Bytes of the RSA ciphertext. */
  readonly size: number;
}

export interface UnwrapSearch {
  readonly found: UnwrapFinding | null;
  /** RSA operations asked for: with AWS KMS, each is a request that is paid for. */
  readonly calls: number;
  /** `given-up` when there were more keys and hashes to try than requests to be made. */
  readonly extent: 'complete' | 'given-up';
  /** What stood in the way, in order; of the key providers and of the file itself. */
  readonly faults: readonly SealdropError[];
}

export interface UnwrapOptions {
  readonly keys: readonly KeyProvider[];
  /** Tried first, in this order. */
  readonly stated: readonly OaepParameters[];
  /** With which every key refused what is stated, when they were asked before; null when they were not. */
  readonly refusal: SealdropError | null;
  /** For messages. */
  readonly file: string;
  readonly signal: AbortSignal | undefined;
}

/** RSA operations in one search, whatever the number of keys. */
const MAXIMUM_CALLS = 32;
/** Of these, with keys that are not here: whoever sends a thousand bad envelopes makes the receiver pay for each. */
export const MAXIMUM_REQUESTS = 8;
const BITS_PER_BYTE = 8;

const READINGS: readonly WrappedKeyReading[] = ['as-sent', 'from-hexadecimal', 'without-line-end'];

/** AWS KMS does the first two. Java's default for SHA-256 leaves MGF1 at SHA-1. */
const USUAL_OAEP: readonly OaepParameters[] = [
  oaepWith('sha256'),
  oaepWith('sha1'),
  { ...oaepWith('sha256'), mgf1Hash: 'sha1' },
  oaepWith('sha512'),
  oaepWith('sha384'),
  { ...oaepWith('sha512'), mgf1Hash: 'sha1' },
  oaepWith('sha224'),
];

type Opened = Pick<UnwrapFinding, 'keyFile' | 'keyName' | 'oaep'>;

/** Errors of a key that no other hash can change. */
function endsKey(error: SealdropError): boolean {
  return error.blame !== 'sender' || error.details['expectedSize'] !== undefined;
}

function wasNotAsked(error: SealdropError): boolean {
  return error.code === 'unsupported-oaep' || error.details['expectedSize'] !== undefined;
}

/** Null when the key cannot say; providers of remote keys ask for it once. */
async function modulusSize(key: KeyProvider, signal: AbortSignal | undefined): Promise<number | null> {
  try {
    const bits = (await key.publicKey({ signal })).asymmetricKeyDetails?.modulusLength;
    return bits === undefined ? null : Math.ceil(bits / BITS_PER_BYTE);
  } catch {
    return null;
  }
}

class Search {
  calls = 0;
  requests = 0;
  extent: UnwrapSearch['extent'] = 'complete';
  readonly faults: SealdropError[] = [];
  readonly #options: UnwrapOptions;

  constructor(options: UnwrapOptions) {
    this.#options = options;
  }

  async run(contents: Buffer): Promise<UnwrapFinding | null> {
    const tried = new Set<string>();
    for (const reading of READINGS) {
      const wrappedKey = this.#read(contents, reading);
      const id = wrappedKey?.toString('hex') ?? '';
      if (wrappedKey === null || tried.has(id)) continue;
      tried.add(id);
      const opened = await this.#tryKeys(wrappedKey, reading === 'as-sent' ? this.#options.refusal : null);
      if (opened !== null) return { ...opened, reading, size: wrappedKey.length };
    }
    return null;
  }

  #read(contents: Buffer, reading: WrappedKeyReading): Buffer | null {
    try {
      return rereadWrappedKey(contents, reading, this.#options.file);
    } catch (error) {
      if (reading === 'as-sent') this.faults.push(toSealdropError(error));
      return null;
    }
  }

  /** What is stated with every key first, since one of these is the usual case. */
  async #tryKeys(wrappedKey: Buffer, refusal: SealdropError | null): Promise<Opened | null> {
    const { stated } = this.#options;
    const others = USUAL_OAEP.filter((oaep) => !stated.some((said) => formatOaep(said) === formatOaep(oaep)));
    let keys = this.#options.keys;
    for (const candidates of refusal === null ? [stated, others] : [others]) {
      const open: KeyProvider[] = [];
      for (const key of keys) {
        const result = await this.#tryKey(wrappedKey, key, candidates);
        if (result !== 'ended' && result !== 'refused') return result;
        if (result === 'refused') open.push(key);
      }
      keys = open;
    }
    // Of keys that it does not fit by its size, more was said.
    if (refusal !== null && keys.length > 0) this.faults.push(refusal);
    return null;
  }

  async #tryKey(
    wrappedKey: Buffer,
    key: KeyProvider,
    candidates: readonly OaepParameters[],
  ): Promise<Opened | 'refused' | 'ended'> {
    const { signal } = this.#options;
    if (!(await this.#fits(wrappedKey, key))) return 'ended';
    for (const oaep of candidates) {
      if (!this.#mayAsk(key)) return 'ended';
      try {
        return { keyFile: await key.unwrap(wrappedKey, oaep, { signal }), keyName: key.name, oaep };
      } catch (error) {
        const fault = toSealdropError(error, key.name);
        if (fault.code === 'cancelled') throw fault;
        if (wasNotAsked(fault)) this.#wasNotAsked(key);
        this.faults.push(fault);
        if (endsKey(fault)) return 'ended';
      }
    }
    return 'refused';
  }

  #mayAsk({ location = 'remote' }: KeyProvider): boolean {
    const isRemote = location === 'remote';
    if (this.calls >= MAXIMUM_CALLS || (isRemote && this.requests >= MAXIMUM_REQUESTS)) {
      this.extent = 'given-up';
      return false;
    }
    this.calls += 1;
    if (isRemote) this.requests += 1;
    return true;
  }

  #wasNotAsked({ location = 'remote' }: KeyProvider): void {
    this.calls -= 1;
    if (location === 'remote') this.requests -= 1;
  }

  /** A local key says by itself what does not fit it. */
  async #fits({ length: size }: Buffer, key: KeyProvider): Promise<boolean> {
    if (key.location === 'local') return true;
    const expectedSize = await modulusSize(key, this.#options.signal);
    if (expectedSize === null || expectedSize === size) return true;
    const message = `${key.name}: the wrapped key has ${size} bytes, this RSA key takes ${expectedSize}`;
    this.faults.push(new SealdropError('unwrap-failed', message, { details: { size, expectedSize } }));
    return false;
  }
}

/**
 * The first key, OAEP parameters and reading that open what a wrapped key file holds. That OAEP opens is a proof in itself.
 * @throws SealdropError `cancelled`; all other faults are in the result
 */
export async function searchUnwrapping(contents: Buffer, options: UnwrapOptions): Promise<UnwrapSearch> {
  const search = new Search(options);
  const found = await search.run(contents);
  const { calls, faults, extent } = search;
  return { found, calls, faults, extent };
}

/** The fault that tells most: a key that could not be asked goes before one that does not fit. */
export function worstFault(faults: readonly SealdropError[]): SealdropError {
  return (
    faults.find(({ blame }) => blame === 'passing') ??
    faults.find(({ blame }) => blame === 'receiver') ??
    faults.find(({ code }) => code === 'bad-wrapped-key' || code === 'swapped-members') ??
    faults.find(({ code, details }) => code === 'unwrap-failed' && details['expectedSize'] === undefined) ??
    faults[0] ??
    new SealdropError('usage', 'no key is given to unwrap with')
  );
}
