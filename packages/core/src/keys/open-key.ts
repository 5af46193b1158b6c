import { SealdropError } from '../errors.ts';
import { openAwsKmsKey } from './aws-kms.ts';
import type { KeyProvider } from './key-provider.ts';
import type { AwsOptions } from './kms-client.ts';
import { openLocalKey, type LocalKeyOptions } from './local-key.ts';

export interface KeyOptions extends LocalKeyOptions {
  /** For every AWS KMS key. */
  readonly aws?: AwsOptions | undefined;
}

const ARN = /^arn:[\w-]+:kms:[a-z0-9-]+:\d{12}:(?:key|alias)\/[\w/-]+$/;
const ALIAS = /^alias\/[\w/-]+$/;
/** A UUID, or `mrk-` and 32 hexadecimal digits (multi-Region keys). */
const KEY_ID = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/i;

/** A bare key id could be a file's name just as well, so it takes the prefix. */
function kmsKeyId(specification: string): string | null {
  const prefixed = /^aws-kms:(.+)$/.exec(specification)?.[1];
  const keyId = prefixed ?? specification;
  const isNamed = ARN.test(keyId) || ALIAS.test(keyId);
  return isNamed || (prefixed !== undefined && KEY_ID.test(keyId)) ? keyId : null;
}

function badSpecification(specification: string): SealdropError {
  const forms = 'use aws-kms:<key id, alias/NAME or ARN>, a bare ARN, alias/NAME, or file:PATH of a PEM private key';
  const hint = KEY_ID.test(specification) ? `write aws-kms:${specification}` : forms;
  return new SealdropError('usage', `"${specification}" names no key`, { hint });
}

/**
 * The key provider that a specification names: `aws-kms:<id|alias|arn>`, a bare ARN, `alias/…`, or `file:<pem>`.
 * The AWS SDK is loaded at the first call that needs it.
 * @throws SealdropError `usage` for another form; `bad-private-key`, `not-found`, `not-permitted` for a file
 */
export async function openKey(specification: string, options: KeyOptions = {}): Promise<KeyProvider> {
  const path = /^file:(.+)$/s.exec(specification)?.[1];
  if (path !== undefined) return openLocalKey(path, options);
  const keyId = kmsKeyId(specification);
  if (keyId !== null) return openAwsKmsKey(keyId, options.aws);
  throw badSpecification(specification);
}
