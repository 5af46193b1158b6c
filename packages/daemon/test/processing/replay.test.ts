/** The same wrapped key a second time: who is delivered, and who is a replay. */
import { copyFileSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DaemonProcess, sealdropd } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { sealWithManifest } from '../sealed.ts';
import { flatPath, seal, type Triple, upload } from '../sender.ts';

let host: Host;

beforeEach(() => {
  host = new Host({ landing: 'replay: quarantine' });
});

afterEach(() => host.close());

const sealed = (): Triple => seal(host, { plaintext: 'amount\n' });

async function delivered(daemon: DaemonProcess, name: string): Promise<void> {
  await daemon.saying({ message: 'delivered', file: join(host.delivery, name) });
}

/** Base64 text around the wrapped key, as people send it. */
function armored(triple: Triple): Triple {
  const wrappedKey = `${triple.wrappedKey}.txt`;
  writeFileSync(wrappedKey, `${readFileSync(triple.wrappedKey).toString('base64').replaceAll(/.{64}/g, '$&\r\n')}\r\n`);
  return { ...triple, wrappedKey };
}

test('what was delivered once is replayed the second time, under another name and as other text too', async () => {
  const daemon = await host.start();
  const triple = sealed();
  upload(host, 'first.csv', triple);
  await delivered(daemon, 'first.csv');
  upload(host, 'second.csv', armored(triple));
  const { envelope, code } = await daemon.saying({ message: 'quarantined' });
  expect(code).toBe('replayed');
  const report = host.report(String(envelope));
  expect(report.message).toMatch(
    /^its wrapped key is that of the envelope \d{8}T\d{6}-[0-9a-f]{10} of the landing acme, taken up for delivery at /,
  );
  expect(report.diagnosis.senderMessage).toContain('each file needs a new key file');
  expect(host.delivered()).toEqual(['first.csv']);
});

test('a replay is known after a restart', async () => {
  const first = await host.start();
  const triple = sealed();
  upload(host, 'a.csv', triple);
  await delivered(first, 'a.csv');
  expect(await first.stop()).toBe(0);
  upload(host, 'b.csv', triple);
  await (await host.start()).saying({ message: 'quarantined', code: 'replayed' });
});

/** The landing of another sender, with the setting for replays that is usual. */
function addLanding(name: string): string {
  const landing = join(host.folder, name);
  mkdirSync(landing);
  const line = `  - {name: ${name}, directory: ${landing}, delivery: ${host.delivery}, settle: 150ms}`;
  const config = readFileSync(host.configFile, 'utf8');
  writeFileSync(host.configFile, config.replace('landings:\n', `landings:\n${line}\n`));
  return landing;
}

test('who copies an envelope into a landing of their own, and is faster, keeps nothing from being delivered', async () => {
  const globex = addLanding('globex');
  const daemon = await host.start();
  const triple = sealed();
  upload({ landing: globex }, 'copied.csv', triple);
  await delivered(daemon, 'copied.csv');
  upload(host, 'own.csv', triple);
  await delivered(daemon, 'own.csv');
  const warnings = daemon.said({ message: 'delivering though its wrapped key came before' });
  expect(warnings).toEqual([expect.objectContaining({ landing: 'acme', code: 'replayed' })]);
  expect(warnings[0]?.['reason']).toContain('of the landing globex');
});

test('who copies what a manifest vouches for is told from its sender, before and after them', async () => {
  const globex = addLanding('globex');
  const daemon = await host.start();
  const own = await sealWithManifest(host, { name: 'own.csv', sender: 'acme' }, 'amount\n');
  // The manifest names acme, so that a copy does without it.
  upload({ landing: globex }, 'early.csv', own);
  await delivered(daemon, 'early.csv');
  for (const path of [own.manifest, own.payload, own.wrappedKey])
    copyFileSync(path, join(host.landing, basename(path)));
  await delivered(daemon, 'own.csv');
  const initech = addLanding('initech');
  daemon.signal('SIGHUP');
  await daemon.saying({ message: 'configuration reloaded' });
  upload({ landing: initech }, 'late.csv', own);
  await daemon.saying({ message: 'quarantined', landing: 'initech', code: 'replayed' });
  expect(host.delivered().toSorted()).toEqual(['early.csv', 'own.csv']);
});

test('of copies that land at the same moment exactly one is delivered', async () => {
  const triple = sealed();
  const names = Array.from({ length: 8 }, (_, index) => `copy-${index}`);
  for (const name of names) upload(host, name, triple);
  const daemon = await host.start();
  await daemon.saying({ message: 'quarantined', code: 'replayed' }, names.length - 1);
  await daemon.saying({ message: 'delivered' });
  expect(host.delivered()).toHaveLength(1);
  expect(host.inState('quarantine')).toHaveLength(names.length - 1);
});

