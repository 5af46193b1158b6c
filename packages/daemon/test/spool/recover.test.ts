import { createHash } from 'node:crypto';
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { openLedger } from '../../src/ledger/ledger.ts';
import type { DaemonProcess } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { claimOf } from '../processing/claim-of.ts';
import { flatPath, MEMBERS, seal, type Triple, upload } from '../sender.ts';

let host: Host;
let triple: Triple;
/** Of the one envelope in `claimed`. */
let id: string;

const PLAINTEXT = 'exactly once\n';

/** What a daemon leaves that was killed after claiming an envelope. */
beforeEach(() => {
  host = new Host();
  triple = seal(host, { plaintext: PLAINTEXT });
  id = '20261124T100000-0123456789';
  for (const state of ['claiming', 'claimed', 'delivered', 'quarantine', 'archive']) {
    mkdirSync(join(host.spool, state), { recursive: true, mode: 0o700 });
  }
  mkdirSync(join(claimed(), 'members'), { recursive: true });
  upload(host, 'report.csv', triple);
  const names = { payload: [], 'wrapped-key': [], note: [], manifest: [], signature: [] };
  const record = {
    ...claimOf(id, 'acme'),
    root: host.landing,
    delivery: host.delivery,
    stem: 'report.csv',
    names: { ...names, payload: ['report.csv.enc'], 'wrapped-key': ['report.csv.key.enc'], note: ['report.csv.alg'] },
    inodes: Object.fromEntries(MEMBERS.map((member) => claimByHand(flatPath(host, 'report.csv', member)))),
  };
  writeFileSync(join(claimed(), 'claim.json'), JSON.stringify(record));
});

function claimByHand(path: string): readonly [name: string, inode: string] {
  renameSync(path, join(claimed(), 'members', basename(path)));
  return [basename(path), String(statSync(join(claimed(), 'members', basename(path))).ino)];
}

afterEach(() => host.close());

const claimed = (): string => join(host.spool, 'claimed', id);
const part = (): string => join(host.delivery, `.sealdrop-${id}.part`);
const final = (): string => join(host.delivery, 'report.csv');

/** What the daemon writes down before it gives a part file its final name. */
function recordDelivery(): void {
  const record = {
    version: 1,
    part: part(),
    final: final(),
    size: PLAINTEXT.length,
    inode: String(statSync(part()).ino),
    directoryInode: String(statSync(host.delivery).ino),
  };
  writeFileSync(join(claimed(), 'deliver.json'), JSON.stringify(record));
}

/** Starts the daemon again, lets it do all there is to do, and stops it. */
async function restart(): Promise<DaemonProcess> {
  const daemon = await host.start();
  upload(host, 'last', seal(host, { plaintext: 'the end' }));
  await daemon.saying({ message: 'delivered', file: join(host.delivery, 'last') });
  expect(await daemon.stop()).toBe(0);
  return daemon;
}

function spoolContent(): readonly string[] {
  return (['claiming', 'claimed', 'delivered', 'quarantine'] as const).flatMap((state) => host.inState(state));
}

function outcome(): Readonly<Record<string, unknown>> {
  return { delivered: host.delivered(), plaintext: host.plaintext('report.csv'), spool: spoolContent() };
}

const DELIVERED_ONCE = { delivered: ['last', 'report.csv'], plaintext: PLAINTEXT, spool: [] };

test('an envelope that waits for its key when the daemon is killed is delivered by the next one', async () => {
  renameSync(host.privateKey, `${host.privateKey}-away`);
  const daemon = await host.start();
  await daemon.saying({ message: 'not yet', envelope: id });
  await daemon.kill();
  renameSync(`${host.privateKey}-away`, host.privateKey);
  await restart();
  expect(outcome()).toEqual(DELIVERED_ONCE);
});

test('a part file without a record is removed and made anew', async () => {
  writeFileSync(part(), PLAINTEXT.slice(0, 3));
  await restart();
  expect(outcome()).toEqual(DELIVERED_ONCE);
});

test('a part file with a record but no final name is delivered once', async () => {
  writeFileSync(part(), PLAINTEXT);
  recordDelivery();
  await restart();
  expect(outcome()).toEqual(DELIVERED_ONCE);
});

test('a plaintext that has both names loses the temporary one and is not delivered again', async () => {
  writeFileSync(part(), PLAINTEXT);
  recordDelivery();
  linkSync(part(), final());
  const daemon = await restart();
  expect(daemon.said({ message: 'delivery finished', envelope: id })).toHaveLength(1);
  expect(outcome()).toEqual(DELIVERED_ONCE);
});

test('a plaintext that has its final name is not delivered again', async () => {
  writeFileSync(part(), PLAINTEXT);
  recordDelivery();
  renameSync(part(), final());
  await restart();
  expect(outcome()).toEqual(DELIVERED_ONCE);
});

test('a plaintext that was delivered and collected is not delivered again', async () => {
  writeFileSync(part(), PLAINTEXT);
  recordDelivery();
  rmSync(part());
  await restart();
  expect(host.delivered()).toEqual(['last']);
  expect(spoolContent()).toEqual([]);
});

