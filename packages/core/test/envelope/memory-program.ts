/** Seals and opens 1 GiB in a process of its own, and prints the most memory that it ever held. */
import { generateKeyPairSync } from 'node:crypto';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_PARAMETERS, oaepWith, openEnvelope, openLocalKey, sealEnvelope } from '@sealdrop/core';

const [, , directory = '.', size = '0'] = process.argv;

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keyPath = join(directory, 'private.pem');
writeFileSync(keyPath, privateKey.export({ type: 'pkcs8', format: 'pem' }));

const source = join(directory, 'source');
writeFileSync(source, '');
truncateSync(source, Number(size));

const { members, plaintextSize } = await sealEnvelope(source, {
  publicKey,
  parameters: DEFAULT_PARAMETERS,
  oaep: oaepWith('sha256'),
  name: 'large',
  directory,
  layout: 'flat',
  manifest: 'write',
  existing: 'refuse',
});
const envelope = await openEnvelope(members, { keys: [await openLocalKey(keyPath)] });
const written = await envelope.writePlaintext(join(directory, 'plaintext'));
envelope.dispose();

// KiB on every platform (Node.js documentation, process.resourceUsage).
process.stdout.write(
  JSON.stringify({ sealed: plaintextSize, opened: written.size, peakKiB: process.resourceUsage().maxRSS }),
);
