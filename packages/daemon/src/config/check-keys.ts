import { publicEncrypt, randomBytes, constants } from 'node:crypto';
import { stat } from 'node:fs/promises';
import {
  describeKey,
  type KeyDescription,
  type KeyProvider,
  oaepWith,
  openKey,
  SealdropError,
  toSealdropError,
} from '@sealdrop/core';
import { type Finding, note, ok, problem } from './finding.ts';
import { isFileKey } from './key-kind.ts';
import type { Config } from './schema.ts';

const TRIAL_SIZE = 32;
const ALL_OF_EVERYONE = 0o007;
const CLOCK_TIMEOUT = 5000;
/** AWS refuses requests whose time is further off ("Signature Version 4", RequestTimeTooSkewed). */
const LARGEST_SKEW = 5 * 60_000;

/** Opens the key, has it unwrap something, and says what it is. */
export async function checkKey(
  specification: string,
  { aws, passphraseFile }: Pick<Config, 'aws' | 'passphraseFile'>,
): Promise<readonly Finding[]> {
  try {
    const key = await openKey(specification, { aws, passphraseFile });
    const description = await describeIfAllowed(key);
    const publicKey = await key.publicKey();
    await tryUnwrapping(key);
    const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
    const state = description === null ? '' : `, ${description.usage}, ${description.state}`;
    const used = ok(`key ${key.name}: RSA, ${bits} bits${state}; unwraps`);
    return [used, ...(await checkKeyFile(specification))];
  } catch (thrown) {
    const error = toSealdropError(thrown, specification);
    return [problem(`key ${specification}: ${error.message}`, error.hint)];
  }
}

/** The daemon never needs kms:DescribeKey itself; what it does need is tried. */
async function describeIfAllowed(key: KeyProvider): Promise<KeyDescription | null> {
  try {
    return await describeKey(key);
  } catch (error) {
    if (toSealdropError(error).code === 'access-denied') return null;
    throw error;
  }
}

/** Permission to look at a key is not permission to decrypt with it (kms:Decrypt). */
async function tryUnwrapping(key: KeyProvider): Promise<void> {
  const secret = randomBytes(TRIAL_SIZE);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const wrapped = publicEncrypt({ key: await key.publicKey(), padding, oaepHash: 'sha256' }, secret);
  if ((await key.unwrap(wrapped, oaepWith('sha256'))).equals(secret)) return;
  throw new SealdropError(
    'bad-configuration',
    `${key.name}: unwraps to something else than was wrapped with its public key`,
  );
}

async function checkKeyFile(specification: string): Promise<readonly Finding[]> {
  const path = /^file:(.+)$/s.exec(specification)?.[1];
  if (path === undefined || ((await stat(path)).mode & ALL_OF_EVERYONE) === 0) return [];
  return [problem(`key ${specification}: everyone on this host may read it`, `Close it: chmod o= ${path}`)];
}

/** How far this host's clock is from AWS's; nothing where no key is in AWS KMS or its address is not known. */
export async function checkClock(config: Pick<Config, 'keys' | 'aws'>): Promise<readonly Finding[]> {
  const endpoint = endpointOf(config);
  if (endpoint === null) return [];
  try {
    const asked = Date.now();
    const { headers } = await fetch(endpoint, { method: 'HEAD', signal: AbortSignal.timeout(CLOCK_TIMEOUT) });
    const theirs = Date.parse(headers.get('date') ?? '');
    // The header has whole seconds.
    return Number.isNaN(theirs) ? [] : [judgeClock(Math.round((asked - theirs) / 1000))];
  } catch {
    // The key's own check says what is wrong with the connection.
    return [note('clock: could not be compared with that of AWS KMS')];
  }
}

function judgeClock(seconds: number): Finding {
  const text = `clock: ${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} that of AWS KMS`;
  if (Math.abs(seconds) * 1000 < LARGEST_SKEW) return ok(text);
  return problem(text, 'Set the clock, and keep it right: systemd-timesyncd or chrony.');
}

function endpointOf({ keys, aws }: Pick<Config, 'keys' | 'aws'>): string | null {
  const kmsKeys = keys.filter((specification) => !isFileKey(specification));
  if (kmsKeys.length === 0) return null;
  if (aws.endpoint !== undefined) return aws.endpoint;
  const arn = kmsKeys.map((key) => /arn:aws:kms:([^:]+):/.exec(key)?.[1]).find((region) => region !== undefined);
  const region = arn ?? aws.region ?? process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
  return region === undefined ? null : `https://kms.${region}.amazonaws.com/`;
}