test('a delivery directory that is not the one where delivery began is not taken for a finished delivery', async () => {
  writeFileSync(part(), PLAINTEXT);
  recordDelivery();
  renameSync(host.delivery, `${host.delivery}-unmounted`);
  mkdirSync(host.delivery);
  const daemon = await host.start();
  const { code } = await daemon.saying({ message: 'not yet', envelope: id });
  expect(code).toBe('not-found');
  rmSync(host.delivery, { recursive: true });
  renameSync(`${host.delivery}-unmounted`, host.delivery);
  await daemon.saying({ message: 'delivered', envelope: id });
  expect(host.delivered()).toEqual(['report.csv']);
});

test('an envelope that was delivered and not yet removed is removed', async () => {
  writeFileSync(final(), PLAINTEXT);
  renameSync(claimed(), join(host.spool, 'delivered', id));
  await restart();
  expect(outcome()).toEqual(DELIVERED_ONCE);
});

test('what is left of a delivered envelope that was being removed is removed, and told to nobody', async () => {
  renameSync(claimed(), join(host.spool, 'delivered', id));
  rmSync(join(host.spool, 'delivered', id, 'claim.json'));
  await restart();
  expect(spoolContent()).toEqual([]);
  const ledger = openLedger({ file: join(host.spool, 'ledger.db'), access: 'read-only' });
  onTestFinished(() => ledger.close());
  expect(ledger.query().receipts.map(({ plaintextName }) => plaintextName)).toEqual(['last']);
});

test('an envelope with a verdict goes to quarantine', async () => {
  writeFileSync(join(claimed(), 'report.json'), '{"code":"bad-decrypt"}');
  const daemon = await restart();
  expect(daemon.said({ message: 'quarantine finished', envelope: id })).toHaveLength(1);
  expect(host.inState('quarantine')).toEqual([id]);
  expect(host.members('quarantine', id)).toHaveLength(3);
});

/** As if the daemon had been killed in the middle of claiming: one member is still in the landing. */
function halfClaim(): string {
  renameSync(claimed(), join(host.spool, 'claiming', id));
  const members = join(host.spool, 'claiming', id, 'members');
  const left = flatPath(host, 'report.csv', 'note');
  renameSync(join(members, basename(left)), left);
  return left;
}

test('a claim that was interrupted is finished', async () => {
  halfClaim();
  const daemon = await restart();
  expect(daemon.said({ message: 'claim finished', envelope: id })).toHaveLength(1);
  expect(outcome()).toEqual(DELIVERED_ONCE);
});

test('a claim whose missing member the sender has replaced since is undone, and the envelope claimed anew', async () => {
  const left = halfClaim();
  copyFileSync(left, `${left}.tmp`);
  renameSync(`${left}.tmp`, left);
  const daemon = await host.start();
  expect(daemon.said({ message: 'claim undone', envelope: id })).toHaveLength(1);
  await daemon.saying({ message: 'delivered' });
  expect(await daemon.stop()).toBe(0);
  expect(outcome()).toEqual({ ...DELIVERED_ONCE, delivered: ['report.csv'] });
});

test('a claim one of whose names is in use again gives nothing back: old and new members never mix', async () => {
  rmSync(halfClaim());
  const newer = seal(host, { plaintext: 'a newer one' });
  copyFileSync(newer.wrappedKey, flatPath(host, 'report.csv', 'wrappedKey'));
  const daemon = await host.start();
  await daemon.saying({ message: 'quarantined', code: 'incomplete-envelope', envelope: id });
  expect(readdirSync(host.landing)).toEqual(['report.csv.key.enc']);
  expect(readFileSync(flatPath(host, 'report.csv', 'wrappedKey'))).toEqual(readFileSync(newer.wrappedKey));
  expect(host.members('quarantine', id)).toEqual(['report.csv.enc', 'report.csv.key.enc']);
  const kept = join(host.spool, 'quarantine', id, 'members', 'report.csv.key.enc');
  expect(readFileSync(kept)).toEqual(readFileSync(triple.wrappedKey));
});

test('an envelope whose record cannot be read is left alone and holds up no other', async () => {
  writeFileSync(join(claimed(), 'claim.json'), '{');
  const daemon = await restart();
  expect(daemon.said({ message: 'cannot be recovered; look into it' })).toHaveLength(1);
  expect(host.delivered()).toEqual(['last']);
  expect(host.inState('claimed')).toEqual([id]);
});

const LARGE = 200 * 2 ** 20;

async function partExists(): Promise<boolean> {
  const names = await readdir(host.delivery);
  const found = names.find((name) => name.endsWith('.part'));
  return found !== undefined && (await stat(join(host.delivery, found))).size > 0;
}

test('kill -9 in the middle of a large decryption delivers once, whole', async () => {
  rmSync(claimed(), { recursive: true });
  const plaintext = Buffer.alloc(LARGE, 'all work and no play ');
  const daemon = await host.start();
  upload(host, 'large', seal(host, { plaintext }));
  await vi.waitUntil(partExists, { timeout: 30_000, interval: 1 });
  await daemon.kill();
  expect(daemon.said({ message: 'delivered' })).toEqual([]);
  const next = await host.start();
  await next.saying({ message: 'delivered', file: join(host.delivery, 'large') });
  expect(await next.stop()).toBe(0);
  expect(host.delivered()).toEqual(['large']);
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  expect(digest(readFileSync(join(host.delivery, 'large')))).toBe(digest(plaintext));
  expect(spoolContent()).toEqual([]);
});
