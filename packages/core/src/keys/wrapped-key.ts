import { SealdropError, toSealdropError } from '../errors.ts';
import { throwIfCancelled } from './cancellation.ts';
import type { CallOptions, KeyProvider } from './key-provider.ts';
import { formatOaep, type OaepParameters } from './oaep-parameters.ts';

export interface UnwrapOptions extends CallOptions {
  /** Tried in order (key rotation). */
  readonly keys: readonly KeyProvider[];
  /** Tried in order with each key. */
  readonly oaep: readonly OaepParameters[];
}

export interface UnwrappedKey {
  /** The sender's key file, byte for byte. Overwrite it when done. */
  readonly keyFile: Buffer;
  /** `name` of the provider that opened it. */
  readonly keyName: string;
  readonly oaep: OaepParameters;
}

/** Where a provider stopped short of opening the wrapped key. */
interface Refusal {
  readonly key: KeyProvider;
  readonly errors: readonly SealdropError[];
}

async function tryOnce(wrappedKey: Uint8Array, key: KeyProvider, call: { oaep: OaepParameters } & CallOptions) {
  throwIfCancelled(call.signal);
  try {
    return await key.unwrap(wrappedKey, call.oaep, { signal: call.signal });
  } catch (error) {
    const failure = toSealdropError(error, key.name);
    if (failure.code === 'cancelled') throw failure;
    return failure;
  }
}

/** The next OAEP hash is worth a try unless the key itself cannot be asked, or its size does not fit. */
function isFinal(error: SealdropError): boolean {
  return error.blame !== 'sender' || error.details['expectedSize'] !== undefined;
}

async function tryKey(
  wrappedKey: Uint8Array,
  key: KeyProvider,
  options: UnwrapOptions,
): Promise<UnwrappedKey | Refusal> {
  const errors: SealdropError[] = [];
  for (const oaep of options.oaep) {
    const result = await tryOnce(wrappedKey, key, { oaep, signal: options.signal });
    if (!(result instanceof SealdropError)) return { keyFile: result, keyName: key.name, oaep };
    errors.push(result);
    if (isFinal(result)) break;
  }
  return { key, errors };
}

function describe({ key, errors }: Refusal, tried: string): string {
  const misfit = errors.find((error) => error.details['expectedSize'] !== undefined);
  return misfit === undefined ? `${key.name} does not open it (OAEP ${tried})` : misfit.message;
}

/**
 * The one error to throw when no key opened it. A key that could not be asked might have been the right one, so its error
 * goes first (what may pass by itself before what must be mended): the sender is blamed only when every key has spoken.
 */
function refuse(refusals: readonly Refusal[], options: UnwrapOptions): SealdropError {
  const errors = refusals.flatMap((refusal) => refusal.errors);
  const unasked =
    errors.find(({ blame }) => blame === 'passing') ??
    errors.find(({ blame }) => blame === 'receiver') ??
    errors.find(({ code }) => code !== 'unwrap-failed');
  if (unasked !== undefined) return unasked;
  const tried = options.oaep.map(formatOaep).join(', ');
  const verdicts = refusals.map((refusal) => describe(refusal, tried)).join('; ');
  return new SealdropError('unwrap-failed', `the wrapped key does not open: ${verdicts}`, {
    hint: 'it was wrapped for another public key, with another OAEP hash or without OAEP, or it is damaged: send the public key again',
  });
}

/**
 * Unwraps with the first key and OAEP parameters that fit, in the order given.
 * @throws SealdropError `unwrap-failed` when every key was asked and none opens it; the error of a key that could not be
 * asked (KMS out of reach, access denied) before that; `usage` without any key or parameters; `cancelled`
 */
export async function unwrapKey(wrappedKey: Uint8Array, options: UnwrapOptions): Promise<UnwrappedKey> {
  if (options.keys.length === 0) throw new SealdropError('usage', 'no key is given to unwrap with');
  if (options.oaep.length === 0) throw new SealdropError('usage', 'no OAEP parameters are given to unwrap with');
  const refusals: Refusal[] = [];
  for (const key of options.keys) {
    const result = await tryKey(wrappedKey, key, options);
    if ('keyFile' in result) return result;
    refusals.push(result);
  }
  throw refuse(refusals, options);
}
