import type { EnvelopeSource } from '@sealdrop/core';
import { readStandardInput } from './standard-streams.ts';

/** The parts as named by --payload, --wrapped-key, --note and --manifest. */
export interface NamedParts {
  readonly payload: string;
  readonly wrappedKey: string;
  readonly note: string | undefined;
  readonly manifest: string | undefined;
}

/** `-` as payload is standard input. */
export function sourceOfParts(parts: NamedParts, signal: AbortSignal): EnvelopeSource {
  return {
    payload: parts.payload === '-' ? readStandardInput(signal) : parts.payload,
    wrappedKey: parts.wrappedKey,
    note: parts.note ?? null,
    manifest: parts.manifest ?? null,
    signature: null,
  };
}
