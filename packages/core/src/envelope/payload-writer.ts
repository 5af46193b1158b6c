/** The payload of an envelope that is being sealed: encrypted, and digested for the manifest's MAC. */
import { observe } from '../openssl/byte-source.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import { encryptPayloadFile, threadsPay } from '../openssl/payload-file.ts';
import { encryptPayload } from '../openssl/payload-stream.ts';
import type { LocatedPayload } from './locate-payload.ts';
import { macKey, payloadMac } from './manifest.ts';
import type { MacInputs } from './manifest.ts';
import { writeNewFile } from './payload-reader.ts';
import type { ReadOptions } from './payload-reader.ts';

export interface PayloadWriteOptions extends ReadOptions {
  readonly parameters: EncParameters;
  /** The plaintext's, which the MAC binds. */
  readonly name: string;
  /** Whom the manifest names as the sender, which the MAC binds too. */
  readonly sender?: string | undefined;
  readonly passphrase: Uint8Array;
  /** A file that does not exist. */
  readonly output: string;
  readonly mode: number;
}

export interface WrittenPayload {
  /** Bytes. */
  readonly plaintextSize: number;
  /** Bytes. */
  readonly payloadSize: number;
  /** Hexadecimal. */
  readonly mac: string;
}

/** Encrypts into a new file and fsyncs it. */
export async function writePayload(plaintext: LocatedPayload, options: PayloadWriteOptions): Promise<WrittenPayload> {
  const { path, size } = plaintext;
  const onThreads = path !== null && size !== null && threadsPay(options.parameters, size);
  return onThreads ? writeOnThreads(path, options) : writeFromStream(plaintext, options);
}

function macInputs({ parameters, name: plaintextName, sender, passphrase }: PayloadWriteOptions): MacInputs {
  return { parameters, plaintextName, sender, passphrase };
}

async function writeOnThreads(input: string, options: PayloadWriteOptions): Promise<WrittenPayload> {
  const { passphrase } = options;
  const hmacKey = macKey(macInputs(options));
  try {
    const digests = { hmacKey, sha256: 'omit' } as const;
    const outcome = await encryptPayloadFile({ ...options, input, secret: passphrase, digests });
    const { plaintextSize, payloadSize } = outcome;
    return { plaintextSize, payloadSize, mac: Buffer.from(outcome.digests.hmac ?? []).toString('hex') };
  } finally {
    hmacKey.fill(0);
  }
}

async function writeFromStream(located: LocatedPayload, options: PayloadWriteOptions): Promise<WrittenPayload> {
  const { parameters, passphrase, signal, onProgress, output, mode } = options;
  let plaintextSize = 0;
  const plaintext = observe(located.read({ signal, onProgress }), (chunk) => (plaintextSize += chunk.length));
  const mac = payloadMac(macInputs(options));
  const encrypted = encryptPayload(plaintext, { parameters, secret: passphrase, signal });
  const payloadSize = await writeNewFile(
    output,
    observe(encrypted, (chunk) => mac.update(chunk)),
    { mode },
  );
  return { plaintextSize, payloadSize, mac: mac.digest('hex') };
}
