import { setTimeout as sleep } from 'node:timers/promises';
import { SealdropError } from '../errors.ts';
import { throwIfCancelled } from './cancellation.ts';
import type { KMSClient, KMSClientConfig } from './kms-sdk.ts';
import { fromKmsError, networkCodeOf, type KmsCall } from './kms-errors.ts';
import { SigningHash } from './signing-hash.ts';

/** Where and how AWS KMS is reached. What is absent comes from the SDK's own chain (environment, config files). */
export interface AwsOptions {
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly useFipsEndpoint?: boolean | undefined;
  readonly useDualstackEndpoint?: boolean | undefined;
  /** Hard limit on one call with all its retries, in milliseconds. Default 30 s; the SDK itself has none. */
  readonly timeout?: number | undefined;
  /** How long to go on while no connection can be made at all, in milliseconds. Default 10 s: a unit may start before the network. */
  readonly patience?: number | undefined;
}

/** Milliseconds. */
export const DEFAULT_KMS_TIMEOUT = 30_000;
export const DEFAULT_KMS_PATIENCE = 10_000;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 2000;

/** The SDK caches profile files for the life of the process unless told otherwise; a daemon must see a mended one. */
const READ_PROFILES_AFRESH = { ignoreCache: true };

function sdkConfig({ region, profile, endpoint, ...endpoints }: AwsOptions): KMSClientConfig {
  const { useFipsEndpoint, useDualstackEndpoint } = endpoints;
  return {
    ...READ_PROFILES_AFRESH,
    sha256: SigningHash,
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(useFipsEndpoint === undefined ? {} : { useFipsEndpoint }),
    ...(useDualstackEndpoint === undefined ? {} : { useDualstackEndpoint }),
  };
}

async function hasRegion(client: KMSClient): Promise<boolean> {
  return client.config.region().then(
    () => true,
    (error: unknown) => {
      const fault = error instanceof Error ? error.message : String(error);
      if (fault === 'Region is missing') return false;
      throw new SealdropError('bad-configuration', `the AWS region is not valid: ${fault}`, {
        hint: 'give the name of a region, like eu-central-1',
        cause: error,
      });
    },
  );
}

/**
 * A client of the AWS SDK, which is loaded here and not before. Without a region from the options or the SDK's chain,
 * AWS_DEFAULT_REGION counts, as for the `aws` command.
 * @throws SealdropError `no-region`
 */
export async function createKmsClient(options: AwsOptions): Promise<KMSClient> {
  const { KMSClient } = await import('./kms-sdk.ts');
  const client = new KMSClient(sdkConfig(options));
  if (await hasRegion(client)) return client;
  client.destroy();
  const region = process.env['AWS_DEFAULT_REGION'];
  if (region !== undefined && region !== '') return new KMSClient(sdkConfig({ ...options, region }));
  throw new SealdropError('no-region', 'no AWS region is set', {
    hint: 'set AWS_REGION, the region option or the profile in ~/.aws/config, or name the key by its ARN',
  });
}

/** Milliseconds. To ask `performance` would load all of perf_hooks. */
function monotonicTime(): number {
  return process.uptime() * 1000;
}

/** Repeats what found no connection, on top of the SDK's retries: those give up within a fraction of a second. */
async function withPatience<T>(attempt: () => Promise<T>, patience: number, signal: AbortSignal): Promise<T> {
  const end = monotonicTime() + patience;
  let unconnected: unknown;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      return await attempt();
    } catch (error) {
      // Cut short in a later attempt: what kept the earlier ones from KMS says more than that time is up.
      if (signal.aborted && unconnected !== undefined) throw unconnected;
      if (networkCodeOf(error) === undefined || monotonicTime() + pause > end) throw error;
      unconnected = error;
    }
    await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => Promise.reject(unconnected));
  }
}

/**
 * Runs one operation within the time limit and with patience for a network that is not up yet. One signal of our own ends it for either reason:
 * `AbortSignal.any` and `AbortSignal.timeout` are registered with the garbage collector, which is dear where calls are many.
 * @throws SealdropError by the table in kms-errors.ts; `kms-unreachable` past the limit; `cancelled` by the caller's signal
 */
export async function callKms<T>(
  operation: (abortSignal: AbortSignal) => Promise<T>,
  call: KmsCall,
  options: AwsOptions & { readonly signal?: AbortSignal | undefined },
): Promise<T> {
  const { timeout = DEFAULT_KMS_TIMEOUT, patience = DEFAULT_KMS_PATIENCE, signal } = options;
  throwIfCancelled(signal);
  const ending = new AbortController();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = () => {
    ending.abort();
    reject(ending.signal.reason);
  };
  const limit = setTimeout(end, timeout);
  signal?.addEventListener('abort', end, { once: true });
  // Some links of the credential chain do not listen to abort signals, so the wait itself is cut short.
  const attempt = () => Promise.race([operation(ending.signal), ended]);
  try {
    return await withPatience(attempt, patience, ending.signal);
  } catch (error) {
    throwIfCancelled(signal);
    if (!ending.signal.aborted || networkCodeOf(error) !== undefined) throw fromKmsError(error, call);
    throw new SealdropError('kms-unreachable', `${call.keyName}: no answer from AWS KMS within ${timeout} ms`, {
      hint: 'check network, proxy and endpoint; credentials from a process or an instance role may be slow too',
      cause: error,
    });
  } finally {
    clearTimeout(limit);
    signal?.removeEventListener('abort', end);
  }
}
