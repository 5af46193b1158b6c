import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Host } from '../host.ts';
import { flatPath, MEMBERS, seal } from '../sender.ts';
import { QUICK_DISK } from '../spool/fault-host.ts';
import { addSecondLanding, type SecondLanding, served } from './second-landing.ts';

const GIB = 2 ** 30;

let host: Host;
let quiet: SecondLanding;

beforeEach(() => {
  host = new Host({ parent: QUICK_DISK, settings: 'strayAfter: 300ms' });
  quiet = addSecondLanding(host);
});

afterEach(() => host.close());

function sparse(path: string, size: number): void {
  const handle = openSync(path, 'w');
  ftruncateSync(handle, size);
  closeSync(handle);
}

test('sparse files that are small enough each are not digested without end when there are many of them', async () => {
  for (let index = 0; index < 200; index += 1) sparse(join(host.landing, `junk-${index}`), GIB);
  writeFileSync(join(host.landing, 'small'), 'x');
  const daemon = await host.start();
  await daemon.saying({ message: 'strays claimed' });
  await served(host, daemon, quiet);
  const { envelope } = await daemon.saying({ message: 'quarantined', code: 'stray-file' });
  const { members } = host.report(String(envelope));
  expect(members).toHaveLength(201);
  const digested = members.filter(({ sha256 }) => sha256 !== null).reduce((sum, { size }) => sum + size, 0);
  expect(digested).toBeLessThanOrEqual(GIB);
});

test('an envelope of a thousand members is one short line in the log, and one in its report', async () => {
  const daemon = await host.start();
  const triple = seal(host, { plaintext: 'x' });
  const folder = join(host.folder, 'wide');
  mkdirSync(folder);
  copyFileSync(triple.payload, join(folder, 'data.csv.enc'));
  copyFileSync(triple.wrappedKey, join(folder, 'keypke.bin.enc'));
  for (let index = 0; index < 1000; index += 1)
    writeFileSync(join(folder, `algorithm-${index}-${'n'.repeat(200)}`), '');
  renameSync(folder, join(host.landing, 'wide'));
  await served(host, daemon, quiet);
  const { envelope } = await daemon.saying({ message: 'quarantined', code: 'ambiguous-envelope' });
  expect(host.members('quarantine', String(envelope)).length).toBeGreaterThan(1000);
  expect(host.report(String(envelope)).message.length).toBeLessThan(1500);
  expect(Math.max(...daemon.raw.map((line) => line.length))).toBeLessThan(5000);
  expect(daemon.said({ message: 'claimed', envelope })[0]).toMatchObject({ count: expect.any(Number) });
});

test('a payload for whose plaintext there is no room waits unopened, and fills no disk at each try', async () => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=700', 'tmpfs', host.delivery]);
  try {
    // Whoever begins to write is killed.
    const daemon = await host.start({ NODE_ENV: 'test', SEALDROP_FAULT: 'part.write:kill' });
    const triple = seal(host, { plaintext: 'x', flags: ['-aes-256-ctr', '-pbkdf2'] });
    truncateSync(triple.payload, GIB);
    for (const member of MEMBERS) renameSync(triple[member], flatPath(host, 'huge', member));
    const line = await daemon.saying({ message: 'not yet', code: 'disk-full' });
    expect(line['reason']).toMatch(/^\S+: \d+ bytes are free; the plaintext needs about 1073741824$/);
    expect(host.delivered()).toEqual([]);
    expect(host.inState('claimed')).toHaveLength(1);
  } finally {
    spawnSync('umount', ['--lazy', host.delivery]);
  }
});
