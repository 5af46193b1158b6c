/** What an envelope is made of, as far as it shows without the key. */
import { basename } from 'node:path';
import { stat } from 'node:fs/promises';
import { aboutSubject, toSealdropError } from '../errors.ts';
import { MAXIMUM_WRAPPED_KEY_SIZE, readWrappedKey } from '../keys/read-wrapped-key.ts';
import { formatOaep } from '../keys/oaep-parameters.ts';
import { createArmorDecoder } from '../openssl/armor.ts';
import { ARMORED_MAGIC, MAGIC, parseHeader, readAsText } from '../openssl/header.ts';
import { formatFlags } from '../openssl/parameters.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import { plaintextNameOf } from './naming.ts';
import type { EnvelopeMembers } from './naming.ts';
import { payloadSizeOnDisk, readMember } from './read-member.ts';
import { readManifest, readStatement } from './statement.ts';
import type { OaepSource, ParametersSource, Statement } from './statement.ts';
import { checkPayloadSize } from './verification.ts';

export interface InspectedFile {
  readonly path: string;
  /** Bytes; null when it cannot be read. */
  readonly size: number | null;
}

export interface InspectionProblem {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
}

export interface Inspection {
  readonly members: Readonly<Record<keyof EnvelopeMembers, InspectedFile | null>>;
  /** Null when the name cannot be used. */
  readonly plaintextName: string | null;
  /** Parameters as openssl flags, with where they come from; null when nothing says them. */
  readonly parameters: { readonly flags: string; readonly source: ParametersSource } | null;
  /** Hashes in the order in which they will be tried. */
  readonly oaep: { readonly candidates: readonly string[]; readonly source: OaepSource } | null;
  readonly wrappedKey: { readonly modulusBits: number; readonly encoding: 'binary' | 'base64' } | null;
  readonly payload: {
    readonly header: 'salted' | 'none';
    readonly armored: boolean;
    readonly saltHex: string | null;
  } | null;
  /** Whether a manifest MAC will vouch for the payload. */
  readonly mac: 'present' | 'absent';
  readonly publicKeySha256: string | null;
  /** Whom the manifest names as the sender; nothing has been verified. */
  readonly sender: string | null;
  /** What is wrong as far as it shows without the key; empty when nothing is. */
  readonly problems: readonly InspectionProblem[];
}

const BITS_PER_BYTE = 8;
const DEFAULT_SALT_LENGTH = 8;
const BEGINNING_SIZE = 64;

type Attempt = <Result>(work: () => Promise<Result>) => Promise<Result | null>;

/**
 * Says what an envelope is made of, without any key. Problems are reported, not thrown.
 * @param parameters used instead of what note or manifest say
 */
export async function inspectEnvelope(members: EnvelopeMembers, parameters?: EncParameters): Promise<Inspection> {
  const problems: InspectionProblem[] = [];
  const attempt: Attempt = async (work) => {
    try {
      return await work();
    } catch (error) {
      const { code, message, hint } = toSealdropError(error);
      if (problems.every((problem) => problem.message !== message))
        problems.push({ code, message, hint: hint ?? null });
      return null;
    }
  };
  // Without the payload's name, which may be the only thing that is wrong.
  const statement = await attempt(() => readStatement({ ...members, payload: null, parameters }));
  const wrappedKey = await attempt(() => inspectWrappedKey(members.wrappedKey));
  const payload = await attempt(() => inspectPayload(members.payload));
  await attempt(() => checkSize(members));
  if (statement !== null) await attempt(() => checkBeginning(members.payload, statement.parameters));
  const stated = statement?.manifest?.plaintext.name;
  const plaintextName = stated ?? (await attempt(async () => plaintextNameOf(basename(members.payload))));
  return { members: await inspectFiles(members), plaintextName, wrappedKey, payload, ...describe(statement), problems };
}

function describe(
  statement: Statement | null,
): Pick<Inspection, 'parameters' | 'oaep' | 'mac' | 'publicKeySha256' | 'sender'> {
  if (statement === null) return { parameters: null, oaep: null, mac: 'absent', publicKeySha256: null, sender: null };
  return {
    parameters: { flags: formatFlags(statement.parameters), source: statement.parametersSource },
    oaep: { candidates: statement.oaepCandidates.map(formatOaep), source: statement.oaepSource },
    mac: statement.manifest?.mac === undefined ? 'absent' : 'present',
    publicKeySha256: statement.manifest?.key.publicKeySha256 ?? null,
    sender: statement.manifest?.sender ?? null,
  };
}

async function inspectWrappedKey(path: string): Promise<Inspection['wrappedKey']> {
  const contents = await readMember(path, MAXIMUM_WRAPPED_KEY_SIZE);
  const wrappedKey = readWrappedKey(contents, path);
  return {
    modulusBits: wrappedKey.length * BITS_PER_BYTE,
    encoding: wrappedKey.equals(contents) ? 'binary' : 'base64',
  };
}

async function inspectPayload(path: string): Promise<Inspection['payload']> {
  const beginning = (await readMember(path, BEGINNING_SIZE)).subarray(0, BEGINNING_SIZE);
  const text = readAsText(beginning);
  const armored = text.startsWith(ARMORED_MAGIC);
  const bytes = armored ? Buffer.from(text, 'base64') : beginning;
  const salted = bytes.subarray(0, MAGIC.length).equals(MAGIC);
  const salt = bytes.subarray(MAGIC.length, MAGIC.length + DEFAULT_SALT_LENGTH);
  return { header: salted ? 'salted' : 'none', armored, saltHex: salted ? salt.toString('hex') : null };
}

/** Whether the payload begins as its parameters call for. */
async function checkBeginning(path: string, parameters: EncParameters): Promise<void> {
  const bytes = await readMember(path, BEGINNING_SIZE);
  const continuation = bytes.length > BEGINNING_SIZE ? 'more-may-follow' : 'complete';
  try {
    const decoder = createArmorDecoder();
    const beginning = parameters.armor === 'none' ? bytes : decoder.update(bytes);
    parseHeader(beginning, parameters.salt, continuation);
  } catch (error) {
    throw aboutSubject(toSealdropError(error), path);
  }
}

async function checkSize(members: EnvelopeMembers): Promise<void> {
  if (members.manifest === null) return;
  const size = await payloadSizeOnDisk(members.payload);
  const manifest = await readManifest(members.manifest).catch(() => null);
  if (size !== null && manifest !== null) checkPayloadSize(size, manifest, members.payload);
}

async function inspectFiles(members: EnvelopeMembers): Promise<Inspection['members']> {
  const file = async (path: string | null): Promise<InspectedFile | null> => {
    if (path === null) return null;
    const status = await stat(path).catch(() => null);
    return { path, size: status?.size ?? null };
  };
  return {
    payload: await file(members.payload),
    wrappedKey: await file(members.wrappedKey),
    note: await file(members.note),
    manifest: await file(members.manifest),
    signature: await file(members.signature),
  };
}
