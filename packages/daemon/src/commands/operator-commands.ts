import { SealdropError } from '@sealdrop/core';
import type { Argv } from 'yargs';
import { DURATION_PATTERN, parseDuration } from '../config/duration.ts';
import { ledgerFile } from '../config/state-paths.ts';
import { loadConfig } from '../config/load.ts';
import { formatHistory, parseTime, readHistory } from './history.ts';
import * as quarantine from './quarantine.ts';
import { formatStatus, readStatus } from './status.ts';

type Program = Argv<{ config: string }>;

const JSON_OPTION = { describe: 'For programs', type: 'boolean', default: false } as const;
const IDS = { type: 'string', array: true, default: [] as string[] } as const;
const OUTCOMES = ['delivered', 'quarantined', 'released', 'discarded'] as const;

function say(text: string): void {
  process.stdout.write(text);
}

function sayJson(value: unknown): void {
  say(`${JSON.stringify(value, null, 2)}\n`);
}

const spoolOf = (config: string) => ({ root: loadConfig(config).spool });

/** The commands that an operator uses beside a running daemon, or without one. */
export function addOperatorCommands(program: Program): Program {
  return addHistory(addStatus(program)).command(
    'quarantine',
    'Look at what was set aside, hand it out or remove it',
    (inner) =>
      addRemovals(addViews(inner)).demandCommand(
        1,
        'Say what to do with the quarantine: list, show, release or purge.',
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
        sender: { describe: "The landing's name", type: 'string', requiresArg: true },
        since: { describe: 'A date or time, or how long ago: 7d', type: 'string', requiresArg: true },
        until: { describe: 'The same; before it', type: 'string', requiresArg: true },
        status: { describe: 'How it ended', choices: OUTCOMES, requiresArg: true },
        limit: { describe: 'How many, at most 1000', type: 'number', default: 100, requiresArg: true },
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

function addRemovals(program: Program): Program {
  return program
    .command(
      'release <id..>',
      'Copy envelopes to DIR/<id>, then remove them from quarantine',
      (command) =>
        command
          .positional('id', IDS)
          .option('to', { describe: 'An existing directory', type: 'string', demandOption: true, requiresArg: true }),
      async ({ config, id: ids, to }) => {
        ids.forEach(quarantine.checkId);
        for (const id of ids) say(`released ${await quarantine.releaseQuarantined(spoolOf(config), id, to)}\n`);
      },
    )
    .command(
      'purge [id..]',
      'Remove envelopes from quarantine for good',
      (command) =>
        command
          .positional('id', IDS)
          .option('older-than', { describe: 'All claimed longer ago: 30d', type: 'string', requiresArg: true }),
      ({ config, id, olderThan }) => purge(config, id, olderThan),
    );
}

async function purge(config: string, named: readonly string[], olderThan: string | undefined): Promise<void> {
  if ((named.length === 0) === (olderThan === undefined)) {
    throw new SealdropError('usage', 'Say which envelopes: their ids, or --older-than 30d.');
  }
  if (olderThan !== undefined && !DURATION_PATTERN.test(olderThan)) {
    throw new SealdropError('usage', `--older-than ${JSON.stringify(olderThan)}: write a duration like 30d`);
  }
  named.forEach(quarantine.checkId);
  const spool = spoolOf(config);
  const ids =
    olderThan === undefined ? named : await quarantine.quarantinedBefore(spool, Date.now() - parseDuration(olderThan));
  for (const id of ids) {
    await quarantine.purgeQuarantined(spool, id);
    say(`purged ${id}\n`);
  }
}
