/** What a sender does who has Sealdrop: an envelope with a manifest. */
import { createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EnvelopeMembers, oaepWith, parseFlags, sealEnvelope } from '@sealdrop/core';
import type { Host } from './host.ts';

/** The members' paths; none is missing but the signature. */
export type Sealed = Readonly<Record<'payload' | 'wrappedKey' | 'note' | 'manifest', string>>;

export interface Naming {
  readonly name: string;
  readonly sender?: string | undefined;
}

/** @param naming the plaintext's name, or that and whom the manifest names as its sender */
export async function sealWithManifest(
  host: Pick<Host, 'folder' | 'publicKey'>,
  naming: string | Naming,
  plaintext: string,
): Promise<Sealed> {
  const { name, sender }: Naming = typeof naming === 'string' ? { name: naming } : naming;
  const { members } = await sealEnvelope(chunks(plaintext), {
    publicKey: createPublicKey(readFileSync(host.publicKey)),
    parameters: parseFlags('-aes-256-cbc -pbkdf2'),
    oaep: oaepWith('sha256'),
    name,
    sender,
    directory: mkdtempSync(join(host.folder, 'sealed-')),
    layout: 'flat',
    manifest: 'write',
    existing: 'refuse',
  });
  return whole(members);
}

function whole({ payload, wrappedKey, note, manifest }: EnvelopeMembers): Sealed {
  if (note === null || manifest === null) throw new Error('sealed without note or manifest');
  return { payload, wrappedKey, note, manifest };
}

async function* chunks(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
