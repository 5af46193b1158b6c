/** A payload so large that to look into it takes as long as is allowed. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Host } from '../host.ts';
import { flatPath, openssl } from '../sender.ts';
import { addSecondLanding, type SecondLanding, served } from '../landing/second-landing.ts';

/** Bytes; all but the first are a hole in the file. */
const ENDLESS = 2 ** 43;
/** Bytes that a daemon reads only for the MAC. */
const MUCH = 2 ** 28;

let host: Host;
let quiet: SecondLanding;
let socket: string;

beforeEach(() => {
  host = new Host();
  socket = join(host.folder, 'status.sock');
  host.configure({ landing: 'maximumPayloadSize: 10TiB', settings: `status: {socket: ${socket}}` });
  quiet = addSecondLanding(host);
});

afterEach(() => host.close());

/** Its key is weak, so it is never opened, and in looking into it the MAC is computed over all of it. */
function uploadEndless(stem: string): void {
  const [key, plain] = [join(host.folder, 'key.bin'), join(host.folder, 'text')];
  writeFileSync(key, 'short\n');
  writeFileSync(plain, 'Every kind of file begins with something of its own.\n'.repeat(3000));
  const payload = flatPath(host, stem, 'payload');
  const flags = ['-aes-256-ctr', '-pbkdf2', '-md', 'sha256', '-iter', '10000'];
  openssl('enc', ...flags, '-in', plain, '-out', payload, '-pass', `file:${key}`);
  truncateSync(payload, ENDLESS);
  const wrappedKey = flatPath(host, stem, 'wrappedKey');
  const oaep = ['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', 'rsa_oaep_md:sha256'];
  openssl('pkeyutl', '-encrypt', '-pubin', '-inkey', host.publicKey, '-in', key, '-out', `${key}.enc`, ...oaep);
  copyFileSync(`${key}.enc`, wrappedKey);
  writeFileSync(join(host.landing, `${stem}.manifest.json`), JSON.stringify(manifest(stem)));
}

function manifest(stem: string): object {
  const der = execFileSync('openssl', ['pkey', '-pubin', '-in', host.publicKey, '-outform', 'DER']);
  const digest = execFileSync('openssl', ['dgst', '-sha256', '-r'], { input: der, encoding: 'utf8' });
  return {
    sealdrop: 1,
    payload: { file: `${stem}.enc`, size: ENDLESS },
    key: { file: `${stem}.key.enc`, oaep: 'sha256', publicKeySha256: digest.slice(0, 64) },
    parameters: { cipher: 'aes-256-ctr', kdf: 'pbkdf2', digest: 'sha256', iterations: 10_000 },
    mac: { algorithm: 'hmac-sha256', value: randomBytes(32).toString('hex') },
    plaintext: { name: stem },
  };
}

/** proc_pid_io(5): bytes that it has read until now, holes too. */
function bytesRead(pid: number): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

async function healthz(): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  request({ socketPath: socket, path: '/healthz' }, (response) => void buffer(response).then(resolve, reject))
    .on('error', reject)
    .end();
  return JSON.parse((await promise).toString());
}

test('while it is looked into, others are delivered, the status page answers, and SIGTERM does not wait', async () => {
  uploadEndless('endless');
  const daemon = await host.start();
  await expect.poll(() => bytesRead(daemon.pid)).toBeGreaterThan(MUCH);
  await served(host, daemon, quiet);
  expect(await healthz()).toMatchObject({ alive: true, stuck: [] });
  expect(host.inState('quarantine')).toEqual([]);
  expect(await daemon.stop()).toBe(0);
  expect(host.inState('claimed')).toHaveLength(1);
});
