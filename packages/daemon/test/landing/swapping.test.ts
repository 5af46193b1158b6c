import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DaemonProcess } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';

const SWAPPER = join(import.meta.dirname, 'swapping-process.ts');
/** CI runs the short form. */
const CLAIMS = Number(process.env['SEALDROP_TEST_SWAPS'] ?? '60');

let host: Host;
let daemon: DaemonProcess;
let swapper: ChildProcess;
/** A folder of another sender, with a whole envelope in it. */
let outside: string;

beforeEach(async () => {
  host = new Host({ settle: '0s', settings: 'incompleteAfter: 500ms\nstrayAfter: 500ms' });
  outside = join(host.folder, 'globex');
  mkdirSync(outside);
  const note = "Another sender's own words: openssl enc -aes-256-cbc -pbkdf2\n";
  const secret = seal(host, { plaintext: "another sender's secret\n", note });
  copyFileSync(secret.payload, join(outside, 'inside.enc'));
  copyFileSync(secret.wrappedKey, join(outside, 'inside.key.enc'));
  copyFileSync(secret.note, join(outside, 'inside.alg'));
  const triple = seal(host, { plaintext: 'swapped\n' });
  const own = join(host.folder, 'own');
  mkdirSync(own);
  copyFileSync(triple.payload, join(own, 'payload'));
  copyFileSync(triple.wrappedKey, join(own, 'wrapped'));
  copyFileSync(triple.note, join(own, 'note'));
  daemon = await host.start();
  swapper = spawn(process.execPath, [SWAPPER, host.landing, join(outside, 'inside.enc'), own], { stdio: 'ignore' });
});

afterEach(async () => {
  await endSwapper();
  await host.close();
});

async function endSwapper(): Promise<void> {
  if (swapper.exitCode !== null || swapper.signalCode !== null) return;
  swapper.kill('SIGKILL');
  await once(swapper, 'exit');
}

function contents(directory: string): ReadonlyMap<string, string> {
  return new Map(readdirSync(directory).map((name) => [name, sha256(join(directory, name))]));
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

test("members and folders that are exchanged all the time lead to nobody else's files", async () => {
  const before = contents(outside);
  await daemon.saying({ message: 'claimed' }, CLAIMS);
  await endSwapper();
  upload(host, 'honest', seal(host, { plaintext: 'honest\n' }));
  await daemon.saying({ message: 'delivered', file: join(host.delivery, 'honest') });
  expect(contents(outside)).toEqual(before);
  const texts = new Set(host.collectable().map((name) => readFileSync(join(host.delivery, name), 'utf8')));
  expect([...texts].filter((text) => text !== 'swapped\n' && text !== 'honest\n')).toEqual([]);
  const digests = host.inState('quarantine').flatMap((id) => host.report(id).members.map((member) => member.sha256));
  expect(digests.filter((digest) => digest !== null && [...before.values()].includes(digest))).toEqual([]);
  expect(daemon.said((line) => line['code'] === 'internal' || line.level === 'error')).toEqual([]);
});
