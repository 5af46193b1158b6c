/** A thread that does for some seconds what an envelope cannot do without, and says how many milliseconds each took. */
import { type KeyObject, pbkdf2Sync, privateDecrypt } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

export interface CryptographyWork {
  readonly privateKey: KeyObject;
  /** With OAEP and SHA-256. */
  readonly wrapped: Uint8Array;
  readonly passphraseLength: number;
}

/** Milliseconds. */
const DURATION = 3000;
const ITERATIONS = 10_000;
const KEY_AND_IV = 48;

const { privateKey, wrapped, passphraseLength } = workerData as CryptographyWork;
const passphrase = Buffer.alloc(passphraseLength, 'x');
const began = performance.now();
let done = 0;
for (; performance.now() - began < DURATION; done++) {
  pbkdf2Sync(passphrase, '8 octets', ITERATIONS, KEY_AND_IV, 'sha256');
  privateDecrypt({ key: privateKey, oaepHash: 'sha256' }, wrapped);
}
const time = (performance.now() - began) / done;
const port = parentPort;
port?.postMessage(time);
