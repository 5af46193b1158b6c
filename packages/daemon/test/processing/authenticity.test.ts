/** Whose envelope it is: signatures, and the sender that a manifest names. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sealdropd } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { sealWithManifest } from '../sealed.ts';
import { openssl } from '../sender.ts';

let host: Host;
let signerKey: string;
let signerPublicKey: string;

beforeEach(() => {
  host = new Host();
  [signerKey, signerPublicKey] = newSigner('acme');
  host.configure({ landing: `signature: {publicKeys: [${signerPublicKey}]}` });
});

afterEach(() => host.close());

function newSigner(name: string): [privateKey: string, publicKey: string] {
  const path = join(host.folder, `${name}-signer.pem`);
  openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', path);
  openssl('pkey', '-in', path, '-pubout', '-out', `${path}.pub`);
  return [path, `${path}.pub`];
}

interface Sending {
  readonly signWith?: string;
  readonly sender?: string;
  /** What somebody does to the manifest on its way. */
  readonly tamper?: (manifest: string) => string;
}

/** Signed by openssl; the manifest lands last. */
async function send(name: string, { signWith, sender, tamper }: Sending): Promise<void> {
  const sealed = await sealWithManifest(host, { name, sender }, `${name}\n`);
  if (signWith !== undefined)
    openssl('dgst', '-sha256', '-sign', signWith, '-out', `${sealed.manifest}.sig`, sealed.manifest);
  if (tamper !== undefined) writeFileSync(sealed.manifest, tamper(readFileSync(sealed.manifest, 'utf8')));
  const land = (path: string): void => copyFileSync(path, join(host.landing, basename(path)));
  for (const path of [sealed.payload, sealed.wrappedKey, sealed.note]) land(path);
  if (signWith !== undefined) land(`${sealed.manifest}.sig`);
  land(sealed.manifest);
}

/** The code of the verdict, or `delivered`. */
async function outcome(name: string, sending: Sending): Promise<unknown> {
  await send(name, sending);
  const daemon = await host.start();
  const { message, code } = await daemon.saying(
    (line) => line.message === 'delivered' || line.message === 'quarantined',
  );
  return message === 'delivered' ? message : code;
}

test('with a signature by the expected key it is delivered', async () => {
  expect(await outcome('signed', { signWith: signerKey })).toBe('delivered');
  expect(host.plaintext('signed')).toBe('signed\n');
});

test('without a signature it is missing-signature', async () => {
  expect(await outcome('unsigned', {})).toBe('missing-signature');
  expect(readdirSync(host.delivery)).toEqual([]);
});

test('where it is not required, an envelope without a signature is delivered', async () => {
  host.configure({ landing: `signature: {publicKeys: [${signerPublicKey}], required: false}` });
  expect(await outcome('unsigned', {})).toBe('delivered');
});

test.each([true, false])('a signature by somebody else is bad-signature, required: %s', async (required) => {
  host.configure({ landing: `signature: {publicKeys: [${signerPublicKey}], required: ${required}}, repair: certain` });
  const [other] = newSigner('mallory');
  expect(await outcome('forged', { signWith: other })).toBe('bad-signature');
});

test('a manifest that was changed after it was signed is bad-signature', async () => {
  const tamper = (manifest: string): string => manifest.replace('"name": "changed"', '"name": "another"');
  expect(await outcome('changed', { signWith: signerKey, tamper })).toBe('bad-signature');
});

test("a key that cannot be read is nobody else's fault: envelopes wait until it is there", async () => {
  const kept = readFileSync(signerPublicKey);
  execFileSync('rm', [signerPublicKey]);
  await send('waiting', { signWith: signerKey });
  const daemon = await host.start();
  await daemon.saying({ message: 'not yet', code: 'not-found' });
  expect(host.inState('quarantine')).toEqual([]);
  writeFileSync(signerPublicKey, kept);
  daemon.signal('SIGHUP');
  await daemon.saying({ message: 'delivered' });
});

test('check says of each key of a signature whether it can be used', () => {
  const words = ['check', '--config', host.configFile] as const;
  expect(sealdropd(...words).stdout).toContain(`ok       landing acme: signature ${signerPublicKey}: EC, prime256v1\n`);
  copyFileSync(signerKey, signerPublicKey);
  const { status, stdout } = sealdropd(...words);
  expect(status).toBe(78);
  expect(stdout).toContain(
    `problem  landing acme: signature ${signerPublicKey}: holds a private key, not a public key\n`,
  );
});

test('an envelope that names the landing as its sender is delivered, and one that names another is wrong-sender', async () => {
  host.configure({});
  expect(await outcome('mine', { sender: 'acme' })).toBe('delivered');
  await host.close();
  host = new Host();
  expect(await outcome('moved', { sender: 'globex' })).toBe('wrong-sender');
  expect(host.delivered()).toEqual([]);
});

test('what is wrong-sender is delivered once the setting that its report names is there', async () => {
  host.configure({});
  await send('kit', { sender: 'globex' });
  const daemon = await host.start();
  const { envelope } = await daemon.saying({ message: 'quarantined', code: 'wrong-sender' });
  const setting = / (sender: "[^"]*"),/.exec(host.report(String(envelope)).hint ?? '')?.[1];
  host.configure({ landing: setting ?? '' });
  daemon.signal('SIGHUP');
  await daemon.saying({ message: 'configuration reloaded' });
  sealdropd('quarantine', 'retry', String(envelope), '--config', host.configFile);
  await daemon.saying({ message: 'delivered', envelope });
  expect(host.plaintext('kit')).toBe('kit\n');
});

test('with sender: set, that name counts', async () => {
  host.configure({ landing: "sender: O'Brien & Söhne" });
  expect(await outcome('named', { sender: "O'Brien & Söhne" })).toBe('delivered');
});

test.each([
  ['changed', (manifest: string): string => manifest.replace('"sender": "globex"', '"sender": "acme"')],
  ['left out', (manifest: string): string => manifest.replace(/"sender": "globex",\s*/, '')],
])('a sender that was %s no longer has its MAC', async (name, tamper) => {
  host.configure({ landing: 'repair: certain' });
  expect(await outcome(name.replace(' ', '-'), { sender: 'globex', tamper })).toBe('payload-changed');
});
