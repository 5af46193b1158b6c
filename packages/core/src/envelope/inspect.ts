/** STUB */
import type { EnvelopeMembers } from './naming.ts';

export interface Inspection {
  readonly members: Readonly<Record<string, { readonly path: string; readonly size: number } | null>>;
  readonly plaintextName: string;
  /** Parameters as openssl flags, with where they come from; null when they cannot be read. */
  readonly parameters: { readonly flags: string; readonly source: 'manifest' | 'note' | 'default' } | null;
  readonly oaep: { readonly hash: string; readonly source: 'manifest' | 'note' | 'name' | 'unknown' };
  readonly payload: { readonly header: 'salted' | 'none'; readonly armored: boolean; readonly saltHex: string | null };
  /** What is wrong as far as it shows without the key; empty when nothing is. */
  readonly problems: readonly { readonly code: string; readonly message: string; readonly hint: string | null }[];
}

/** Says what an envelope is made of, without any key. Problems are reported, not thrown. */
export async function inspectEnvelope(_members: EnvelopeMembers): Promise<Inspection> {
  throw new Error('not implemented yet');
}
