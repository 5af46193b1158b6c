import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import { reportJsonSchema } from '../../src/spool/report-schema.ts';
import { readReport } from '../../src/spool/reports.ts';
import { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';

const PACKAGE = join(import.meta.dirname, '../..');

let host: Host;

beforeEach(() => {
  host = new Host({ settings: 'strayAfter: 1s' });
});

afterEach(() => host.close());

function published(): Parameters<typeof z.fromJSONSchema>[0] {
  return JSON.parse(readFileSync(join(PACKAGE, 'src/report.schema.json'), 'utf8'));
}

test('the published JSON Schema is the schema that the daemon writes reports by', () => {
  expect(published()).toEqual(reportJsonSchema());
  const path = createRequire(import.meta.url).resolve('@sealdrop/daemon/report.schema.json');
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(published());
});

test('what the daemon writes is as published, whatever failed', async () => {
  const daemon = await host.start();
  upload(
    host,
    'old',
    seal(host, {
      plaintext: 'amount\n'.repeat(20),
      flags: ['-aes-256-cbc', '-md', 'md5'],
      note: '-aes-256-cbc -pbkdf2\n',
    }),
  );
  upload(host, 'odd', seal(host, { plaintext: 'amount\n', note: 'ask Bob\n' }));
  writeFileSync(join(host.landing, 'stray.txt'), 'not encrypted\n');
  await daemon.saying({ message: 'quarantined' }, 3);
  const reports = host.inState('quarantine').map((id) => host.report(id));
  const schema = z.fromJSONSchema(published());
  for (const report of reports) expect(schema.parse(report)).toEqual(report);
  expect(reports.map(({ code }) => code).toSorted()).toEqual(['bad-decrypt', 'bad-note', 'stray-file']);
  expect(schema.safeParse({ ...reports[0], version: 2 }).success).toBe(false);
});

test('a report of an earlier version, or that a person has edited, is read as far as it goes', async () => {
  writeFileSync(
    join(host.folder, 'report.json'),
    '{"version": 1, "code": "bad-decrypt", "diagnosis": "mine", "more": 1}',
  );
  expect(await readReport(host.folder)).toMatchObject({
    version: 1,
    code: 'bad-decrypt',
    diagnosis: null,
    members: [],
  });
});
