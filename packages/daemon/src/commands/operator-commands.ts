import { OAEP_HASHES, parseFlags, SealdropError, toSealdropError } from '@sealdrop/core';
import type { Argv } from 'yargs';
import { DURATION_PATTERN, parseDuration } from '../config/duration.ts';
import { loadConfig } from '../config/load.ts';
import { ledgerFile } from '../config/state-paths.ts';
import { exitStatusOf } from '../exit-status.ts';
import { printable } from '../operations/printable.ts';
import { formatHistory, parseTime, readHistory } from './history.ts';
import { type Done, purgeQuarantined, releaseQuarantined, retryQuarantined } from './quarantine-actions.ts';
import * as quarantine from './quarantine.ts';
import { oneNumber, oneOf, oneText } from './options.ts';
import { formatStatus, readStatus } from './status.ts';

type Program = Argv<{ config: string }>;

const JSON_OPTION = { describe: 'For programs', type: 'boolean', default: false } as const;
const IDS = { type: 'string', array: true, default: [] as string[] } as const;
const OUTCOMES = ['delivered', 'quarantined', 'released', 'discarded'] as const;

function say(text: string): void {
  process.stdout.write(text);
}

function sayJson(object: unknown): void {
  say(`${JSON.stringify(object, null, 2)}\n`);
}

const spoolOf = (config: string) => ({ root: loadConfig(config).spool });

/** The commands that an operator uses beside a running daemon, or without one. */
export function addOperatorCommands(program: Program): Program {
  return addHistory(addStatus(program)).command(
    'quarantine',
    'Look at what was set aside, try it again, hand it out or remove it',
    (inner) =>
      addRemovals(addRetry(addViews(inner))).demandCommand(
        1,
        'Say what to do with the quarantine: list, show, retry, release or purge.',
      ),
  );
}

function addStatus(program: Program): Program {
  return program.command(
    'status',
    'Say what waits, what is in quarantine and whether a daemon runs',
    (command) => command.option('json', JSON_OPTION),
    async ({ config, json }) => {
      const status = await readStatus(loadConfig(config));
      if (json) sayJson(status);
      else say(formatStatus(status));
    },
  );
}

function addHistory(program: Program): Program {
  return program.command(
    'history',
    'Say what became of envelopes, newest first',
    (command) =>
      command.options({
        sender: { describe: "The landing's name", ...oneText },
        since: { describe: 'A date or time, or how long ago: 7d', ...oneText },
        until: { describe: 'The same; before it', ...oneText },
        status: { describe: 'How it ended', ...oneOf(OUTCOMES) },
        limit: { describe: 'How many, at most 1000', ...oneNumber, default: 100 },
        json: JSON_OPTION,
      }),
    ({ config, sender, since, until, status, limit, json }) => {
      if (!(limit >= 1 && limit <= 1000)) throw new SealdropError('usage', '--limit: write a number from 1 to 1000');
      const file = ledgerFile(loadConfig(config));
      const receipts = readHistory(file, {
        landing: sender,
        outcome: status,
        since: since === undefined ? undefined : parseTime(since, 'since'),
        until: until === undefined ? undefined : parseTime(until, 'until'),
        limit,
      });
      if (json) sayJson(receipts ?? []);
      else say(formatHistory(receipts, file));
    },
  );
}

function addViews(program: Program): Program {
  return program
    .command(
      'list',
      'One line for each envelope, oldest first',
      (command) => command.option('json', JSON_OPTION),
      async ({ config, json }) => {
        const reports = await quarantine.listQuarantine(spoolOf(config));
        if (json) sayJson(reports);
        else say(quarantine.formatReports(reports));
      },
    )
    .command(
      'show <id>',
      'All that is known of one envelope',
      (command) => command.positional('id', { type: 'string', demandOption: true }).option('json', JSON_OPTION),
      async ({ config, id, json }) => {
        const report = await quarantine.showQuarantined(spoolOf(config), id);
        if (json) sayJson(report);
        else say(quarantine.formatReport(report));
      },
    );
}

