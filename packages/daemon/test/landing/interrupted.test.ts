import {
  appendFileSync,
  closeSync,
  copyFileSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LogLine } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { sealWithManifest } from '../sealed.ts';
import { flatPath, MEMBERS, seal, upload } from '../sender.ts';

let host: Host;

beforeEach(() => {
  host = new Host();
});

afterEach(() => host.close());

function land(path: string): void {
  copyFileSync(path, join(host.landing, basename(path)));
}

const holds =
  (...files: readonly string[]) =>
  (line: LogLine): boolean =>
    line.message === 'incomplete' && JSON.stringify(line['files']) === JSON.stringify(files);

test('with a manifest, an upload that broke off waits to be resumed, however long it stands still', async () => {
  host.configure({ settle: '0s' });
  const daemon = await host.start();
  const sealed = await sealWithManifest(host, 'resumed.csv', 'first half, second half\n'.repeat(100));
  const bytes = readFileSync(sealed.payload);
  const payload = join(host.landing, basename(sealed.payload));
  writeFileSync(payload, bytes.subarray(0, 1000));
  for (const path of [sealed.manifest, sealed.wrappedKey, sealed.note]) land(path);
  // Another envelope goes its whole way meanwhile: the scan has seen the broken one, and it has stood still longer than it must.
  upload(host, 'meanwhile', seal(host, { plaintext: 'x' }));
  await daemon.saying({ message: 'delivered' });
  expect(readFileSync(payload)).toHaveLength(1000);
  appendFileSync(payload, bytes.subarray(1000));
  await daemon.saying({ message: 'delivered' }, 2);
  expect(host.plaintext('resumed.csv')).toBe('first half, second half\n'.repeat(100));
  expect(host.inState('quarantine')).toEqual([]);
});

test('an upload that is never resumed is quarantined after incompleteAfter, and the report tells how much is missing', async () => {
  host.configure({ settings: 'incompleteAfter: 300ms', settle: '0s' });
  const sealed = await sealWithManifest(host, 'broken.csv', 'x'.repeat(1000));
  writeFileSync(join(host.landing, basename(sealed.payload)), readFileSync(sealed.payload).subarray(0, 500));
  for (const path of [sealed.manifest, sealed.wrappedKey, sealed.note]) land(path);
  const daemon = await host.start();
  const { envelope } = await daemon.saying({ message: 'quarantined', code: 'truncated-payload' });
  expect(host.report(String(envelope)).message).toMatch(/has 500 bytes; the manifest says 1024/);
});

test('a payload that is overwritten in place is delivered as it was last', async () => {
  const daemon = await host.start();
  const [first, last] = [seal(host, { plaintext: 'first\n'.repeat(500) }), seal(host, { plaintext: 'last\n' })];
  const writer = openSync(flatPath(host, 'again.csv', 'payload'), 'w');
  writeSync(writer, readFileSync(first.payload));
  copyFileSync(last.wrappedKey, flatPath(host, 'again.csv', 'wrappedKey'));
  copyFileSync(last.note, flatPath(host, 'again.csv', 'note'));
  await daemon.saying({ message: 'still being written' });
  ftruncateSync(writer, 0);
  writeSync(writer, readFileSync(last.payload), 0, undefined, 0);
  closeSync(writer);
  await daemon.saying({ message: 'delivered' });
  expect(host.plaintext('again.csv')).toBe('last\n');
});

test('a member that is deleted midway is waited for again, and the envelope is delivered once it is back', async () => {
  const daemon = await host.start();
  const triple = seal(host, { plaintext: 'back again\n' });
  copyFileSync(triple.payload, flatPath(host, 'gone.csv', 'payload'));
  copyFileSync(triple.note, flatPath(host, 'gone.csv', 'note'));
  await daemon.saying(holds('gone.csv.enc', 'gone.csv.alg'));
  rmSync(flatPath(host, 'gone.csv', 'payload'));
  await daemon.saying(holds('gone.csv.alg'));
  copyFileSync(triple.wrappedKey, flatPath(host, 'gone.csv', 'wrappedKey'));
  await daemon.saying(holds('gone.csv.key.enc', 'gone.csv.alg'));
  copyFileSync(triple.payload, flatPath(host, 'gone.csv', 'payload'));
  await daemon.saying({ message: 'delivered' });
  expect(host.delivered()).toEqual(['gone.csv']);
  expect(host.plaintext('gone.csv')).toBe('back again\n');
});

test('members that are renamed to another stem, one by one, make one envelope under the last name', async () => {
  host.configure({ settle: '1h' });
  const daemon = await host.start();
  upload(host, 'draft.csv', seal(host, { plaintext: 'renamed\n' }));
  for (const member of MEMBERS) renameSync(flatPath(host, 'draft.csv', member), flatPath(host, 'final.csv', member));
  await daemon.kill();
  host.configure({});
  const next = await host.start();
  await next.saying({ message: 'delivered' });
  expect(host.delivered()).toEqual(['final.csv']);
});

test('a late member finds its envelope again after a restart', async () => {
  const triple = seal(host, { plaintext: 'patience\n' });
  const daemon = await host.start();
  copyFileSync(triple.payload, flatPath(host, 'late.csv', 'payload'));
  copyFileSync(triple.wrappedKey, flatPath(host, 'late.csv', 'wrappedKey'));
  await daemon.saying(holds('late.csv.enc', 'late.csv.key.enc'));
  await daemon.stop();
  copyFileSync(triple.note, flatPath(host, 'late.csv', 'note'));
  const next = await host.start();
  await next.saying({ message: 'delivered' });
  expect(host.plaintext('late.csv')).toBe('patience\n');
});

test('a manifest that comes before the members have settled joins them', async () => {
  host.configure({ settle: '1h' });
  const daemon = await host.start();
  const sealed = await sealWithManifest(host, 'joined.csv', 'joined\n');
  for (const path of [sealed.payload, sealed.wrappedKey, sealed.note, sealed.manifest]) land(path);
  const { files } = await daemon.saying({ message: 'claimed' });
  expect(files).toContain('joined.csv.manifest.json');
  await daemon.saying({ message: 'delivered' });
});

test('a manifest that comes after the claim is told to be too late, and is quarantined as incomplete', async () => {
  host.configure({ settings: 'incompleteAfter: 1s' });
  const daemon = await host.start();
  const sealed = await sealWithManifest(host, 'hasty.csv', 'hasty\n');
  for (const path of [sealed.payload, sealed.wrappedKey, sealed.note]) land(path);
  const { envelope } = await daemon.saying({ message: 'delivered' });
  land(sealed.manifest);
  await daemon.saying({ message: 'came too late: its envelope was claimed without it', envelope });
  const { envelope: remains } = await daemon.saying({ message: 'quarantined', code: 'incomplete-envelope' });
  expect(host.members('quarantine', String(remains))).toEqual(['hasty.csv.manifest.json']);
  expect(readdirSync(host.landing)).toEqual([]);
});
