/** Making an envelope that stock openssl opens. */
import { constants, publicEncrypt, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SealdropError, toSealdropError } from '../errors.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import { publicKeyFingerprint } from '../keys/public-key.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import { readPassphrase } from '../openssl/passphrase.ts';
import { encryptPayload } from '../openssl/payload-stream.ts';
import { locatePayload } from './locate-payload.ts';
import { formatManifest, manifestParameters, payloadMac } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { checkPlaintextName, memberNames } from './naming.ts';
import type { EnvelopeMembers, MemberRole } from './naming.ts';
import { formatNote } from './note.ts';
import { alreadyExists, moveIntoPlace, pathExists, synchronize, temporaryPathFor } from './output-file.ts';
import type { ExistingFile } from './output-file.ts';
import { observe, writeNewFile } from './payload-reader.ts';

export interface SealOptions {
  /** The receiver's RSA public key. */
  readonly publicKey: KeyObject;
  readonly parameters: EncParameters;
  readonly oaep: OaepParameters;
  /** The plaintext's file name: the stem of the flat layout, `NAME.enc` in a folder. */
  readonly name: string;
  /** Where the members (flat) or the envelope's folder (folder, named like the plaintext) are made. */
  readonly directory: string;
  readonly layout: 'flat' | 'folder';
  readonly manifest: 'write' | 'omit';
  readonly existing: ExistingFile;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of plaintext bytes read so far. */
  readonly onProgress?: ((plaintextBytes: number) => void) | undefined;
}

export interface SealedEnvelope {
  /** Paths. */
  readonly members: EnvelopeMembers;
  /** Bytes. */
  readonly plaintextSize: number;
  readonly payloadSize: number;
}

/** Bytes behind a key file: `openssl rand -base64 32`. */
const KEY_FILE_SECRET_SIZE = 32;

/** All of it is ciphertext or public: as the umask will have it, like any file that openssl writes. */
const MEMBER_MODE = 0o666;

/** Members in the order in which they appear: the manifest last, since with it an envelope counts as complete. */
const ORDER: readonly MemberRole[] = ['payload', 'wrapped-key', 'note', 'manifest'];

/**
 * Makes an envelope that stock openssl opens: a fresh key file as `openssl rand -base64 32` makes it, wrapped, the payload, a note,
 * and a manifest. The members appear at the end, the manifest last; when it rejects, none is left.
 * @param source a path or a stream of plaintext
 * @throws SealdropError `bad-name`, `bad-parameters`, `bad-public-key`, `already-exists`, `not-found`, `disk-full`, `cancelled`, …
 */
