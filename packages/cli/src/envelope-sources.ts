import type { EnvelopeMembers, EnvelopeSource } from '@sealdrop/core';
import { readStandardInput } from './standard-streams.ts';

/** What a name on the command line turned out to be: envelopes, or the reason why it is none. */
export type Found =
  | { readonly kind: 'envelope'; readonly members: EnvelopeMembers }
  | { readonly kind: 'failure'; readonly path: string; readonly error: unknown };

async function findOne(path: string, parameters: 'by-note' | 'known'): Promise<readonly Found[]> {
  const { findEnvelopes } = await import('@sealdrop/core');
  try {
    const envelopes = await findEnvelopes([path], parameters);
    return envelopes.map((members) => ({ kind: 'envelope', members }));
  } catch (error) {
    return [{ kind: 'failure', path, error }];
  }
}

/** All at once, which is quick; only when that fails, name by name, so that one bad name does not keep the others back. */
export async function findSources(
  paths: readonly string[],
  parameters: 'by-note' | 'known',
): Promise<readonly Found[]> {
  const { findEnvelopes } = await import('@sealdrop/core');
  try {
    const envelopes = await findEnvelopes(paths, parameters);
    return envelopes.map((members) => ({ kind: 'envelope', members }));
  } catch {
    const found = (await Promise.all(paths.map((path) => findOne(path, parameters)))).flat();
    return withoutRepetitions(found);
  }
}

/** Several files of one envelope, named one by one, are one envelope. */
function withoutRepetitions(found: readonly Found[]): readonly Found[] {
  const seen = new Set<string>();
  return found.filter((item) => {
    if (item.kind === 'failure') return true;
    if (seen.has(item.members.payload)) return false;
    seen.add(item.members.payload);
    return true;
  });
}

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
