/** One sealed envelope under as many names as are wanted: to seal each would take longer than what is measured. */
import { generateKeyPairSync, type KeyObject, privateDecrypt, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  formatManifest,
  type Manifest,
  oaepWith,
  parametersOfManifest,
  parseFlags,
  parseManifest,
  payloadMac,
  readPassphrase,
  sealEnvelope,
} from '@sealdrop/core';

/** Files that `land` makes for each envelope. */
export const FILES_PER_ENVELOPE = 3;

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function makeKeyPair(): KeyPair {
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

export function privatePem({ privateKey }: KeyPair): string {
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Payload and wrapped key are the same in each copy; the manifest's MAC binds the name, so that each has its own. */
export class EnvelopeMold {
  readonly #payload: Buffer;
  readonly #wrappedKey: Buffer;
  readonly #passphrase: Buffer;
  readonly #manifest: Manifest;

  private constructor(parts: { payload: Buffer; wrappedKey: Buffer; manifest: Manifest; keyFile: Buffer }) {
    this.#payload = parts.payload;
    this.#wrappedKey = parts.wrappedKey;
    this.#manifest = parts.manifest;
    this.#passphrase = readPassphrase(parts.keyFile, 'file');
  }

  /** @param size bytes of the plaintext */
  static async make({ privateKey, publicKey }: KeyPair, size: number): Promise<EnvelopeMold> {
    const directory = mkdtempSync(join(tmpdir(), 'sealdrop-mold-'));
    try {
      const { members } = await sealEnvelope(once(randomBytes(size)), {
        publicKey,
        parameters: parseFlags('-aes-256-cbc -pbkdf2'),
        oaep: oaepWith('sha256'),
        name: 'mold',
        directory,
        layout: 'flat',
        manifest: 'write',
        existing: 'refuse',
      });
      const wrappedKey = readFileSync(members.wrappedKey);
      return new EnvelopeMold({
        payload: readFileSync(members.payload),
        wrappedKey,
        manifest: parseManifest(readFileSync(members.manifest ?? '')),
        keyFile: privateDecrypt({ key: privateKey, oaepHash: 'sha256' }, wrappedKey),
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  /** Writes so many copies, each under a name of its own. */
  landMany(directory: string, count: number): void {
    for (let index = 0; index < count; index += 1) this.land(directory, `file-${index}.csv`);
  }

  /** Writes a copy whose plaintext has this name. Its last byte is the payload's. */
  land(directory: string, name: string): void {
    const wrappedKey = `${name}.keypke.bin.enc`;
    const payload = `${name}.enc`;
    writeFileSync(join(directory, `${name}.manifest.json`), this.#manifestOf(name, { payload, wrappedKey }));
    writeFileSync(join(directory, wrappedKey), this.#wrappedKey);
    writeFileSync(join(directory, payload), this.#payload);
  }

  #manifestOf(name: string, files: { readonly payload: string; readonly wrappedKey: string }): string {
    const { payload, key, parameters, plaintext } = this.#manifest;
    const inputs = { parameters: parametersOfManifest(parameters), plaintextName: name, passphrase: this.#passphrase };
    const mac = payloadMac(inputs).update(this.#payload);
    return formatManifest({
      ...this.#manifest,
      payload: { ...payload, file: files.payload },
      key: { ...key, file: files.wrappedKey },
      mac: { algorithm: 'hmac-sha256', value: mac.digest('hex') },
      plaintext: { ...plaintext, name },
    });
  }
}
