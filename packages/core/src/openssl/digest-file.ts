/** Digests of a payload file that nothing decrypts. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { toSealdropError } from '../errors.ts';
import { changedWhileRead } from './file-bytes.ts';
import { withInputFile } from './file-pair.ts';
import { Digester, type DigestRequest, type PayloadDigests } from './payload-digests.ts';
import { THREADS_PAY_FROM } from './payload-file.ts';
import { createControl } from './control.ts';
import { shareSecret } from './shared-bytes.ts';
import { summing, together } from './thread-work.ts';
import { WorkerPool } from './worker-pool.ts';

export interface DigestFileOptions {
  /** A regular file. */
  readonly path: string;
  /** Bytes, from its beginning. */
  readonly size: number;
  readonly digests: DigestRequest;
  /** What is behind them: a file that grows is not the one that was looked at. */
  readonly rest: 'refuse' | 'ignore';
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes done so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

const THREADS = 2;
let pool: WorkerPool | undefined;

/** Not those that decrypt: whoever waits for plaintext is not to wait for this. */
function digestingPool(): WorkerPool {
  pool ??= new WorkerPool(THREADS);
  return pool;
}

/**
 * Large files are read on a thread of their own: a process has one thread for everything else.
 * @throws SealdropError `cancelled`, `hostile-file` when the file has not so many bytes, those of the operating system
 */
export async function digestFile(options: DigestFileOptions): Promise<PayloadDigests> {
  const { path, size, rest } = options;
  const digests = await (size < THREADS_PAY_FROM ? digestHere(options) : digestOnThread(options));
  if (rest === 'refuse' && (await stat(path)).size > size) throw changedWhileRead({ name: path }, { size });
  return digests;
}

async function digestHere({ path, size, digests, signal, onProgress }: DigestFileOptions): Promise<PayloadDigests> {
  const digester = new Digester(digests);
  let done = 0;
  try {
    if (size > 0) {
      for await (const chunk of createReadStream(path, { end: size - 1, signal }) as AsyncIterable<Buffer>) {
        digester.update(chunk);
        done += chunk.length;
        onProgress?.(done);
      }
    }
  } catch (error) {
    throw toSealdropError(error, path);
  }
  if (done < size) throw changedWhileRead({ name: path }, { size: done });
  return digester.digests();
}

function digestOnThread(options: DigestFileOptions): Promise<PayloadDigests> {
  const { path, size, signal } = options;
  return withInputFile(path, async ({ descriptor, name }) => {
    const control = createControl();
    const hmacKey = options.digests.hmacKey === null ? null : shareSecret(options.digests.hmacKey);
    const digests = { ...options.digests, hmacKey };
    const onProgress = summing((bytes) => options.onProgress?.(bytes));
    const job = { kind: 'digest' as const, input: { descriptor, name }, size, digests, control };
    try {
      const [result] = await digestingPool().lend({ minimum: 1, maximum: 1, signal }, (workers) =>
        together<PayloadDigests[]>(
          control,
          signal,
          workers.map((worker) => worker.run(job, { onProgress })),
        ),
      );
      return result ?? { hmac: null, sha256: null };
    } finally {
      hmacKey?.fill(0);
    }
  });
}
