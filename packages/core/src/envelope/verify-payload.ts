/** Reading a payload on disk for what the manifest says of it. Nothing is decrypted. */
import { digestFile } from '../openssl/digest-file.ts';
import type { DigestFileOptions } from '../openssl/digest-file.ts';
import type { MacInputs, Manifest } from './manifest.ts';
import { digestsToJudge, judgePayload } from './verification.ts';

export interface VerifyPayloadOptions extends Omit<DigestFileOptions, 'digests'>, Omit<MacInputs, 'sender'> {
  readonly manifest: Manifest;
}

/** @throws SealdropError `truncated-payload`, `oversized-payload`, `payload-changed`, `wrong-key`, and what reading throws */
export async function verifyPayloadFile(options: VerifyPayloadOptions): Promise<void> {
  const { manifest, path, size } = options;
  const digests = digestsToJudge(manifest, options);
  try {
    judgePayload(manifest, path, { size, ...(await digestFile({ ...options, digests })) });
  } finally {
    digests.hmacKey?.fill(0);
  }
}
