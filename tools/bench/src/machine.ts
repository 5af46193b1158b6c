/** The machine and its own limits, beside which the results are read. */
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { outputOf } from './measure.ts';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly openssl: string;
}

export async function describeMachine(): Promise<Machine> {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    openssl: (await outputOf(['openssl', 'version'])).toString().trim(),
  };
}

/** Bytes a second on one core, over blocks of 16 KiB, by `openssl speed`. */
export interface CipherLimits {
  readonly encryption: number;
  readonly decryption: number;
  readonly hmac: number;
}

/** The last line of `-mr` output: `+F:0:AES-256-CBC:1190000000.00`. */
async function speed(...words: readonly string[]): Promise<number> {
  const command = ['openssl', 'speed', '-mr', '-seconds', '2', '-bytes', '16384', ...words];
  const text = (await outputOf(command)).toString();
  const found = /^\+F\d*:.*?([\d.]+)\s*$/m.exec(text)?.[1];
  if (found === undefined) throw new Error(`${command.join(' ')} printed no speed`);
  return Number(found);
}

export function measureEncryptionSpeed(): Promise<number> {
  return speed('-evp', 'aes-256-cbc');
}

export async function measureLimits(): Promise<CipherLimits> {
  return {
    encryption: await measureEncryptionSpeed(),
    decryption: await speed('-decrypt', '-evp', 'aes-256-cbc'),
    hmac: await speed('-hmac', 'sha256'),
  };
}