export async function sealEnvelope(
  source: string | AsyncIterable<Uint8Array>,
  options: SealOptions,
): Promise<SealedEnvelope> {
  const paths = plannedPaths(options);
  if (options.existing === 'refuse') await refuseExisting(options, paths);
  const staging = temporaryPathFor(join(options.directory, options.name));
  try {
    await makeStaging(staging, options.directory);
    const sealed = await writeMembers(source, options, staging);
    await publish(staging, options, paths);
    return { members: membersAt(paths, options), ...sealed };
  } catch (error) {
    throw toSealdropError(error, options.directory);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function makeStaging(staging: string, directory: string): Promise<void> {
  try {
    await mkdir(staging, { mode: 0o700 });
  } catch (error) {
    const failure = toSealdropError(error, directory);
    if (failure.code !== 'not-found') throw failure;
    const hint = `make it first: mkdir -p ${directory}`;
    throw new SealdropError('cannot-create', `${directory}: no such directory to write to`, { hint, cause: error });
  }
}

type MemberPaths = Readonly<Record<MemberRole, string>>;

function plannedPaths(options: SealOptions): MemberPaths {
  const { layout, directory } = options;
  const names = memberNames(checkPlaintextName(options.name), options.oaep.hash, layout);
  manifestParameters(options.parameters);
  if (options.manifest === 'omit' && names.payload !== `${options.name}.enc`) {
    throw new SealdropError(
      'bad-name',
      `${options.name}: its payload would have the name of a wrapped key, and only a manifest can say its own`,
      {
        hint: 'rename the file or leave the manifest on',
      },
    );
  }
  checkPlaintextName(names.manifest);
  const at = layout === 'flat' ? directory : join(directory, options.name);
  return {
    payload: join(at, names.payload),
    'wrapped-key': join(at, names['wrapped-key']),
    note: join(at, names.note),
    manifest: join(at, names.manifest),
    signature: join(at, names.signature),
  };
}

function writtenRoles({ manifest }: SealOptions): readonly MemberRole[] {
  return ORDER.filter((role) => role !== 'manifest' || manifest === 'write');
}

function membersAt(paths: MemberPaths, { manifest }: SealOptions): EnvelopeMembers {
  return {
    payload: paths.payload,
    wrappedKey: paths['wrapped-key'],
    note: paths.note,
    manifest: manifest === 'write' ? paths.manifest : null,
    signature: null,
  };
}

async function refuseExisting(options: SealOptions, paths: MemberPaths): Promise<void> {
  const candidates =
    options.layout === 'folder' ? [dirname(paths.payload)] : writtenRoles(options).map((role) => paths[role]);
  for (const path of candidates) if (await pathExists(path)) throw alreadyExists(path);
}

/** All members into the staging folder, each under its role's name. */
async function writeMembers(
  source: string | AsyncIterable<Uint8Array>,
  options: SealOptions,
  staging: string,
): Promise<{ plaintextSize: number; payloadSize: number }> {
  const keyFile = Buffer.from(`${randomBytes(KEY_FILE_SECRET_SIZE).toString('base64')}\n`);
  const passphrase = readPassphrase(keyFile, 'file');
  try {
    const wrappedKey = wrap(keyFile, options);
    const sizes = { plaintextSize: 0, payloadSize: 0 };
    const located = await locatePayload(source);
    const read = located.read({ signal: options.signal, onProgress: options.onProgress });
    const plaintext = observe(read, (chunk) => (sizes.plaintextSize += chunk.length));
    const mac = payloadMac(options.parameters, options.name, passphrase);
    const encrypted = encryptPayload(plaintext, {
      parameters: options.parameters,
      secret: passphrase,
      signal: options.signal,
    });
    const payload = observe(encrypted, (chunk) => mac.update(chunk));
    sizes.payloadSize = await writeNewFile(join(staging, 'payload'), payload, MEMBER_MODE);
    await writeSmall(join(staging, 'wrapped-key'), wrappedKey);
    await writeSmall(join(staging, 'note'), formatNote(options.parameters, options.oaep));
    const manifest = manifestOf(options, { ...sizes, mac: mac.digest('hex') });
    if (options.manifest === 'write') await writeSmall(join(staging, 'manifest'), formatManifest(manifest));
    return sizes;
  } finally {
    keyFile.fill(0);
    passphrase.fill(0);
  }
}

async function writeSmall(path: string, contents: string | Uint8Array): Promise<void> {
  await writeFile(path, contents, { flag: 'wx', mode: MEMBER_MODE, flush: true });
}

/** RSAES-OAEP (RFC 8017 §7.1.1). Node has one hash for OAEP and MGF1, and so has AWS KMS. */
function wrap(keyFile: Buffer, { publicKey, oaep }: SealOptions): Buffer {
  if (oaep.mgf1Hash !== oaep.hash || oaep.label.length > 0) {
    throw new SealdropError(
      'unsupported-oaep',
      'an envelope is sealed with one OAEP hash and no label: AWS KMS opens no other',
    );
  }
  try {
    return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: oaep.hash }, keyFile);
  } catch (error) {
    throw new SealdropError('bad-public-key', 'the key file cannot be wrapped with this public key', { cause: error });
  }
}

interface SealedFacts {
  readonly plaintextSize: number;
  readonly payloadSize: number;
  readonly mac: string;
}

function manifestOf(options: SealOptions, facts: SealedFacts): Manifest {
  const names = memberNames(options.name, options.oaep.hash, options.layout);
  return {
    sealdrop: 1,
    payload: { file: names.payload, size: facts.payloadSize },
    key: {
      file: names['wrapped-key'],
      oaep: options.oaep.hash,
      publicKeySha256: publicKeyFingerprint(options.publicKey),
    },
    parameters: manifestParameters(options.parameters),
    mac: { algorithm: 'hmac-sha256', value: facts.mac },
    plaintext: { name: options.name, size: facts.plaintextSize },
  };
}

/** From the staging folder to the final names. */
async function publish(staging: string, options: SealOptions, paths: MemberPaths): Promise<void> {
  const roles = writtenRoles(options);
  if (options.layout === 'folder') return publishFolder(staging, options, paths);
  const published: string[] = [];
  try {
    for (const role of roles) {
      await moveIntoPlace(join(staging, role), paths[role], options.existing);
      published.push(paths[role]);
    }
  } catch (error) {
    if (options.existing === 'refuse') for (const path of published) await rm(path, { force: true });
    throw toSealdropError(error, paths.payload);
  }
  await synchronize(dirname(paths.payload));
}

async function publishFolder(staging: string, options: SealOptions, paths: MemberPaths): Promise<void> {
  const folder = dirname(paths.payload);
  const complete = join(staging, 'complete');
  await mkdir(complete);
  for (const role of writtenRoles(options)) {
    await rename(join(staging, role), join(complete, paths[role].slice(folder.length + 1)));
  }
  await synchronize(complete);
  if (options.existing === 'replace') await rm(folder, { recursive: true, force: true });
  await rename(complete, folder);
  await synchronize(dirname(folder));
}
