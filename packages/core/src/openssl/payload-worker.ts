/** The program of a worker thread (`worker-pool.ts` starts it): one job after the other, until the process ends. */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { SealdropError, toSealdropError } from '../errors.ts';
import { Stopped } from './control.ts';
import { decryptRanges, decryptShared, digestShared, type Report } from './decrypt-jobs.ts';
import { deriveHere } from './derive-job.ts';
import { digest } from './digest-job.ts';
import { encryptPieces, readDigestAndWrite } from './encrypt-jobs.ts';
import type { FailedJob, Job, JobMessage, JobResults } from './worker-jobs.ts';
import type { ThreadSettings } from './worker-pool.ts';

/** Bytes between two reports: so few that they cost nothing. */
const REPORT_INTERVAL = 16 * 1024 * 1024;

function sparingly(report: Report): Report {
  let pending = 0;
  return (bytes) => {
    pending += bytes;
    if (pending < REPORT_INTERVAL) return;
    report(pending);
    pending = 0;
  };
}

function work(job: Job, report: Report): JobResults[Job['kind']] {
  switch (job.kind) {
    case 'decrypt-ranges':
      return decryptRanges(job, report);
    case 'digest-shared':
      return digestShared(job, report);
    case 'decrypt-shared':
      return decryptShared(job);
    case 'encrypt':
      return encryptPieces(job, report);
    case 'read-digest-and-write':
      return readDigestAndWrite(job);
    case 'digest':
      return digest(job, report);
    case 'derive':
      return deriveHere(job);
    default:
      return job satisfies never;
  }
}

/** An error loses its own fields between threads. */
function describe(error: unknown): FailedJob {
  if (error instanceof Stopped) return { kind: 'stopped' };
  const { code, message, hint, details } = toSealdropError(error);
  return { kind: 'failed', code, message, hint, details };
}

function answer(job: Job, post: (message: JobMessage) => void): void {
  try {
    const result = work(
      job,
      sparingly((bytes) => post({ kind: 'progress', bytes })),
    );
    post({ kind: 'done', result });
  } catch (error) {
    post(describe(error));
  } finally {
    if ('port' in job) job.port.close();
  }
}

/** Of this thread, as its process wants it. Where that is not allowed, all stays as it is. */
function takePriority({ priority }: ThreadSettings): void {
  if (priority === null) return;
  try {
    setPriority(priority);
  } catch {
    // It is a matter of a tenth of the time.
  }
}

takePriority(workerData);
const port = parentPort;
if (port === null) throw new SealdropError('internal', 'payload-worker.ts is not a program of its own');
port.on('message', (job: Job) => answer(job, (message) => port.postMessage(message)));
