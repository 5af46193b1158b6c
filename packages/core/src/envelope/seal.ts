/** Making an envelope that stock openssl opens. */
import { constants, publicEncrypt, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { SealdropError, toSealdropError } from '../errors.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import { publicKeyFingerprint } from '../keys/public-key.ts';
import { readWrappedKey } from '../keys/read-wrapped-key.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import { readPassphrase } from '../openssl/passphrase.ts';
import { prepareThreads, threadsPay } from '../openssl/payload-file.ts';
import { quoteWord } from '../openssl/quoted-word.ts';
import { locatePayload } from './locate-payload.ts';
import type { LocatedPayload } from './locate-payload.ts';
import { formatManifest, manifestParameters, manifestSchema } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import type { MemberRole } from './member-name.ts';
import { checkPlaintextName, MAXIMUM_NAME_LENGTH, memberNames } from './naming.ts';
import type { EnvelopeMembers } from './naming.ts';
import { formatNote } from './note.ts';
import { temporaryPathFor } from './output-file.ts';
import type { ExistingFile } from './output-file.ts';
import { writePayload } from './payload-writer.ts';
import type { WrittenPayload } from './payload-writer.ts';
import { checkRoom, publish } from './publish.ts';
import type { Publication } from './publish.ts';
import { signManifest } from './signature.ts';

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
  /** The sender's own private key (`loadSigningKey`), to sign the manifest with. Default: it is not signed. */
  readonly signWith?: KeyObject | undefined;
  /** Who sends it, as the receiver calls them. In another sender's landing it is refused then. Default: the manifest names nobody. */
  readonly sender?: string | undefined;
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
const ORDER: readonly MemberRole[] = ['payload', 'wrapped-key', 'note', 'signature', 'manifest'];

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
  const publication = plan(options);
  const located = await locateSource(source);
  const size = located.size ?? 0;
  if (threadsPay(options.parameters, size)) prepareThreads(size);
  await checkRoom(publication);
  const staging = temporaryPathFor(join(options.directory, options.name));
  try {
    await makeStaging(staging, options.directory);
    const sealed = await writeMembers(located, options, staging);
    await publish(staging, publication);
    return { members: membersOf(publication), ...sealed };
  } catch (error) {
    throw toSealdropError(error, options.directory);
  } finally {
    await rm(staging, { recursive: true, force: true }).catch(() => undefined);
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

function plan(options: SealOptions): Publication {
  const { layout, directory, manifest, existing } = options;
  const names = memberNames(checkPlaintextName(options.name), options.oaep.hash, layout);
  if (manifest === 'omit' && options.signWith !== undefined) {
    throw new SealdropError('usage', 'a signature is one of the manifest: without a manifest nothing is signed');
  }
  checkSender(options);
  manifestParameters(options.parameters);
  if (manifest === 'omit' && names.payload !== `${options.name}.enc`) {
    throw new SealdropError(
      'bad-name',
      `${options.name}: its payload would have the name of a wrapped key, and only a manifest can say its own`,
      {
        hint: 'rename the file or leave the manifest on',
      },
    );
  }
  const at = layout === 'flat' ? directory : join(directory, options.name);
  const omitted = new Set<MemberRole>();
  if (manifest === 'omit') omitted.add('manifest');
  if (options.signWith === undefined) omitted.add('signature');
  const roles = ORDER.filter((role) => !omitted.has(role));
  const paths = {
    payload: join(at, names.payload),
    'wrapped-key': join(at, names['wrapped-key']),
    note: join(at, names.note),
    manifest: join(at, names.manifest),
    signature: join(at, names.signature),
  };
  for (const role of roles) checkLength(basename(paths[role]));
  return { layout, existing, roles, paths };
}

function checkSender({ manifest, sender }: SealOptions): void {
  if (sender === undefined) return;
  if (manifest === 'omit')
    throw new SealdropError('usage', 'the manifest names the sender: without one nobody is named');
  if (manifestSchema.shape.sender.safeParse(sender).success) return;
  throw new SealdropError('usage', `the sender ${quoteWord(sender)} cannot be named in a manifest`, {
    hint: 'give 1 to 255 characters of one line',
  });
}

function checkLength(memberName: string): void {
  const length = Buffer.byteLength(memberName);
  if (length <= MAXIMUM_NAME_LENGTH) return;
  throw new SealdropError(
    'bad-name',
    `${memberName.slice(0, 40)}…: a name of ${length} bytes is too long for a file, the limit is ${MAXIMUM_NAME_LENGTH}`,
    { hint: 'give the plaintext a shorter name' },
  );
}

function membersOf({ paths, roles }: Publication): EnvelopeMembers {
  return {
    payload: paths.payload,
    wrappedKey: paths['wrapped-key'],
    note: paths.note,
    manifest: roles.includes('manifest') ? paths.manifest : null,
    signature: roles.includes('signature') ? paths.signature : null,
  };
}

/** All members into the staging folder, each under its role's name. */
async function writeMembers(
  plaintext: LocatedPayload,
  options: SealOptions,
  staging: string,
): Promise<{ plaintextSize: number; payloadSize: number }> {
  const keyFile = Buffer.from(`${randomBytes(KEY_FILE_SECRET_SIZE).toString('base64')}\n`);
  const passphrase = readPassphrase(keyFile, 'file');
  try {
    const wrappedKey = wrap(keyFile, options);
    const output = join(staging, 'payload');
    const payload = await writePayload(plaintext, { ...options, passphrase, output, mode: MEMBER_MODE });
    await writeSmall(join(staging, 'wrapped-key'), wrappedKey);
    await writeSmall(join(staging, 'note'), formatNote(options.parameters, options.oaep));
    await writeManifest(manifestOf(options, payload), options, staging);
    return { plaintextSize: payload.plaintextSize, payloadSize: payload.payloadSize };
  } finally {
    keyFile.fill(0);
    passphrase.fill(0);
  }
}

/** A directory is no member that a sender put there, but the caller's mistake. */
async function locateSource(source: string | AsyncIterable<Uint8Array>): Promise<LocatedPayload> {
  return locatePayload(source).catch((error: unknown) => {
    if (!(error instanceof SealdropError) || error.code !== 'hostile-file') throw error;
    throw new SealdropError('not-found', error.message, { cause: error });
  });
}

async function writeManifest(manifest: Manifest, options: SealOptions, staging: string): Promise<void> {
  if (options.manifest === 'omit') return;
  const bytes = Buffer.from(formatManifest(manifest));
  await writeSmall(join(staging, 'manifest'), bytes);
  if (options.signWith !== undefined) {
    await writeSmall(join(staging, 'signature'), signManifest(bytes, options.signWith));
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
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    // Read back as a receiver reads it: a size that AWS KMS does not know could never be opened.
    return readWrappedKey(publicEncrypt({ key: publicKey, padding, oaepHash: oaep.hash }, keyFile));
  } catch (error) {
    throw new SealdropError('bad-public-key', 'the key file cannot be wrapped with this public key', {
      hint: 'it must be an RSA key of 2048, 3072 or 4096 bits',
      cause: error,
    });
  }
}

function manifestOf(options: SealOptions, facts: WrittenPayload): Manifest {
  const names = memberNames(options.name, options.oaep.hash, options.layout);
  return {
    sealdrop: 1,
    ...(options.sender === undefined ? {} : { sender: options.sender }),
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
