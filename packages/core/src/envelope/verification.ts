/** Whether the payload that was read is the one the manifest vouches for. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Hash, Hmac } from 'node:crypto';
import { SealdropError } from '../errors.ts';
import { quoteWord } from '../openssl/quoted-word.ts';
import type { DigestRequest, PayloadDigests } from '../openssl/payload-digests.ts';
import { macKey, payloadMac } from './manifest.ts';
import type { MacInputs, Manifest } from './manifest.ts';

/** @throws SealdropError `truncated-payload` or `oversized-payload` when the file's size is not the manifest's */
export function checkPayloadSize(size: number, manifest: Manifest, file: string): void {
  const expected = manifest.payload.size;
  if (size === expected) return;
  const details = { size, expectedSize: expected };
  const code = size < expected ? 'truncated-payload' : 'oversized-payload';
  throw new SealdropError(code, `${file}: has ${size} bytes; the manifest says ${expected}`, {
    hint:
      size < expected
        ? 'the upload is not finished or was cut: send the payload again'
        : 'the payload was changed on the way: send it again, in binary mode',
    details,
  });
}

/** @throws SealdropError `wrong-sender` when the manifest names a sender, and another is expected */
export function checkSender(manifest: Manifest | null, expected: string | undefined): void {
  const named = manifest?.sender;
  if (named === undefined || expected === undefined || named === expected) return;
  throw new SealdropError(
    'wrong-sender',
    `the manifest names the sender ${quoteWord(named)}, not ${quoteWord(expected)}`,
    {
      hint:
        `if it is theirs, name them in the landing, like sender: ${quoteWord(named)}, and retry it, or give them a kit for ${quoteWord(expected)}; ` +
        'if not, it was moved here from elsewhere: ask both before trusting it',
    },
  );
}

/** Takes the payload's bytes as they are read, and judges them at the end. One for each pass over the payload. */
export class PayloadCheck {
  readonly #manifest: Manifest;
  readonly #file: string;
  readonly #mac: Hmac | null;
  readonly #digest: Hash | null;
  #size = 0;

  constructor(manifest: Manifest, file: string, inputs: Omit<MacInputs, 'sender'>) {
    this.#manifest = manifest;
    this.#file = file;
    const { mac, sender } = manifest;
    this.#mac = mac === undefined ? null : payloadMac({ ...inputs, sender });
    this.#digest = manifest.payload.sha256 === undefined ? null : createHash('sha256');
  }

  update(chunk: Uint8Array): void {
    this.#size += chunk.length;
    this.#mac?.update(chunk);
    this.#digest?.update(chunk);
  }

  /** @throws SealdropError `truncated-payload`, `oversized-payload`, `payload-changed`, `wrong-key` */
  finish(): void {
    judgePayload(this.#manifest, this.#file, {
      size: this.#size,
      hmac: this.#mac?.digest() ?? null,
      sha256: this.#digest?.digest() ?? null,
    });
  }
}

/** What must be computed over a payload to judge it by its manifest. The caller zeroes the key. */
export function digestsToJudge(manifest: Manifest, inputs: Omit<MacInputs, 'sender'>): DigestRequest {
  const { mac, sender, payload } = manifest;
  return {
    hmacKey: mac === undefined ? null : macKey({ ...inputs, sender }),
    sha256: payload.sha256 === undefined ? 'omit' : 'compute',
  };
}

export interface PayloadFacts extends PayloadDigests {
  /** Bytes. */
  readonly size: number;
}

/** @throws SealdropError `truncated-payload`, `oversized-payload`, `payload-changed`, `wrong-key` */
export function judgePayload(manifest: Manifest, file: string, { size, hmac, sha256 }: PayloadFacts): void {
  checkPayloadSize(size, manifest, file);
  const digestFits = sha256 === null ? null : equalsHex(sha256, manifest.payload.sha256 ?? '');
  if (digestFits === false) throw changed(file, 'its SHA-256 is not the one in the manifest');
  const macFits = hmac === null ? null : equalsHex(hmac, manifest.mac?.value ?? '');
  if (macFits !== false) return;
  if (digestFits === true) throw wrongKey(file);
  throw changed(file, 'its MAC does not fit: payload, manifest or wrapped key is not the one that was sealed');
}

function equalsHex(actual: Uint8Array, expectedHex: string): boolean {
  const expected = Buffer.from(expectedHex, 'hex');
  return expected.length === actual.length && timingSafeEqual(actual, expected);
}

function changed(file: string, reason: string): SealdropError {
  return new SealdropError('payload-changed', `${file}: ${reason}`, {
    hint: 'nothing of it can be trusted: ask the sender to seal and send it again',
  });
}

function wrongKey(file: string): SealdropError {
  return new SealdropError(
    'wrong-key',
    `${file}: the payload is intact, but the wrapped key, parameters or name beside it are not its own`,
    {
      hint: 'the members of two envelopes were mixed, or the manifest was edited: send all members of one envelope together',
    },
  );
}

/** @throws SealdropError `payload-changed` when the plaintext's size is not the manifest's */
export function checkPlaintextSize(size: number, manifest: Manifest, file: string): void {
  const expected = manifest.plaintext.size;
  if (expected === undefined || size === expected) return;
  throw changed(file, `decrypts to ${size} bytes; the manifest says ${expected}`);
}
