/** A thread that does for two seconds what an envelope cannot do without, and says how many milliseconds each took (median). */
import { type KeyObject, pbkdf2Sync, privateDecrypt } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { median } from './measure.ts';

export interface CryptographyWork {
  readonly privateKey: KeyObject;
  /** With OAEP and SHA-256. */
  readonly wrapped: Uint8Array;
  readonly passphraseLength: number;
}

const DURATION = 2000;
const ITERATIONS = 10_000;
const KEY_AND_IV = 48;

const { privateKey, wrapped, passphraseLength } = workerData as CryptographyWork;
const passphrase = Buffer.alloc(passphraseLength, 'x');
const times: number[] = [];
for (const end = performance.now() + DURATION; performance.now() < end;) {
  const began = performance.now();
  pbkdf2Sync(passphrase, '8 octets', ITERATIONS, KEY_AND_IV, 'sha256');
  privateDecrypt({ key: privateKey, oaepHash: 'sha256' }, wrapped);
  times.push(performance.now() - began);
}
const port = parentPort;
port?.postMessage(median(times));
