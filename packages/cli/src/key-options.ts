import type { KeyOptions, KeyProvider } from '@sealdrop/core';
import type { Options } from 'yargs';
import type { CommandContext } from './command.ts';
import { flag, value } from './option-groups.ts';
import { UsageError } from './usage-error.ts';

const AWS = 'AWS KMS (without these: environment and config files, as the aws command reads them):';

export const KEY_OPTIONS = {
  key: {
    ...value,
    alias: 'k',
    group: 'Key:',
    describe: 'aws-kms:<id, alias or ARN>, a bare ARN, alias/NAME, or file:PEM (default: $SEALDROP_KEY)',
  },
  'passphrase-file': { ...value, group: 'Key:', describe: 'File whose first line opens an encrypted PEM' },
  region: { ...value, group: AWS, describe: 'Region of the key' },
  profile: { ...value, group: AWS, describe: 'Profile of the AWS config files' },
  'endpoint-url': { ...value, group: AWS, describe: 'Another endpoint, such as a VPC endpoint' },
  'use-fips-endpoint': { ...flag, group: AWS, describe: 'FIPS 140 endpoint' },
  'use-dualstack-endpoint': { ...flag, group: AWS, describe: 'IPv6 and IPv4 endpoint' },
  timeout: { ...value, group: AWS, describe: 'Seconds until a call is given up' },
} as const satisfies Record<string, Options>;

/** The values of `KEY_OPTIONS`; a repeated --key is an array. */
export interface KeyArguments {
  readonly key: string | readonly string[] | undefined;
  readonly passphraseFile: string | undefined;
  readonly region: string | undefined;
  readonly profile: string | undefined;
  readonly endpointUrl: string | undefined;
  readonly useFipsEndpoint: boolean | undefined;
  readonly useDualstackEndpoint: boolean | undefined;
  readonly timeout: string | undefined;
}

const MILLISECONDS = 1000;

function parseTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!/^\d+(?:\.\d+)?$/.test(text) || seconds === 0) {
    throw new UsageError(`--timeout ${text}: not a number of seconds above zero`);
  }
  return seconds * MILLISECONDS;
}

function keyOptions(args: KeyArguments): KeyOptions {
  return {
    passphraseFile: args.passphraseFile,
    aws: {
      region: args.region,
      profile: args.profile,
      endpoint: args.endpointUrl,
      useFipsEndpoint: args.useFipsEndpoint,
      useDualstackEndpoint: args.useDualstackEndpoint,
      timeout: parseTimeout(args.timeout),
    },
  };
}

function specifications(args: KeyArguments, environment: CommandContext['environment']): readonly string[] {
  const named = [args.key ?? environment['SEALDROP_KEY'] ?? []].flat();
  if (named.length > 0 && named[0] !== '') return named;
  throw new UsageError(
    'no key is given',
    'name it: --key alias/NAME, --key <ARN> or --key file:key.pem (or set SEALDROP_KEY)',
  );
}

/** The files that --key and --passphrase-file name. */
export function keyFiles(args: KeyArguments, environment: CommandContext['environment']): readonly string[] {
  const paths = specifications(args, environment).flatMap((named) => /^file:(.+)$/s.exec(named)?.[1] ?? []);
  return args.passphraseFile === undefined ? paths : [...paths, args.passphraseFile];
}

/** Opens what --key names, in order. */
export async function openKeys(
  args: KeyArguments,
  environment: CommandContext['environment'],
): Promise<readonly KeyProvider[]> {
  const named = specifications(args, environment);
  const options = keyOptions(args);
  // The SDK reads `endpoint_url` only of the profile that the environment names (AWS SDK for JavaScript 3.1164).
  if (args.profile !== undefined) process.env['AWS_PROFILE'] = args.profile;
  const { openKey } = await import('@sealdrop/core');
  return Promise.all(named.map((specification) => openKey(specification, options)));
}
