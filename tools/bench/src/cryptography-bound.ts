/** The bound of the daemon's rate: all cores at what an envelope cannot do without. */
import { publicEncrypt } from 'node:crypto';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { CryptographyWork } from './cryptography-worker.ts';
import type { KeyPair } from './envelope-mold.ts';

const PROGRAM = new URL('cryptography-worker.ts', import.meta.url);
/** Of `openssl rand -base64 32`. */
const PASSPHRASE_LENGTH = 44;

/**
 * Milliseconds from envelope to envelope. Measured with all cores at it at once, as the daemon has them: a core that works alone may be faster, and the machine has
 * then no more of it to give.
 */
export async function measureBound({ publicKey, privateKey }: KeyPair): Promise<number> {
  const wrapped = publicEncrypt({ key: publicKey, oaepHash: 'sha256' }, Buffer.alloc(PASSPHRASE_LENGTH));
  const work: CryptographyWork = { privateKey, wrapped, passphraseLength: PASSPHRASE_LENGTH };
  const times = await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      const [time] = (await once(new Worker(PROGRAM, { workerData: work }), 'message')) as [number];
      return time;
    }),
  );
  return 1 / times.reduce((sum, time) => sum + 1 / time, 0);
}
