import type { EnvelopeSource, FoundEnvelope, OpenOptions } from '@sealdrop/core';
import type { ArgumentsCamelCase, InferredOptionTypes, Options } from 'yargs';
import { runBatch } from '../batch.ts';
import type { BatchItem } from '../batch.ts';
import type { Command, CommandContext } from '../command.ts';
import { decryptEnvelope } from '../decrypt-envelope.ts';
import type { DecryptSettings } from '../decrypt-envelope.ts';
import { checkDestination, envelopeLabel, parseDestination } from '../destination.ts';
import { sourceOfParts } from '../named-parts.ts';
import { KEY_OPTIONS, keyFiles, openKeys } from '../key-options.ts';
import { ENVELOPE_POSITIONAL, flag, REPORTING_OPTIONS, value } from '../option-groups.ts';
import { parseOaepOption, parseParametersOption } from '../parameter-options.ts';
import { readSigners, signatureBeside, SIGNER_OPTION } from '../signature-options.ts';
import { UsageError } from '../usage-error.ts';

const PARTS = 'Parts by name, instead of ENVELOPE:';
const STATEMENT = 'What was used, instead of what note or manifest say:';
const OUTPUT = 'Output:';
const LIMITS = 'Limits:';

const OPTIONS = {
  ...KEY_OPTIONS,
  payload: { ...value, group: PARTS, describe: 'The file that openssl enc wrote; - is stdin' },
  'wrapped-key': { ...value, group: PARTS, describe: 'The RSA-OAEP wrapped key file' },
  note: { ...value, group: PARTS, describe: 'The algorithm note' },
  manifest: { ...value, group: PARTS, describe: 'The manifest' },
  parameters: { ...value, group: STATEMENT, describe: 'openssl\'s own flags, like "-aes-256-cbc -pbkdf2"' },
  oaep: { ...value, group: STATEMENT, describe: 'OAEP hash: sha1, sha256, … or "rsa_oaep_md:sha256 rsa_mgf1_md:sha1"' },
  repair: { ...flag, group: STATEMENT, describe: 'Where it does not open, open it as a certain diagnosis says' },
  ...SIGNER_OPTION,
  output: {
    ...value,
    alias: 'o',
    group: OUTPUT,
    describe: 'File, existing directory, or - for stdout (default: beside the payload)',
  },
  force: { ...flag, alias: 'f', group: OUTPUT, describe: 'Replace existing files' },
  'allow-weak-key': { ...flag, group: LIMITS, describe: 'Accept a passphrase under 16 bytes' },
  'allow-noise': { ...flag, group: LIMITS, describe: 'Accept plaintext that looks like noise and has no MAC' },
  'max-iterations': { ...value, group: LIMITS, describe: 'Most PBKDF2 iterations to accept (default: 10000000)' },
  ...REPORTING_OPTIONS,
} as const satisfies Record<string, Options>;

type DecryptOptions = InferredOptionTypes<typeof OPTIONS> & { envelope: string[] | undefined };
type DecryptArguments = ArgumentsCamelCase<DecryptOptions>;

function parseIterations(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const iterations = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(iterations) && iterations > 0) return iterations;
  throw new UsageError(`--max-iterations ${text}: not a whole number above zero`);
}

async function openOptions(args: DecryptArguments, context: CommandContext): Promise<OpenOptions> {
  const maximumIterations = parseIterations(args.maxIterations);
  const parameters = args.parameters === undefined ? undefined : await parseParametersOption(args.parameters);
  const oaep = args.oaep === undefined ? undefined : await parseOaepOption(args.oaep);
  const publicKeys = await readSigners(args.signer);
  return {
    keys: await openKeys(args, context.environment),
    parameters,
    oaep,
    weakKeys: args.allowWeakKey === true ? 'allow' : 'refuse',
    implausible: args.allowNoise === true ? 'allow' : 'refuse',
    signature: publicKeys === undefined ? undefined : { publicKeys, missing: 'refuse' },
    maximumIterations,
    signal: context.signal,
  };
}

