import type { Input, Range } from '../input.ts';
import type { KeyStore, KmsKey } from '../key-store.ts';

/** One operation of KMS: reads its request, returns the members of its answer. */
export type Operation = (store: KeyStore, input: Input) => object | Promise<object>;

/** Characters of a KeyId in any of its four forms. */
export const keyIdLength: Range = { min: 1, max: 2048 };

/** The key that the request's KeyId (or `member`) names. */
export function requestedKey(store: KeyStore, input: Input, member = 'KeyId'): KmsKey {
  return store.find(input.text(member, keyIdLength));
}

/** A date as AWS JSON has it: seconds since 1970. */
export function epochSeconds(date: Date): number {
  return date.getTime() / 1000;
}

const PAGE: Range = { min: 1, max: 1000 };

/** One page of a list, by Limit and Marker; the marker is the index of the next item. */
export function page<T>(
  items: readonly T[],
  input: Input,
): { readonly items: readonly T[]; readonly next: { readonly Truncated: boolean; readonly NextMarker?: string } } {
  const start = Number(input.optionalText('Marker', PAGE) ?? '0') || 0;
  const end = start + (input.optionalNumber('Limit', PAGE) ?? PAGE.max);
  const next = end < items.length ? { Truncated: true, NextMarker: String(end) } : { Truncated: false };
  return { items: items.slice(start, end), next };
}
