/** From the unwrapped key file to the passphrase that opens the payload. */
import { SealdropError } from '../errors.ts';
import { canProbePadding, probePadding } from '../openssl/probe-padding.ts';
import { readPassphrase } from '../openssl/passphrase.ts';
import { endsOfArmored, tailOf } from '../openssl/payload-tail.ts';
import type { PayloadTail } from '../openssl/payload-tail.ts';
import type { LocatedPayload } from './locate-payload.ts';
import type { Statement } from './statement.ts';
import { PayloadCheck } from './verification.ts';

/** Bytes. A shorter passphrase is `weak-key`: whoever has the payload could guess it. */
export const MINIMUM_PASSPHRASE_LENGTH = 16;

const CR = 0x0d;

export interface ChoiceOptions {
  readonly statement: Statement;
  readonly payload: LocatedPayload;
  readonly weakKeys: 'refuse' | 'allow';
  readonly maximumIterations: number | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface ChosenPassphrase {
  /** Zero it when done. With a raw key, the key file. */
  readonly passphrase: Buffer;
  readonly repairs: readonly string[];
}

const REPAIR = 'the carriage return at the end of the key file was left out (a key file with Windows line ends)';

/**
 * Takes the passphrase as openssl's own rule does; one that ends in CR is tried without it where it does not open the payload as it is
 * (DESIGN section 2). What opens a payload is told by its MAC, else by its padding; nothing can tell for a payload without either.
 * @throws SealdropError `weak-key`, `bad-key-file`
 */
export async function choosePassphrase(keyFile: Buffer, options: ChoiceOptions): Promise<ChosenPassphrase> {
  const { parameters } = options.statement;
  if (parameters.keyDerivation.method === 'raw-key') return { passphrase: Buffer.from(keyFile), repairs: [] };
  const asItIs = readPassphrase(keyFile, parameters.passphraseRule);
  const endsInCarriageReturn = parameters.passphraseRule === 'file' && asItIs.at(-1) === CR;
  const repaired = endsInCarriageReturn && (await withoutCarriageReturnFits(asItIs, options));
  const passphrase = repaired ? asItIs.subarray(0, -1) : asItIs;
  if (options.weakKeys === 'refuse' && passphrase.length < MINIMUM_PASSPHRASE_LENGTH) throw weakKey(passphrase.length);
  return { passphrase, repairs: repaired ? [REPAIR] : [] };
}

function weakKey(length: number): SealdropError {
  const why =
    length === 0
      ? 'the key file begins with a line end, so openssl encrypted under an empty password'
      : `the passphrase has only ${length} bytes`;
  return new SealdropError('weak-key', `${why}: others can read this payload`, {
    hint: 'ask the sender for a new one with a text key file: openssl rand -base64 32 > key.bin',
    details: { length, minimumLength: MINIMUM_PASSPHRASE_LENGTH },
  });
}

async function withoutCarriageReturnFits(asItIs: Buffer, options: ChoiceOptions): Promise<boolean> {
  const { statement, payload } = options;
  if (payload.path === null) return false;
  const without = asItIs.subarray(0, -1);
  if (statement.manifest?.mac !== undefined)
    return !(await macFits(asItIs, options)) && (await macFits(without, options));
  if (!canProbePadding(statement.parameters)) return false;
  const tail = await readTail(options);
  if (tail === null) return false;
  // A wrong passphrase passes with padding of length n once in 256^n times: of two that pass, the longer padding is the likelier.
  return (await paddingLengthWith(without, tail, options)) > (await paddingLengthWith(asItIs, tail, options));
}

/** Null for a payload that will not decrypt with any passphrase: decrypting it says why. */
async function readTail({ payload, statement, signal }: ChoiceOptions): Promise<PayloadTail | null> {
  const { parameters } = statement;
  const ends =
    parameters.armor === 'none'
      ? await payload.readEnds()
      : await endsOfArmored(payload.read({ signal })).catch(() => null);
  try {
    return ends === null ? null : tailOf(ends, parameters);
  } catch {
    return null;
  }
}

async function macFits(passphrase: Buffer, { statement, payload, signal }: ChoiceOptions): Promise<boolean> {
  const { manifest, parameters, plaintextName } = statement;
  if (manifest === null) return false;
  const check = new PayloadCheck(manifest, payload.name, { parameters, plaintextName, passphrase });
  for await (const chunk of payload.read({ signal })) check.update(chunk);
  try {
    check.finish();
    return true;
  } catch {
    return false;
  }
}

/** 0 when the padding is not valid. */
async function paddingLengthWith(secret: Buffer, tail: PayloadTail, options: ChoiceOptions): Promise<number> {
  const { statement, maximumIterations } = options;
  return (await probePadding(statement.parameters, { secret, ...tail, maximumIterations })) ?? 0;
}