test.each(['delivery-record.create:kill', 'publish.link:kill', 'delivered.rename:kill'])(
  'an envelope whose delivery was cut off (%s) is no replay of itself',
  async (fault) => {
    upload(host, 'once.csv', sealed());
    const struck = new DaemonProcess(host.configFile, { NODE_ENV: 'test', SEALDROP_FAULT: fault });
    expect(await struck.exited()).toMatchObject({ signal: 'SIGKILL' });
    const daemon = await host.start();
    await expect.poll(() => host.inState('claimed').length + host.inState('delivered').length).toBe(0);
    expect(daemon.said({ message: 'quarantined' })).toEqual([]);
    expect(host.delivered()).toEqual(['once.csv']);
  },
);

test('what failed may be sent again with the same key', async () => {
  const daemon = await host.start();
  const triple = sealed();
  writeFileSync(join(host.delivery, 'taken'), '');
  host.configure({ landing: 'replay: quarantine, collision: quarantine' });
  daemon.signal('SIGHUP');
  await daemon.saying({ message: 'configuration reloaded' });
  upload(host, 'taken', triple);
  await daemon.saying({ message: 'quarantined', code: 'collision' });
  await expect.poll(() => sealdropd('history', '--config', host.configFile).stdout).toContain('collision');
  upload(host, 'free', triple);
  await delivered(daemon, 'free');
});

test('neither a retry nor what was released and uploaded again is a replay', async () => {
  const daemon = await host.start();
  const wrong = seal(host, {
    plaintext: 'amount\n',
    flags: ['-aes-256-cbc', '-pbkdf2', '-iter', '777'],
    note: '-aes-256-cbc -pbkdf2',
  });
  upload(host, 'retried', wrong);
  const { envelope } = await daemon.saying({ message: 'quarantined' });
  sealdropd(
    'quarantine',
    'retry',
    String(envelope),
    '--parameters',
    '-aes-256-cbc -pbkdf2 -iter 777',
    '--config',
    host.configFile,
  );
  await delivered(daemon, 'retried');
  upload(host, 'released', seal(host, { plaintext: 'x\n', note: 'ask Bob\n' }));
  const second = await daemon.saying({ message: 'quarantined' }, 2);
  const out = join(host.folder, 'out');
  mkdirSync(out);
  sealdropd('quarantine', 'release', String(second['envelope']), '--to', out, '--config', host.configFile);
  const members = join(out, String(second['envelope']));
  copyFileSync(join(members, 'released.enc'), flatPath(host, 'released', 'payload'));
  copyFileSync(join(members, 'released.key.enc'), flatPath(host, 'released', 'wrappedKey'));
  writeFileSync(flatPath(host, 'released', 'note'), '-aes-256-cbc -pbkdf2\n');
  await delivered(daemon, 'released');
  expect(host.inState('quarantine')).toEqual([]);
});

test('a replay that the operator retries is delivered; one that failed for another reason and is retried still is one', async () => {
  const daemon = await host.start();
  const triple = sealed();
  upload(host, 'first', triple);
  await delivered(daemon, 'first');
  upload(host, 'wanted', triple);
  const { envelope } = await daemon.saying({ message: 'quarantined', code: 'replayed' });
  sealdropd('quarantine', 'retry', String(envelope), '--config', host.configFile);
  await delivered(daemon, 'wanted');
  writeFileSync(triple.note, 'ask Bob\n');
  upload(host, 'disguised', triple);
  const disguised = await daemon.saying({ message: 'quarantined', code: 'bad-note' });
  const retry = ['quarantine', 'retry', String(disguised['envelope']), '--parameters', '-aes-256-cbc -pbkdf2'];
  sealdropd(...retry, '--config', host.configFile);
  await daemon.saying({ message: 'quarantined', envelope: disguised['envelope'], code: 'replayed' });
  expect(host.delivered()).toEqual(['first', 'wanted']);
});

test.each([
  ['warn', 1],
  ['allow', 0],
])('with replay: %s it is delivered, with %i warnings', async (setting, warnings) => {
  host.configure({ landing: `replay: ${setting}` });
  const daemon = await host.start();
  const triple = sealed();
  upload(host, 'first', triple);
  await delivered(daemon, 'first');
  upload(host, 'second', triple);
  await delivered(daemon, 'second');
  expect(daemon.said({ message: 'delivering though its wrapped key came before', code: 'replayed' })).toHaveLength(
    warnings,
  );
});

test('while the ledger cannot be written an envelope waits, and is delivered afterwards', async () => {
  mkdirSync(host.spool);
  mkdirSync(join(host.spool, 'ledger.db'));
  const daemon = await host.start();
  upload(host, 'patient', sealed());
  await daemon.saying({ message: 'not yet' });
  expect(host.delivered()).toEqual([]);
  rmdirSync(join(host.spool, 'ledger.db'));
  daemon.signal('SIGHUP');
  await delivered(daemon, 'patient');
});
