/** What a diagnosis starts from: what the envelope says of itself, and its files as they lie there. */
import { SealdropError, toSealdropError } from '../errors.ts';
import { MAXIMUM_WRAPPED_KEY_SIZE, readWrappedKey } from '../keys/read-wrapped-key.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import { DEFAULT_PARAMETERS } from '../openssl/parameters.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import { isAppendedToItself } from './doubled-payload.ts';
import type { EnvelopeMembers } from './naming.ts';
import { samplePayload } from './payload-sample.ts';
import type { PayloadSample } from './payload-sample.ts';
import { payloadSizeOnDisk, readMember } from './read-member.ts';
import { readStatement } from './statement.ts';
import type { Statement } from './statement.ts';

export interface StatementOptions {
  readonly parameters?: EncParameters | undefined;
  readonly defaultParameters?: EncParameters | undefined;
  readonly oaep?: OaepParameters | undefined;
}

export interface DiagnosisFacts {
  readonly statement: Statement;
  /** Why note or manifest could not be understood; null when they could, or there is none. */
  readonly statementFault: SealdropError | null;
  readonly order: 'as-named' | 'swapped';
  /** In the order of roles, whatever the names. */
  readonly payloadPath: string;
  readonly wrappedKeyPath: string;
  readonly wrappedKey: Buffer;
  readonly payload: PayloadSample;
  /** Both files have the same bytes. */
  readonly isSameFileTwice: boolean;
  readonly isAppendedToItself: boolean;
}

/** @throws SealdropError of the operating system; `usage` for a payload that is no regular file; `bad-name` */
export async function readFacts(members: EnvelopeMembers, options: StatementOptions): Promise<DiagnosisFacts> {
  const stated = await readStatementOrDefault(members, options);
  const order = await orderOf(members);
  const payloadPath = order === 'swapped' ? members.wrappedKey : members.payload;
  const wrappedKeyPath = order === 'swapped' ? members.payload : members.wrappedKey;
  const payload = await samplePayload(payloadPath, await sizeOf(payloadPath));
  const wrappedKey = await readMember(wrappedKeyPath, MAXIMUM_WRAPPED_KEY_SIZE);
  return {
    ...stated,
    order,
    payloadPath,
    wrappedKeyPath,
    wrappedKey,
    payload,
    isSameFileTwice: payload.size > 0 && payload.size === wrappedKey.length && payload.beginning.equals(wrappedKey),
    isAppendedToItself: await isAppendedToItself(payloadPath, payload.size),
  };
}

async function readStatementOrDefault(
  members: EnvelopeMembers,
  options: StatementOptions,
): Promise<Pick<DiagnosisFacts, 'statement' | 'statementFault'>> {
  const source = { ...members, ...options };
  try {
    return { statement: await readStatement(source), statementFault: null };
  } catch (error) {
    const statementFault = toSealdropError(error);
    if (statementFault.blame !== 'sender') throw statementFault;
    const defaultParameters = options.defaultParameters ?? DEFAULT_PARAMETERS;
    const statement = await readStatement({ ...source, note: null, manifest: null, defaultParameters });
    return { statement, statementFault };
  }
}

async function sizeOf(path: string): Promise<number> {
  const size = await payloadSizeOnDisk(path);
  if (size !== null) return size;
  throw new SealdropError('usage', `${path}: only a regular file can be diagnosed`);
}

/** Swapped when each file can only be the other: the one named payload reads as a wrapped key, and the one named wrapped key does not. */
async function orderOf({ payload, wrappedKey }: EnvelopeMembers): Promise<DiagnosisFacts['order']> {
  const size = await sizeOf(payload);
  if (size > MAXIMUM_WRAPPED_KEY_SIZE) return 'as-named';
  return (await isWrappedKey(payload)) && !(await isWrappedKey(wrappedKey)) ? 'swapped' : 'as-named';
}

async function isWrappedKey(path: string): Promise<boolean> {
  const contents = await readMember(path, MAXIMUM_WRAPPED_KEY_SIZE);
  try {
    readWrappedKey(contents, path);
    return true;
  } catch {
    return false;
  }
}
