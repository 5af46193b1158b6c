/** STUB: the contract that the tests of other packages use. */
import type { KeyObject } from 'node:crypto';

/** A fault to answer with instead of serving: an error of KMS, a delay, silence or a cut connection. */
export interface Fault {
  /** Operations it applies to (`Decrypt`, …); all when absent. */
  readonly operation?: string;
  /** Exception name as KMS's `__type` (`ThrottlingException`, …), with the status it comes with. */
  readonly error?: { readonly type: string; readonly message?: string; readonly status?: number };
  /** Milliseconds before the answer. */
  readonly delay?: number;
  /** `hang`: accept and never answer; `reset`: cut the connection. */
  readonly connection?: 'hang' | 'reset';
  /** How many requests it applies to; without it, all until cleared. */
  readonly times?: number;
}

export interface EmulatedKey {
  readonly keyId: string;
  readonly arn: string;
  readonly publicKey: KeyObject;
}

export interface KmsEmulator {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly region: string;
  /** Environment for the SDK and the `aws` command: endpoint, region, dummy credentials, no IMDS. */
  readonly environment: Readonly<Record<string, string>>;
  /** Makes an RSA key without a request; `privateKey` (PEM) imports one instead of generating it. */
  createKey(options?: {
    readonly keySpec?: 'RSA_2048' | 'RSA_3072' | 'RSA_4096';
    readonly alias?: string;
    readonly privateKey?: string;
  }): EmulatedKey;
  setKeyState(keyId: string, state: 'Enabled' | 'Disabled' | 'PendingDeletion' | 'Unavailable' | 'Creating'): void;
  inject(fault: Fault): void;
  clearFaults(): void;
  /** Requests served so far, oldest first. */
  readonly requests: readonly { readonly operation: string; readonly body: unknown; readonly attempt: string | null }[];
  close(): Promise<void>;
}

/** Starts an emulator on a free loopback port (or `port`). */
export async function startKmsEmulator(_options?: {
  readonly port?: number;
  readonly region?: string;
}): Promise<KmsEmulator> {
  throw new Error('not implemented yet');
}
