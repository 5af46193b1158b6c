import type { Diagnosis, DiagnoseOptions, EnvelopeMembers, FoundEnvelope } from '@sealdrop/core';
import type { ArgumentsCamelCase, InferredOptionTypes, Options } from 'yargs';
import { runBatch } from '../batch.ts';
import type { Command, CommandContext } from '../command.ts';
import { describeDiagnosis } from '../diagnosis-report.ts';
import { EXIT } from '../exit-status.ts';
import { KEY_OPTIONS, openKeys } from '../key-options.ts';
import { ENVELOPE_POSITIONAL, REPORTING_OPTIONS, value } from '../option-groups.ts';
import { parseOaepOption, parseParametersOption } from '../parameter-options.ts';
import { UsageError } from '../usage-error.ts';

const STATEMENT = 'What is said of it, instead of what note or manifest say:';

const OPTIONS = {
  ...KEY_OPTIONS,
  parameters: { ...value, group: STATEMENT, describe: 'openssl\'s own flags, like "-aes-256-cbc -pbkdf2"' },
  oaep: { ...value, group: STATEMENT, describe: 'OAEP hash: sha1, sha256, …' },
  json: REPORTING_OPTIONS.json,
} as const satisfies Record<string, Options>;

type DiagnoseArguments = InferredOptionTypes<typeof OPTIONS> & { envelope: string[] | undefined };

async function diagnoseOptions(
  args: ArgumentsCamelCase<DiagnoseArguments>,
  context: CommandContext,
): Promise<DiagnoseOptions> {
  return {
    keys: await openKeys(args, context.environment),
    parameters: args.parameters === undefined ? undefined : await parseParametersOption(args.parameters),
    oaep: args.oaep === undefined ? undefined : await parseOaepOption(args.oaep),
    signal: context.signal,
  };
}

/** For machines: parameters and OAEP as the flags that say them. */
async function forMachines(members: EnvelopeMembers, { repair, ...diagnosis }: Diagnosis): Promise<object> {
  const { formatFlags, formatOaep } = await import('@sealdrop/core');
  const flat =
    repair === null ? null : { ...repair, parameters: formatFlags(repair.parameters), oaep: formatOaep(repair.oaep) };
  return { envelope: members.payload, ...diagnosis, repair: flat };
}

interface Tally {
  closed: number;
}

interface Diagnosing {
  readonly options: DiagnoseOptions;
  readonly context: CommandContext;
  readonly tally: Tally;
  readonly output: 'text' | 'json';
}

async function diagnoseOne(members: EnvelopeMembers, { options, context, tally, output }: Diagnosing): Promise<void> {
  const { diagnoseEnvelope } = await import('@sealdrop/core');
  const diagnosis = await diagnoseEnvelope(members, options);
  if (diagnosis.outcome === 'does-not-open') tally.closed += 1;
  context.terminal.report({ ...(await forMachines(members, diagnosis)) });
  if (output === 'text') context.terminal.print(describeDiagnosis(members.payload, diagnosis));
}

async function run(args: ArgumentsCamelCase<DiagnoseArguments>, context: CommandContext): Promise<number> {
  const paths = args.envelope ?? [];
  if (paths.length === 0) throw new UsageError('no envelope is named', 'name a folder, a stem or any file of one');
  const { searchEnvelopes, DEFAULT_PARAMETERS } = await import('@sealdrop/core');
  const options = { ...(await diagnoseOptions(args, context)), defaultParameters: DEFAULT_PARAMETERS };
  const tally: Tally = { closed: 0 };
  const diagnosing: Diagnosing = { options, context, tally, output: args.json === true ? 'json' : 'text' };
  const itemOf = (found: FoundEnvelope) =>
    found.kind === 'failure'
      ? { facts: { envelope: found.path }, run: () => Promise.reject(found.error) }
      : {
          facts: { envelope: found.members.payload },
          run: () => diagnoseOne(found.members, diagnosing),
        };
  const items = (await searchEnvelopes(paths, 'known')).map(itemOf);
  const status = await runBatch(items, { noun: 'envelope', done: 'diagnosed' }, context);
  return status === EXIT.ok && tally.closed > 0 ? EXIT.dataError : status;
}

export const diagnoseCommand: Command<DiagnoseArguments> = {
  usage: 'diagnose [envelope..]',
  summary: 'Find out why an envelope does not open, and how it does',
  options: OPTIONS,
  build: (program) =>
    program
      .positional('envelope', ENVELOPE_POSITIONAL)
      .options(OPTIONS)
      .example('$0 diagnose in/report.csv.enc --key alias/inbound', 'Why, and the commands that open it')
      .example('$0 diagnose in --key file:private.pem --json | jq -r .senderMessage', 'What to write to the sender')
      .epilogue(
        'Tries the usual mistakes on the beginning and the end of the payload, and says how sure the finding is. Nothing is written. ' +
          'Exits with 65 when an envelope cannot be opened. With AWS KMS, each try of a key and an OAEP hash is a request.',
      ),
  run,
};
