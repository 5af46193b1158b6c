/** Large payloads from file to file: threads do the work (openssl/payload-file.ts), and what they digested is judged here. */
import { open } from 'node:fs/promises';
import { aboutSubject, toSealdropError } from '../errors.ts';
import { parseHeader } from '../openssl/header.ts';
import { decryptPayloadFile } from '../openssl/payload-file.ts';
import type { PayloadOptions } from '../openssl/payload-stream.ts';
import { EVIDENCE_SIZE } from './evidence.ts';
import { checkPlausible } from './implausible.ts';
import type { ImplausiblePlaintext } from './implausible.ts';
import type { ReadOptions } from './payload-reader.ts';
import { SAMPLE_SIZE } from './payload-sample.ts';
import type { Statement } from './statement.ts';
import { checkPlaintextSize, digestsToJudge, judgePayload } from './verification.ts';

export interface PlaintextFileOptions extends PayloadOptions, ReadOptions {
  /** The payload: a regular file. */
  readonly input: string;
  /** A file that does not exist. */
  readonly output: string;
  readonly mode: number;
  readonly statement: Statement;
  readonly implausible: ImplausiblePlaintext;
}

/**
 * Decrypts into a new file, verifies, and fsyncs it.
 * @returns bytes of plaintext
 * @throws SealdropError that names the file it is about; the output may be left when it is the plaintext that is at fault
 */
export async function writePlaintextFile(options: PlaintextFileOptions): Promise<number> {
  const { input, output, statement, parameters, secret } = options;
  const { manifest, plaintextName } = statement;
  const digests =
    manifest === null ? undefined : digestsToJudge(manifest, { parameters, plaintextName, passphrase: secret });
  try {
    const outcome = await decryptPayloadFile({ ...options, digests });
    if (manifest !== null) {
      judgePayload(manifest, input, { size: outcome.payloadSize, ...outcome.digests });
      checkPlaintextSize(outcome.plaintextSize, manifest, input);
    }
    if (manifest?.mac === undefined && options.implausible === 'refuse') await checkBeginning(options);
    return outcome.plaintextSize;
  } catch (error) {
    const failure = toSealdropError(error, input);
    throw failure.message.startsWith(output) ? failure : aboutSubject(failure, input);
  } finally {
    digests?.hmacKey?.fill(0);
  }
}

async function checkBeginning({ input, output, parameters }: PlaintextFileOptions): Promise<void> {
  const { cipher, salt } = parameters;
  const payload = await readBeginning(input, SAMPLE_SIZE);
  const plaintext = await readBeginning(output, EVIDENCE_SIZE);
  const headerLength = parseHeader(payload, salt, 'complete')?.length ?? 0;
  checkPlausible({ plaintext, ciphertext: payload.subarray(headerLength), cipher }, input);
}

async function readBeginning(path: string, size: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
