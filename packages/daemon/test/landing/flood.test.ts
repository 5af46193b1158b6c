import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Host } from '../host.ts';
import { flatPath, MEMBERS, seal, upload } from '../sender.ts';
import { addSecondLanding, deliveredFrom, type SecondLanding } from './second-landing.ts';

/** CI runs the short form; SEALDROP_TEST_FLOOD=100000 is the long one. */
const FLOOD = Number(process.env['SEALDROP_TEST_FLOOD'] ?? '10000');

let host: Host;
/** The landing of another, modest sender. */
let quiet: SecondLanding;

beforeEach(() => {
  host = new Host();
  quiet = addSecondLanding(host);
});

afterEach(() => host.close());

test('a flood in one landing does not hold up another, and nothing of the flood is lost', async () => {
  const envelopes = 200;
  const triple = seal(host, { plaintext: 'flood\n', flags: ['-aes-256-cbc', '-pbkdf2', '-iter', '1'] });
  for (let index = 0; index < FLOOD / 2; index += 1) {
    writeFileSync(join(host.landing, `junk-${index}`), '');
    writeFileSync(join(host.landing, `half-${index}.enc`), 'x');
  }
  for (let index = 0; index < envelopes; index += 1) upload(host, `whole-${index}`, triple);
  upload(quiet, 'first', seal(host, { plaintext: 'first\n' }));
  const daemon = await host.start();
  await daemon.saying(deliveredFrom('quiet'));
  await daemon.saying(deliveredFrom('acme'), envelopes);
  const order = daemon.said((line) => line.message === 'delivered').map((line) => String(line['landing']));
  expect(order.slice(0, 20)).toContain('quiet');
  expect(new Set(host.delivered()).size).toBe(envelopes);
  expect(readdirSync(host.landing)).toHaveLength(2 * Math.ceil(FLOOD / 2));
  // Of the flood, ten are named.
  expect(daemon.lines.length).toBeLessThan(envelopes * 2 + 50);
});

test('five thousand envelopes at once, in fifty folders, are told apart, and the whole ones are delivered once each', async () => {
  const [folders, each] = [50, 100];
  const triple = seal(host, { plaintext: 'x' });
  for (let folder = 0; folder < folders; folder += 1) {
    const landing = join(host.landing, `batch-${folder}`);
    mkdirSync(landing);
    upload({ landing }, `whole-${folder}`, triple);
    for (let index = 1; index < each; index += 1) {
      for (const member of MEMBERS.filter((candidate) => candidate !== 'note')) {
        copyFileSync(triple[member], flatPath({ landing }, `half-${folder}-${index}`, member));
      }
    }
  }
  const daemon = await host.start();
  await daemon.saying(deliveredFrom('acme'), folders);
  const names = daemon.said(deliveredFrom('acme')).map((line) => basename(String(line['file'])));
  expect(new Set(names).size).toBe(folders);
  const left = readdirSync(host.landing, { recursive: true }).filter((name) => String(name).endsWith('.enc'));
  expect(left).toHaveLength(folders * (each - 1) * 2);
  expect(host.inState('quarantine')).toEqual([]);
});
