import { SealdropError } from '../errors.ts';
import type { KeyProvider } from './key-provider.ts';
import { openLocalKey } from './local-key.ts';

export interface KeyOptions {
  /** For every AWS KMS key; what is absent comes from the SDK's own chain (environment, config files). */
  readonly aws?: {
    readonly region?: string | undefined;
    readonly profile?: string | undefined;
    readonly endpoint?: string | undefined;
    readonly useFipsEndpoint?: boolean | undefined;
    readonly useDualstackEndpoint?: boolean | undefined;
    /** Hard limit on one call with all its retries, in milliseconds. */
    readonly timeout?: number | undefined;
  };
  /** For encrypted PEM files: a file whose first line is the passphrase. */
  readonly passphraseFile?: string | undefined;
}

/**
 * The key provider that a specification names: `aws-kms:<id|alias|arn>`, a bare ARN, `alias/…`, or `file:<pem>`.
 * The AWS SDK is loaded at the first call that needs it.
 * @throws SealdropError `usage` for another form; `bad-private-key`, `not-found`, `not-permitted` for a file
 */
export async function openKey(specification: string, options: KeyOptions = {}): Promise<KeyProvider> {
  if (specification.startsWith('file:') && specification !== 'file:') {
    return openLocalKey(specification.slice('file:'.length), options);
  }
  throw new SealdropError('usage', `"${specification}" names no key`, {
    hint: 'use aws-kms:<key id, alias or ARN>, a bare ARN, alias/NAME, or file:PATH of a PEM private key',
  });
}
