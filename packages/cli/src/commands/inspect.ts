import type { EnvelopeMembers, Inspection } from '@sealdrop/core';
import type { ArgumentsCamelCase, InferredOptionTypes, Options } from 'yargs';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, EXIT_STATUS } from '../exit-status.ts';
import { toFailure } from '../failure.ts';
import { describeInspection } from '../inspection-report.ts';
import { ENVELOPE_POSITIONAL, REPORTING_OPTIONS } from '../option-groups.ts';
import { UsageError } from '../usage-error.ts';

const OPTIONS = { json: REPORTING_OPTIONS.json } as const satisfies Record<string, Options>;

type InspectOptions = InferredOptionTypes<typeof OPTIONS> & { envelope: string[] | undefined };
type InspectArguments = ArgumentsCamelCase<InspectOptions>;

async function inspectOne(members: EnvelopeMembers, { terminal }: CommandContext): Promise<Inspection> {
  const { inspectEnvelope } = await import('@sealdrop/core');
  const inspection = await inspectEnvelope(members);
  terminal.report({ envelope: members.payload, ...inspection });
  return inspection;
}

async function run(args: InspectArguments, context: CommandContext): Promise<number> {
  const paths = args.envelope ?? [];
  if (paths.length === 0) throw new UsageError('no envelope is named', 'name a folder, a stem or any file of one');
  const statuses: number[] = [];
  const { searchEnvelopes } = await import('@sealdrop/core');
  for (const found of await searchEnvelopes(paths, 'known')) {
    context.signal.throwIfAborted();
    if (found.kind === 'failure') {
      const failure = await toFailure(found.error);
      context.terminal.fail(failure, { envelope: found.path });
      statuses.push(EXIT_STATUS[failure.code]);
      continue;
    }
    const inspection = await inspectOne(found.members, context);
    if (args.json !== true) context.terminal.print(describeInspection(found.members.payload, inspection));
    if (inspection.problems.length > 0) statuses.push(EXIT.dataError);
  }
  return statuses[0] ?? EXIT.ok;
}

export const inspectCommand: Command<InspectOptions> = {
  usage: 'inspect [envelope..]',
  summary: 'Say what an envelope is made of, without any key',
  options: OPTIONS,
  build: (program) =>
    program
      .positional('envelope', ENVELOPE_POSITIONAL)
      .options(OPTIONS)
      .example('$0 inspect in/report.csv.enc', 'Its files, what it was encrypted with, and what is wrong with it')
      .example("$0 inspect in/report.csv.enc --json | jq '.problems[].hint'", 'For a script')
      .epilogue(
        'Exits with 65 when something is wrong with the envelope. No key is used, so that a wrong key does not show.',
      ),
  run,
};
