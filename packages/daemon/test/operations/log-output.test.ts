import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DaemonProcess, type LogLine } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';
import { SmallDisk } from '../small-disk.ts';

let host: Host;

beforeEach(() => {
  host = new Host();
});

afterEach(() => host.close());

function send(name: string): void {
  upload(host, name, seal(host, { plaintext: `${name}\n` }));
}

async function expectDelivered(...names: readonly string[]): Promise<void> {
  await expect.poll(() => host.collectable()).toEqual(names);
}

test('a log file on a full disk stops nothing; with room again it goes on with whole lines', async () => {
  const directory = join(host.folder, 'log');
  mkdirSync(directory);
  const disk = new SmallDisk(directory, 1);
  const log = join(directory, 'sealdropd.log');
  const lines = (): readonly string[] => readFileSync(log, 'utf8').split('\n').slice(0, -1);
  // An open file of one block: what is left of the block can be written to even when the disk is full.
  const daemon = new DaemonProcess(host.configFile, {}, ['bash', '-c', `exec "$@" >> ${log}`, 'sealdropd']);
  try {
    await expect.poll(lines).toContainEqual(expect.stringContaining('"ready"'));
    const ballast = disk.fill();
    const names = Array.from({ length: 12 }, (_, index) => `full-${index}`).sort();
    for (const name of names) send(name);
    await expectDelivered(...names);
    rmSync(ballast);
    send('roomy');
    await expectDelivered(...names, 'roomy');
    await expect.poll(lines).toContainEqual(expect.stringContaining('/roomy"'));
    expect(await daemon.stop()).toBe(0);
    const parsed = lines().flatMap((line) => (isJson(line) ? [JSON.parse(line) as LogLine] : []));
    expect(parsed).toContainEqual(
      expect.objectContaining({ message: 'lines of the log were lost', code: 'disk-full' }),
    );
    expect(parsed.at(-1)).toMatchObject({ message: 'stopped' });
    expect(lines().length - parsed.length).toBeLessThanOrEqual(1);
  } finally {
    await daemon.kill();
    disk.unmount();
  }
});

/** Of the line that met the end of the disk a part may be there. */
function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

test('a reader of the log that goes away takes nothing with it', async () => {
  const reader = ['bash', '-c', 'exec "$@" > >(grep --max-count=1 \'"ready"\')', 'sealdropd'];
  const daemon = new DaemonProcess(host.configFile, {}, reader);
  try {
    await daemon.saying({ message: 'ready' });
    for (const name of ['one', 'two']) {
      send(name);
      await expect.poll(() => host.collectable()).toContain(name);
    }
    expect(await daemon.stop()).toBe(0);
  } finally {
    await daemon.kill();
  }
});
