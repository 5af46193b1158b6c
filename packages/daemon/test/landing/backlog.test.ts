import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Backlog } from '../../src/landing/backlog.ts';
import { Host } from '../host.ts';
import { flatPath, MEMBERS, seal, upload } from '../sender.ts';

const ENVELOPES = 400;
/** What may wait to be opened, what is claimed at a time, and what may have been tried meanwhile. */
const [WAITING, TOGETHER, TRIED] = [256, 64, 40];

let host: Host;

beforeEach(() => {
  host = new Host();
});

afterEach(() => host.close());

test('while nothing can be opened, what is not claimed yet stays in the landing; it is taken up afterwards', async () => {
  const triple = seal(host, { plaintext: 'x', flags: ['-aes-256-cbc', '-pbkdf2', '-iter', '1'] });
  const aside = `${host.privateKey}.aside`;
  copyFileSync(host.privateKey, aside);
  rmSync(host.privateKey);
  for (let index = 0; index < ENVELOPES; index += 1) upload(host, `file-${index}`, triple);
  const daemon = await host.start();
  await daemon.saying({ message: 'claimed' }, WAITING);
  copyFileSync(triple.payload, flatPath(host, 'half', 'payload'));
  // Another scan has been begun, and the one before has come to its end.
  await daemon.saying({ message: 'incomplete' });
  expect(daemon.said({ message: 'claimed' }).length).toBeLessThan(WAITING + TOGETHER + TRIED);
  expect(readdirSync(host.landing).length).toBeGreaterThan((ENVELOPES - WAITING - TOGETHER - TRIED) * MEMBERS.length);
  copyFileSync(aside, host.privateKey);
  daemon.signal('SIGHUP');
  await daemon.saying({ message: 'claimed' }, ENVELOPES);
  expect(readdirSync(host.landing)).toEqual(['half.enc']);
});

/** Longer than a scan waits for room. */
const FREEZE = 2500;

function freeze(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, milliseconds);
}

test('a scan whose process stood still, as when a virtual machine is moved, has not lost patience', async () => {
  let waiting = WAITING;
  const backlog = new Backlog(() => waiting);
  backlog.beginScan();
  const room = backlog.awaitRoom(() => true);
  freeze(FREEZE);
  setTimeout(() => (waiting -= 1), 50);
  expect(await room).toBe('room');
  expect(backlog.hasLostPatience).toBe(false);
});

test('after a scan that waited in vain, the next one comes when much has been worked off', async () => {
  let waiting = WAITING;
  const backlog = new Backlog(() => waiting);
  backlog.beginScan();
  expect(await backlog.awaitRoom(() => true)).toBe('full');
  expect(backlog.hasLostPatience).toBe(true);
  waiting -= 1;
  let looks = 0;
  const isRunning = (): boolean => {
    looks += 1;
    if (looks === 3) waiting = WAITING / 2;
    return true;
  };
  await backlog.awaitRoomForMany(Infinity, isRunning);
  expect(looks).toBe(3);
  backlog.beginScan();
  expect(backlog.hasLostPatience).toBe(false);
});

test('however much room there is, the event loop gets its turn before the next scan', async () => {
  const events: string[] = [];
  setImmediate(() => events.push('turn'));
  await new Backlog(() => 0).awaitRoomForMany(0, () => true);
  expect(events).toEqual(['turn']);
});
