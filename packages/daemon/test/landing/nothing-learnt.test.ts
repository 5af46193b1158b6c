import { readdirSync, symlinkSync, truncateSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DaemonProcess } from '../daemon-process.ts';
import { Host } from '../host.ts';
import { flatPath, openssl, seal, type Triple, upload } from '../sender.ts';

let host: Host;
let daemon: DaemonProcess;

beforeAll(async () => {
  // Without a key no verdict can be reached, so whatever a sender sees is not a consequence of one.
  host = new Host({ keys: ['file:/nonexistent/key.pem'] });
  daemon = await host.start();
});

afterAll(() => host.close());

function wrappedForAnother(): Triple {
  const other = `${host.folder}/other.pem`;
  openssl('genrsa', '-out', other, '2048');
  openssl('pkey', '-in', other, '-pubout', '-out', `${other}.pub`);
  return seal(host, { plaintext: 'x', publicKey: `${other}.pub` });
}

function truncated(): Triple {
  const triple = seal(host, { plaintext: 'x'.repeat(1000) });
  truncateSync(triple.payload, 1000);
  return triple;
}

test("good or bad in whatever way, an envelope is gone from its sender's sight before anything is known of it", async () => {
  const envelopes: Readonly<Record<string, Triple>> = {
    good: seal(host, { plaintext: 'x' }),
    'wrapped-for-another': wrappedForAnother(),
    'bad-padding': seal(host, {
      plaintext: 'x',
      flags: ['-aes-256-cbc', '-pbkdf2', '-iter', '7'],
      note: '-aes-256-cbc -pbkdf2\n',
    }),
    truncated: truncated(),
    'bad-note': seal(host, { plaintext: 'x', note: 'rot13\n' }),
  };
  for (const [stem, triple] of Object.entries(envelopes)) upload(host, stem, triple);
  symlinkSync('/etc/passwd', flatPath(host, 'twice', 'note').replace('.alg', '.algorithm'));
  upload(host, 'twice', seal(host, { plaintext: 'x' }));
  await daemon.saying({ message: 'claimed' }, 6);
  expect(readdirSync(host.landing)).toEqual([]);
  expect(host.inState('claimed').length + host.inState('quarantine').length).toBe(6);
  expect(host.delivered()).toEqual([]);
});
