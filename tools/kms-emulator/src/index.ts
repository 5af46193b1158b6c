/**
 * A loopback server that speaks the protocol of AWS KMS, for tests and for trying Sealdrop without AWS. It is no
 * security product: it checks no signature and no policy, and keeps its keys in memory.
 *
 * `startKmsEmulator()` is the whole of it:
 *
 * ```ts
 * const kms = await startKmsEmulator();
 * const { arn, publicKey } = kms.createKey({ alias: 'inbound' });
 * const client = spawn('aws', ['kms', 'list-aliases'], { env: { ...process.env, ...kms.environment } });
 * kms.inject({ operation: 'Decrypt', error: { type: 'ThrottlingException' }, times: 2 });
 * await kms.close();
 * ```
 */
export { startKmsEmulator } from './emulator.ts';
export type { EmulatedKey, EmulatedKeyOptions, KmsEmulator, KmsEmulatorOptions } from './emulator.ts';
export type { Fault } from './faults.ts';
export type { RsaKeySpec } from './key-material.ts';
export type { KeyState } from './key-store.ts';
export type { RecordedRequest } from './request-log.ts';
