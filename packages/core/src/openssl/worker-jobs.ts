/** What is said between the main thread and its workers. */
import type { ErrorCode } from '../errors.ts';
import type { DecryptSharedJob, DigestSharedJob, RangesJob } from './decrypt-jobs.ts';
import type { Carried, CarryJob, EncryptJob } from './encrypt-jobs.ts';
import type { DeriveJob } from './derive-job.ts';
import type { DigestJob } from './digest-job.ts';
import type { PayloadDigests } from './payload-digests.ts';

export type Job = RangesJob | DigestSharedJob | DecryptSharedJob | EncryptJob | CarryJob | DigestJob | DeriveJob;

/** What each kind of job gives. Numbers are the bytes of plaintext. */
export interface JobResults {
  'decrypt-ranges': number;
  'digest-shared': PayloadDigests;
  'decrypt-shared': number;
  encrypt: number;
  'read-digest-and-write': Carried;
  digest: PayloadDigests;
  derive: null;
}

export type FailedJob =
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly hint: string | undefined;
      readonly details: Readonly<Record<string, string | number>>;
    }
  /** Somebody else's failure ended the work. */
  | { readonly kind: 'stopped' };

export type JobMessage =
  | { readonly kind: 'progress'; readonly bytes: number }
  | { readonly kind: 'done'; readonly result: JobResults[Job['kind']] }
  | FailedJob;
