import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type EnvelopeMembers,
  loadVerificationKey,
  membersOf,
  oaepWith,
  type OpenOptions,
  parseFlags,
  type SignaturePolicy,
  toSealdropError,
} from '@sealdrop/core';
import type { LandingConfig } from '../config/schema.ts';
import type { Health } from '../operations/health.ts';
import type { ClaimRecord } from '../spool/records.ts';
import { ENVELOPE_FILES } from '../spool/near-files.ts';
import { readRetry } from '../spool/small-records.ts';
import type { KeyRing } from './key-ring.ts';

export function memberPaths(claim: ClaimRecord, landing: LandingConfig, directory: string): EnvelopeMembers {
  const members = membersOf(claim, landing.parameters === undefined ? 'by-note' : 'known');
  const path = (name: string | null): string | null => (name === null ? null : join(directory, name));
  return {
    payload: join(directory, members.payload),
    wrappedKey: join(directory, members.wrappedKey),
    note: path(members.note),
    manifest: path(members.manifest),
    signature: path(members.signature),
  };
}

export interface Opening {
  readonly landing: LandingConfig;
  /** Then nobody can have sent it back. */
  readonly isNew: boolean;
  /** The envelope's directory. */
  readonly envelope: string;
  readonly keys: Pick<KeyRing, 'providers'>;
  readonly health: Pick<Health, 'report'>;
}

/** What the operator said when sending it back counts before what the landing says, and that before the envelope's own word. */
export async function openOptions({ landing, isNew, envelope, keys, health }: Opening): Promise<OpenOptions> {
  const order = isNew ? null : await readRetry(envelope);
  const oaep = order?.oaep ?? landing.oaep;
  return {
    files: ENVELOPE_FILES,
    keys: await keys.providers(),
    parameters: order === null || order.parameters === null ? undefined : parseFlags(order.parameters),
    defaultParameters: landing.parameters === undefined ? undefined : parseFlags(landing.parameters),
    oaep: oaep === undefined ? undefined : oaepWith(oaep),
    weakKeys: landing.weakKeys,
    maximumIterations: landing.maximumIterations,
    implausible: landing.noise,
    sender: landing.sender ?? landing.name,
    signature: await signaturePolicy(landing, health),
  };
}

/** The keys are read each time, so that one that is exchanged counts at once. @throws SealdropError `bad-public-key`, `not-found`, `not-permitted` */
async function signaturePolicy(
  { name, signature }: LandingConfig,
  health: Pick<Health, 'report'>,
): Promise<SignaturePolicy | undefined> {
  if (signature === undefined) return undefined;
  const condition = `signature:${name}`;
  try {
    const publicKeys = await Promise.all(signature.publicKeys.map((path) => loadSignerKey(path)));
    health.report(condition, null);
    return { publicKeys, missing: signature.required ? 'refuse' : 'allow' };
  } catch (thrown) {
    health.report(condition, toSealdropError(thrown));
    throw thrown;
  }
}

/** A sender's public key. @throws SealdropError that names the file; none of its codes is the sender's fault */
export async function loadSignerKey(path: string) {
  try {
    return loadVerificationKey(await readFile(path), path);
  } catch (thrown) {
    throw toSealdropError(thrown, path);
  }
}
