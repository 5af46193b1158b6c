import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { DaemonProcess } from '../daemon-process.ts';
import { Host, type HostOptions } from '../host.ts';
import { seal, upload, uploadFolder } from '../sender.ts';

let host: Host;

afterEach(() => host.close());

/** Stands in each name that a sender chooses here, and in nothing else. */
const SECRET = 'merger';

const settings = (plaintextNames: string, others = ''): HostOptions => ({
  settings: `log: {level: debug, plaintextNames: ${plaintextNames}}\nincompleteAfter: 1s\nstrayAfter: 1s\n${others}`,
  landing: 'collision: quarantine',
});

/** A hook that fails, and tells what it was told. */
function talkativeHook(folder: string): string {
  const program = join(folder, 'tell');
  writeFileSync(program, '#!/bin/sh\necho "failed with $SEALDROP_PLAINTEXT_NAME"; exit 1\n', { mode: 0o755 });
  return `hooks: [{name: tell, command: [${program}], on: [delivered]}]`;
}

/** Every way for a name to get into the log. */
async function sendOfEachKind(daemon: DaemonProcess): Promise<void> {
  const good = seal(host, { plaintext: 'good\n' });
  upload(host, `${SECRET} one.csv`, good);
  uploadFolder(host, `${SECRET} folder`, good);
  await daemon.saying({ message: 'delivered' }, 2);
  await daemon.saying({ stage: 'hook' });
  upload(host, `${SECRET} one.csv`, good);
  upload(host, `${SECRET}-bad`, seal(host, { plaintext: 'x', note: `${SECRET}\n` }));
  writeFileSync(join(host.landing, `${SECRET}.stray`), 'x');
  writeFileSync(join(host.landing, `${SECRET}-lonely.enc`), 'x');
  await daemon.saying({ message: 'quarantined' }, 4);
  await notYet(daemon, good);
}

/** An envelope that waits for its delivery directory, which is there but is no directory, and then for its payload. */
async function notYet(daemon: DaemonProcess, good: ReturnType<typeof seal>): Promise<void> {
  const aside = `${host.delivery}.aside`;
  renameSync(host.delivery, aside);
  writeFileSync(host.delivery, '');
  upload(host, `${SECRET}: late.csv`, good);
  await daemon.saying({ message: 'not yet' });
  rmSync(host.delivery);
  renameSync(aside, host.delivery);
  await daemon.saying({ message: 'delivered' }, 3);
}

test('with plaintextNames: omit no line of the log holds a name that a sender chose, and quarantine show still tells it', async () => {
  host = new Host();
  host.configure(settings('omit', talkativeHook(host.folder)));
  const daemon = await host.start();
  await sendOfEachKind(daemon);
  await daemon.stop();
  expect(daemon.raw.filter((line) => line.includes(SECRET))).toEqual([]);
  for (const message of ['claimed', 'delivered', 'quarantined', 'not yet', 'a file that belongs to no envelope']) {
    expect(daemon.said({ message })).not.toEqual([]);
  }
  const { envelope, reason } = await daemon.saying({ code: 'collision' });
  expect(reason).toBe(`withheld; sealdropd quarantine show ${envelope as string}`);
  expect(host.report(envelope as string).message).toContain(SECRET);
});

test('a reload switches it', async () => {
  host = new Host();
  host.configure(settings('keep'));
  const daemon = await host.start();
  upload(host, 'one', seal(host, { plaintext: 'good\n' }));
  expect(await daemon.saying({ message: 'delivered' })).toMatchObject({ file: join(host.delivery, 'one') });
  host.configure(settings('omit'));
  process.kill(daemon.pid, 'SIGHUP');
  await daemon.saying({ message: 'configuration reloaded' });
  upload(host, 'two', seal(host, { plaintext: 'good\n' }));
  expect(await daemon.saying({ message: 'delivered' }, 2)).not.toHaveProperty('file');
});
