/** A receiver with a key pair, a kit for a sender, and the two ways in which what the kit made must open. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { findEnvelopes, openEnvelope, openKey, parseManifest } from '@sealdrop/core';
import type { KeyProvider, Manifest } from '@sealdrop/core';
import { buildKit } from '../../src/kit/build-kit.ts';
import type { KitOptions } from '../../src/kit/build-kit.ts';

export const SENDER = "O'Brien & Söhne";

export class Fixture {
  readonly folder = mkdtempSync(join(tmpdir(), 'sealdrop-kit-test-'));
  readonly publicKey: KeyObject;

  constructor() {
    this.openssl('genrsa', '-out', 'private.pem', '2048');
    this.publicKey = createPublicKey(createPrivateKey(readFileSync(this.path('private.pem'))));
    this.writeKit();
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  /** Into `kit/`. */
  writeKit(options: Partial<KitOptions> = {}): void {
    mkdirSync(this.path('kit'), { recursive: true });
    for (const { name, mode, bytes } of buildKit({ publicKey: this.publicKey, sender: SENDER, ...options })) {
      writeFileSync(this.path('kit', name), bytes);
      chmodSync(this.path('kit', name), mode);
    }
  }

  openssl(...args: readonly string[]): Buffer {
    return execFileSync('openssl', args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** An empty folder. */
  freshFolder(name: string): string {
    rmSync(this.path(name), { recursive: true, force: true });
    mkdirSync(this.path(name));
    return this.path(name);
  }

  privateKey(): Promise<KeyProvider> {
    return openKey(`file:${this.path('private.pem')}`);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface Opened {
  readonly name: string;
  readonly sender: string | null;
  readonly size: number | null;
  readonly verification: string;
  readonly oaep: string;
  readonly manifest: Manifest;
  /** As Sealdrop gives it, and as openssl does. */
  readonly plaintext: Buffer;
  readonly plaintextOfOpenssl: Buffer;
}

/** Opens the one envelope at a path (a folder or a stem) with core and, with the manifest's parameters as flags, with the machine's openssl. */
export async function openBothWays(fixture: Fixture, path: string): Promise<Opened> {
  const [members, ...others] = await findEnvelopes([path], 'by-note');
  if (members === undefined || members.manifest === null || others.length > 0)
    throw new Error(`${path}: not one envelope with a manifest`);
  const opened = await openEnvelope(members, { keys: [await fixture.privateKey()] });
  const chunks: Buffer[] = [];
  for await (const chunk of opened.plaintext()) chunks.push(chunk);
  opened.dispose();
  return {
    name: opened.plaintextName,
    sender: opened.sender,
    size: opened.plaintextSize,
    verification: opened.verification,
    oaep: opened.oaep.hash,
    manifest: parseManifest(readFileSync(members.manifest)),
    plaintext: Buffer.concat(chunks),
    plaintextOfOpenssl: openWithOpenssl(fixture, { ...members, note: members.note ?? '' }, opened.oaep.hash),
  };
}

interface Triple {
  readonly payload: string;
  readonly wrappedKey: string;
  readonly note: string;
}

/** The article's steps 6 and 7, with a local key: what the note says is the command that decrypts. */
function openWithOpenssl(fixture: Fixture, { payload, wrappedKey, note }: Triple, oaep: string): Buffer {
  const padding = ['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', `rsa_oaep_md:${oaep}`];
  fixture.openssl('pkeyutl', '-decrypt', '-inkey', 'private.pem', '-in', wrappedKey, '-out', 'key.bin', ...padding);
  const [command = ''] = readFileSync(note, 'utf8').split('\n');
  const [, , ...flags] = command.split(' ');
  fixture.openssl('enc', '-d', ...flags, '-in', payload, '-out', 'plaintext', '-pass', 'file:key.bin');
  return readFileSync(fixture.path('plaintext'));
}

/** Every name below, hidden ones too; sorted. */
export function namesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
}

/** What stands on every part. */
export function fingerprintAloud(fixture: Fixture): string {
  const der = fixture.openssl('pkey', '-in', 'private.pem', '-pubout', '-outform', 'DER');
  writeFileSync(fixture.path('public.der'), der);
  const [hexadecimal = ''] = fixture.openssl('dgst', '-sha256', '-r', 'public.der').toString().split(' ');
  return hexadecimal.replaceAll(/.{4}(?!$)/g, '$& ');
}
