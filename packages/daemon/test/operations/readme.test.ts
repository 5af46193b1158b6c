import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Metrics } from '../../src/operations/metrics.ts';
import { formatSignature } from '../../src/operations/webhook.ts';
import { event, temporaryFolder } from './events.ts';

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
const SECRET = '5f0d6c1e9a';

/** The command that the README gives to whoever receives webhooks. */
function verifyingCommand(): string {
  const command = README.split('\n').find((line) => line.includes('openssl dgst'));
  if (command === undefined) throw new Error('README.md does not tell how to verify a signature');
  return command;
}

function digestOf(body: string, time: string): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'body'), body);
  writeFileSync(join(folder, 'alerts.secret'), `${SECRET}\nanother line\n`);
  const environment = { ...process.env, t: time };
  return execFileSync('sh', ['-c', verifyingCommand()], { cwd: folder, env: environment, encoding: 'utf8' }).trim();
}

test('the command in the README finds the signature that a webhook is sent with, and another for another body or time', () => {
  const body = JSON.stringify(event());
  const [, time = '', signature = ''] =
    /^t=(\d+),v1=([0-9a-f]{64})$/.exec(formatSignature(body, SECRET, 1_795_000_000)) ?? [];
  expect(digestOf(body, time).endsWith(signature)).toBe(true);
  expect(digestOf(`${body} `, time).endsWith(signature)).toBe(false);
  expect(digestOf(body, '1795000001').endsWith(signature)).toBe(false);
});

test('the event in the README has the fields of an event', () => {
  const [, example = '{}'] = /```json\n(\{[^`]*\})\n```/.exec(README) ?? [];
  expect(Object.keys(JSON.parse(example) as object)).toEqual(Object.keys(event()));
});

test('the metrics that the README names exist, and it names all of the daemon itself', async () => {
  const metrics = new Metrics({ version: '1.2.3', landings: ['acme'], queues: () => [] });
  const offered = [...(await metrics.render()).matchAll(/^# TYPE (sealdrop_\w+)/gm)].map(([, name]) => name);
  const named = [...README.matchAll(/sealdrop_\w+/g)].map(([name]) => name);
  expect(new Set(named)).toEqual(new Set(offered));
});