function addRetry(program: Program): Program {
  return program.command(
    'retry <id..>',
    'Send envelopes back to the queue, to be opened as you say',
    (command) =>
      command.positional('id', IDS).options({
        parameters: { describe: 'openssl flags, whatever the envelope says', ...oneText },
        oaep: { describe: 'OAEP hash, whatever the envelope says', ...oneOf(OAEP_HASHES) },
        json: JSON_OPTION,
      }),
    async ({ config, id: ids, parameters = null, oaep = null, json }) => {
      if (parameters !== null) checkFlags(parameters);
      const places = loadConfig(config);
      await forEach(ids, { json, verb: 'sent back' }, (id) => retryQuarantined(places, id, { parameters, oaep }));
    },
  );
}

/** What openssl would refuse is the operator's mistake, not the sender's. */
function checkFlags(flags: string): void {
  try {
    parseFlags(flags);
  } catch (thrown) {
    const { message, hint } = toSealdropError(thrown);
    throw new SealdropError('usage', `--parameters: ${message}`, { hint });
  }
}

function addRemovals(program: Program): Program {
  return program
    .command(
      'release <id..>',
      'Copy envelopes to DIR/<id>, then remove them from quarantine',
      (command) =>
        command
          .positional('id', IDS)
          .option('to', { describe: 'An existing directory', ...oneText, demandOption: true })
          .option('json', JSON_OPTION),
      async ({ config, id: ids, to, json }) => {
        const places = loadConfig(config);
        await forEach(ids, { json, verb: 'released' }, (id) => releaseQuarantined(places, id, to));
      },
    )
    .command(
      'purge [id..]',
      'Remove envelopes from quarantine for good',
      (command) =>
        command
          .positional('id', IDS)
          .option('older-than', { describe: 'All claimed longer ago: 30d', ...oneText })
          .option('json', JSON_OPTION),
      async ({ config, id, olderThan, json }) => {
        const places = loadConfig(config);
        const ids = await idsToPurge(places.spool, id, olderThan);
        await forEach(ids, { json, verb: 'purged' }, (each) => purgeQuarantined(places, each));
      },
    );
}

async function idsToPurge(
  root: string,
  named: readonly string[],
  olderThan: string | undefined,
): Promise<readonly string[]> {
  if ((named.length === 0) === (olderThan === undefined)) {
    throw new SealdropError('usage', 'Say which envelopes: their ids, or --older-than 30d.');
  }
  if (olderThan === undefined) return named;
  if (!DURATION_PATTERN.test(olderThan)) {
    throw new SealdropError('usage', `--older-than ${JSON.stringify(olderThan)}: write a duration like 30d`);
  }
  return quarantine.quarantinedBefore({ root }, Date.now() - parseDuration(olderThan));
}

/** One after another; one that fails does not keep the others from it. The exit status is that of the first failure. */
async function forEach(
  ids: readonly string[],
  { json, verb }: { readonly json: boolean; readonly verb: string },
  act: (id: string) => Promise<Done>,
): Promise<void> {
  ids.forEach(quarantine.checkId);
  const results: object[] = [];
  for (const id of ids) {
    const result = await act(id).catch((thrown: unknown) => toSealdropError(thrown, id));
    if (result instanceof SealdropError) {
      complain(result);
      process.exitCode ??= exitStatusOf(result);
      results.push({ id, result: 'failed', code: result.code, message: result.message });
      continue;
    }
    if (result.warning !== null) complain(result.warning);
    results.push({ id, result: verb, directory: result.directory });
    if (!json) say(`${verb} ${id}${result.directory === null ? '' : `: ${result.directory}`}\n`);
  }
  if (json) sayJson({ version: 1, results });
}

function complain({ message, hint }: SealdropError): void {
  for (const text of hint === undefined ? [message] : [message, hint]) {
    process.stderr.write(`sealdropd: ${printable(text)}\n`);
  }
}
