import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import type { EnvelopeSource, OpenedEnvelope } from '@sealdrop/core';
import { UsageError } from './usage-error.ts';

/** Where plaintext goes, as --output says it. */
export type Destination =
  | { readonly kind: 'beside-payload' }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'stdout' };

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found?.isDirectory() ?? false;
}

/** A directory is one that exists, or whose name is written as one, with a slash at its end. */
export async function parseDestination(output: string | undefined): Promise<Destination> {
  if (output === undefined) return { kind: 'beside-payload' };
  if (output === '-') return { kind: 'stdout' };
  if (output.endsWith('/') || output.endsWith(sep) || (await isDirectory(output))) {
    return { kind: 'directory', path: output };
  }
  return { kind: 'file', path: output };
}

/** @throws UsageError when several plaintexts would go to one place */
export function checkDestination(destination: Destination, envelopes: number): void {
  if (envelopes <= 1 || destination.kind === 'directory' || destination.kind === 'beside-payload') return;
  const place = destination.kind === 'stdout' ? 'standard output' : destination.path;
  throw new UsageError(
    `${envelopes} envelopes cannot all be written to ${place}`,
    'give an existing directory: --output DIR',
  );
}

/** The final path of one plaintext. */
export function plaintextPath(
  destination: Exclude<Destination, { kind: 'stdout' }>,
  source: EnvelopeSource,
  opened: OpenedEnvelope,
): string {
  if (destination.kind === 'file') return destination.path;
  const besides = typeof source.payload === 'string' ? dirname(source.payload) : '.';
  return join(destination.kind === 'directory' ? destination.path : besides, opened.plaintextName);
}

/** Whether writing `path` would destroy a member of the envelope itself: a manifest may name any file. */
export function isMember(path: string, source: EnvelopeSource): boolean {
  const members = [source.payload, source.wrappedKey, source.note, source.manifest, source.signature];
  return members.some((member) => typeof member === 'string' && resolve(member) === resolve(path));
}

/** What an envelope is called in reports: its payload's path. */
export function envelopeLabel(source: EnvelopeSource): string {
  return typeof source.payload === 'string' ? source.payload : 'standard input';
}

export function envelopeBaseName(source: EnvelopeSource): string {
  return basename(envelopeLabel(source));
}