async function partsOf(args: DecryptArguments, signal: AbortSignal): Promise<EnvelopeSource> {
  const { payload, wrappedKey, note, manifest } = args;
  if (payload === undefined || wrappedKey === undefined) {
    throw new UsageError('--payload and --wrapped-key go together', 'give both, or name the envelope instead');
  }
  if ((args.envelope ?? []).length > 0) {
    throw new UsageError('an ENVELOPE and its parts by name exclude each other', 'give one or the other');
  }
  if (note === undefined && manifest === undefined && args.parameters === undefined) {
    throw new UsageError(
      'what the payload was encrypted with is not known',
      'give --note, --manifest or --parameters "FLAGS"',
    );
  }
  if (payload === '-' && args.output === undefined) {
    throw new UsageError(
      'a payload from stdin has no place of its own',
      'say where the plaintext goes: --output FILE, DIR or -',
    );
  }
  const parts = sourceOfParts({ payload, wrappedKey, note, manifest }, signal);
  return { ...parts, signature: await signatureBeside(manifest) };
}

async function sourcesOf(
  args: DecryptArguments,
  signal: AbortSignal,
): Promise<readonly (EnvelopeSource | FoundEnvelope)[]> {
  if (args.payload !== undefined || args.wrappedKey !== undefined) return [await partsOf(args, signal)];
  if (args.note !== undefined || args.manifest !== undefined) {
    throw new UsageError(
      '--note and --manifest go with --payload and --wrapped-key',
      'for a whole ENVELOPE, --parameters says what was used',
    );
  }
  const paths = args.envelope ?? [];
  if (paths.length === 0) {
    throw new UsageError(
      'no envelope is named',
      'name a folder, a stem or any file of one, or its parts: --payload F --wrapped-key F',
    );
  }
  const { searchEnvelopes } = await import('@sealdrop/core');
  return searchEnvelopes(paths, args.parameters === undefined ? 'by-note' : 'known');
}

function itemOf(source: EnvelopeSource | FoundEnvelope, settings: DecryptSettings, context: CommandContext): BatchItem {
  if ('kind' in source && source.kind === 'failure') {
    return { facts: { envelope: source.path }, run: () => Promise.reject(source.error) };
  }
  const members = 'kind' in source ? source.members : source;
  return { facts: { envelope: envelopeLabel(members) }, run: () => decryptEnvelope(members, settings, context) };
}

async function run(args: DecryptArguments, context: CommandContext): Promise<number> {
  if (args.json === true && args.output === '-') {
    throw new UsageError('--json and --output - both want standard output', 'give a file: --output FILE');
  }
  const sources = await sourcesOf(args, context.signal);
  const destination = await parseDestination(args.output);
  checkDestination(destination, sources.length);
  const settings: DecryptSettings = {
    open: await openOptions(args, context),
    destination,
    existing: args.force === true ? 'replace' : 'refuse',
    repair: args.repair === true ? 'certain' : 'off',
    keyFiles: [...keyFiles(args, context.environment), ...[args.signer ?? []].flat()],
    written: new Set(),
  };
  const items = sources.map((source) => itemOf(source, settings, context));
  return runBatch(items, { noun: 'envelope', done: 'decrypted' }, context);
}

export const decryptCommand: Command<DecryptOptions> = {
  usage: 'decrypt [envelope..]',
  summary: 'Decrypt envelopes: unwrap the key, then decrypt the payload',
  options: OPTIONS,
  build: (program) =>
    program
      .positional('envelope', ENVELOPE_POSITIONAL)
      .options(OPTIONS)
      .example(
        '$0 decrypt in/report.csv.enc --key alias/inbound',
        'One envelope, by any of its files; writes in/report.csv',
      )
      .example('$0 decrypt in/* --key file:private.pem --output out', 'All envelopes of a folder, into another one')
      .example(
        '$0 decrypt --payload data.enc --wrapped-key key.enc --parameters "-aes-256-cbc -pbkdf2" --key alias/inbound --output data',
        'Any three files, and what the sender says was used',
      )
      .example('$0 decrypt in/report.csv.enc --key alias/inbound --output - | wc -l', 'Into a pipe')
      .epilogue(
        'The plaintext appears under its name only when it is whole; an existing file is kept unless --force is given. ' +
          'A manifest lets Sealdrop verify that nothing was changed; without one nothing can, as openssl enc does not.',
      ),
  run,
};
