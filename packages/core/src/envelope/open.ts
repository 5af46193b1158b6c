/** Opening an envelope: the one room that knows names, notes, keys and the enc format together. */
import { createHash } from 'node:crypto';
import { aboutSubject, SealdropError, toSealdropError } from '../errors.ts';
import type { KeyProvider } from '../keys/key-provider.ts';
import type { OaepParameters } from '../keys/oaep-parameters.ts';
import { publicKeyFingerprint } from '../keys/public-key.ts';
import { MAXIMUM_WRAPPED_KEY_SIZE, readWrappedKey } from '../keys/read-wrapped-key.ts';
import { unwrapKey } from '../keys/wrapped-key.ts';
import type { EncParameters } from '../openssl/parameters.ts';
import { prepareThreads, threadsPay } from '../openssl/payload-file.ts';
import { observe } from '../openssl/byte-source.ts';
import { decryptPayload } from '../openssl/payload-stream.ts';
import type { DecryptOptions } from '../openssl/payload-stream.ts';
import { choosePassphrase } from './choose-passphrase.ts';
import type { ChosenPassphrase } from './choose-passphrase.ts';
import { Beginning, guardPlaintext } from './implausible.ts';
import type { ImplausiblePlaintext } from './implausible.ts';
import type { EnvelopeFiles } from './envelope-files.ts';
import type { EnvelopeMembers } from './naming.ts';
import { refuseDoubledPayload } from './doubled-payload.ts';
import { locatePayload } from './locate-payload.ts';
import type { LocatedPayload } from './locate-payload.ts';
import { removeQuietly } from './output-file.ts';
import { writeNewFile } from './payload-reader.ts';
import type { ReadOptions } from './payload-reader.ts';
import { writePlaintextFile } from './plaintext-file.ts';
import { readMember } from './read-member.ts';
import { checkSignatureBinds, openSignature } from './signature.ts';
import type { SignaturePolicy } from './signature.ts';
import { readStatement } from './statement.ts';
import type { Statement } from './statement.ts';
import { checkPayloadSize, checkPlaintextSize, checkSender, PayloadCheck } from './verification.ts';
import { verifyPayloadFile } from './verify-payload.ts';

/** Like `EnvelopeMembers` with paths; the payload may be a stream instead (it is then read once, and cannot be verified beforehand). */
export interface EnvelopeSource extends Omit<EnvelopeMembers, 'payload'> {
  readonly payload: string | AsyncIterable<Uint8Array>;
}

export interface OpenOptions {
  /** Tried in order (key rotation). */
  readonly keys: readonly KeyProvider[];
  /** Used instead of what note or manifest say. */
  readonly parameters?: EncParameters | undefined;
  /** Used where there is neither note nor manifest (a landing's default). */
  readonly defaultParameters?: EncParameters | undefined;
  /** Used instead of what manifest, note or the file's name say. */
  readonly oaep?: OaepParameters | undefined;
  /** Whether a passphrase under `MINIMUM_PASSPHRASE_LENGTH` bytes is `weak-key`. Default `refuse`. */
  readonly weakKeys?: 'refuse' | 'allow' | undefined;
  /** PBKDF2 iterations above this are `limit-exceeded`. Default `MAXIMUM_ITERATIONS`. */
  readonly maximumIterations?: number | undefined;
  /** Whether plaintext that looks like noise, with no MAC to vouch for it, is `implausible-plaintext`. Default `allow`. */
  readonly implausible?: ImplausiblePlaintext | undefined;
  /** Whose signature of the manifest is looked for. Default: none is. */
  readonly signature?: SignaturePolicy | undefined;
  /** Whom it must come from: a manifest that names another sender is `wrong-sender`. Default: whoever it names. */
  readonly sender?: string | undefined;
  /** How its files are reached, the new one too; large payloads go through threads of their own. Default: node:fs/promises. */
  readonly files?: EnvelopeFiles | undefined;
  /** What a diagnosis found (`openRepaired` sets it). */
  readonly amendments?: Amendments | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is put right while an envelope is opened. */
export interface Amendments {
  /** The RSA ciphertext, instead of what is read from the wrapped key file. */
  readonly wrappedKey: Buffer;
  /** The key file as it was at encryption, in a buffer of its own. */
  readonly rereadKeyFile: (keyFile: Buffer) => Buffer;
  /** Where no manifest names it. */
  readonly plaintextName: string;
  /** In words, for a report. */
  readonly repairs: readonly string[];
}

export type ReadPlaintextOptions = ReadOptions;

/** `manifest-mac`: key, parameters, name and payload are as the sealer made them. `none`: openssl enc itself proves nothing. */
export type Verification = 'manifest-mac' | 'none';

/** An envelope whose key is unwrapped and whose parameters are known. Nothing is decrypted until asked for. */
export interface OpenedEnvelope {
  /** A checked bare file name. */
  readonly plaintextName: string;
  /** Bytes, as the manifest says; null without one. */
  readonly plaintextSize: number | null;
  /** Bytes of the payload; null for a stream. */
  readonly payloadSize: number | null;
  readonly parameters: EncParameters;
  readonly oaep: OaepParameters;
  /** `name` of the provider that unwrapped. */
  readonly keyName: string;
  /** What vouches for the plaintext once `writePlaintext` or `plaintext` ended without an error. */
  readonly verification: Verification;
  /** SHA-256 of the public key (`publicKeyFingerprint`) by which the manifest is signed; null when no signature was looked for. */
  readonly signedBy: string | null;
  /** Whom the manifest names as the sender; only a signature or a MAC vouches for it. Null when it names nobody. */
  readonly sender: string | null;
  /** Hex, of the RSA ciphertext itself: base64 or hexadecimal text around it does not make it another one. */
  readonly wrappedKeySha256: string;
  /** What had to be put right to open it, in words for a report; mostly empty. */
  readonly repairs: readonly string[];
  /**
   * Reads the payload for what the manifest says of it (MAC, SHA-256, size), and decrypts nothing. For a payload on disk.
   * @returns `none` when there is nothing to verify by
   */
  verifyPayload(options?: ReadPlaintextOptions): Promise<Verification>;
  /**
   * Decrypts into a new file (mode 0600; it must not exist), verifies, and fsyncs it. When it rejects, the file is gone.
   * The caller gives the file its final name afterwards.
   */
  writePlaintext(path: string, options?: ReadPlaintextOptions): Promise<{ readonly size: number }>;
  /** Decrypts as a stream. With a manifest MAC and a payload on disk, the MAC is verified before the first byte is yielded. */
  plaintext(options?: ReadPlaintextOptions): AsyncIterable<Buffer>;
  /** Zeroes the passphrase. Call it when done. */
  dispose(): void;
}

/**
 * Reads the small members, unwraps the key and settles the parameters.
 * @throws SealdropError with any of the sender's codes, or what the key provider throws
 */
export async function openEnvelope(source: EnvelopeSource, options: OpenOptions): Promise<OpenedEnvelope> {
  const located = await locatePayload(source.payload, options.files);
  prepareThreads(located.size ?? 0);
  const { checkManifest, signedBy } = await openSignature(source, options.signature, options.files);
  const said = await readStatement({ ...options, ...source, payload: located.path, checkManifest });
  checkSignatureBinds(said.manifest, signedBy());
  checkSender(said.manifest, options.sender);
  const statement = amendName(said, options.amendments);
  const { manifest } = statement;
  if (manifest !== null && located.size !== null) checkPayloadSize(located.size, manifest, located.name);
  await refuseDoubledPayload(located);
  const wrappedKey = options.amendments?.wrappedKey ?? (await readWrappedKeyFile(source.wrappedKey, located));
  const { keys, signal, amendments } = options;
  const unwrapped = await unwrapKey(wrappedKey, { keys, oaep: statement.oaepCandidates, signal }).catch(
    (error: unknown) => explainUnwrapFailure(error, statement, keys),
  );
  const chosen = await choose(unwrapped.keyFile, { statement, located, options });
  return new Opened({
    located,
    statement,
    chosen: { ...chosen, repairs: [...(amendments?.repairs ?? []), ...chosen.repairs] },
    maximumIterations: options.maximumIterations,
    implausible: options.implausible ?? 'allow',
    oaep: unwrapped.oaep,
    keyName: unwrapped.keyName,
    signedBy: signedBy(),
    wrappedKeySha256: createHash('sha256').update(wrappedKey).digest('hex'),
  });
}

function amendName(statement: Statement, amendments: Amendments | undefined): Statement {
  if (amendments === undefined || statement.manifest !== null) return statement;
  return { ...statement, plaintextName: amendments.plaintextName };
}

interface Choice {
  readonly statement: Statement;
  readonly located: LocatedPayload;
  readonly options: OpenOptions;
}

async function choose(unwrapped: Buffer, { statement, located, options }: Choice): Promise<ChosenPassphrase> {
  const { weakKeys = 'refuse', maximumIterations, signal, amendments } = options;
  const keyFile = amendments?.rereadKeyFile(unwrapped) ?? unwrapped;
  try {
    return await choosePassphrase(keyFile, { statement, payload: located, weakKeys, maximumIterations, signal });
  } finally {
    keyFile.fill(0);
    unwrapped.fill(0);
  }
}

async function readWrappedKeyFile(path: string, payload: LocatedPayload): Promise<Buffer> {
  const contents = await readMember(path, MAXIMUM_WRAPPED_KEY_SIZE, payload.files);
  if (payload.path !== null && contents.length > 0 && contents.length === payload.size) {
    const sameBytes = contents.equals(await readMember(payload.path, contents.length, payload.files));
    if (sameBytes)
      throw new SealdropError('swapped-members', `${path}: is the same file as the payload ${payload.name}`, {
        hint: 'one of the two was sent twice: send the missing one',
      });
  }
  return readWrappedKey(contents, path);
}

/** When no key opens it and the manifest names the public key it was wrapped with, says whether that is one of ours. */
async function explainUnwrapFailure(
  error: unknown,
  { manifest }: Statement,
  keys: readonly KeyProvider[],
): Promise<never> {
  const wanted = manifest?.key.publicKeySha256;
  if (!(error instanceof SealdropError) || error.code !== 'unwrap-failed' || wanted === undefined) throw error;
  const fingerprints = await Promise.all(
    keys.map((key) =>
      key
        .publicKey()
        .then(publicKeyFingerprint)
        .catch(() => null),
    ),
  );
  if (fingerprints.includes(wanted) || fingerprints.includes(null)) throw error;
  throw new SealdropError(
    'unwrap-failed',
    `${error.message}; it was wrapped with another public key (SHA-256 ${wanted})`,
    {
      hint: 'send the sender your current public key, or add the key of that fingerprint',
      cause: error,
    },
  );
}

/** For the owner alone, until whoever delivers it decides otherwise. */
const PLAINTEXT_MODE = 0o600;

interface OpenedState {
  readonly located: LocatedPayload;
  readonly statement: Statement;
  readonly chosen: ChosenPassphrase;
  readonly maximumIterations: number | undefined;
  readonly implausible: ImplausiblePlaintext;
  readonly oaep: OaepParameters;
  readonly keyName: string;
  readonly signedBy: string | null;
  readonly wrappedKeySha256: string;
}

class Opened implements OpenedEnvelope {
  readonly plaintextName: string;
  readonly plaintextSize: number | null;
  readonly payloadSize: number | null;
  readonly parameters: EncParameters;
  readonly oaep: OaepParameters;
  readonly keyName: string;
  readonly verification: Verification;
  readonly signedBy: string | null;
  readonly sender: string | null;
  readonly wrappedKeySha256: string;
  readonly repairs: readonly string[];
  readonly #state: OpenedState;
  #isDisposed = false;

  constructor(state: OpenedState) {
    const { manifest, parameters, plaintextName } = state.statement;
    this.#state = state;
    this.plaintextName = plaintextName;
    this.plaintextSize = manifest?.plaintext.size ?? null;
    this.payloadSize = state.located.size;
    this.parameters = parameters;
    this.oaep = state.oaep;
    this.keyName = state.keyName;
    this.verification = manifest?.mac === undefined ? 'none' : 'manifest-mac';
    this.signedBy = state.signedBy;
    this.sender = manifest?.sender ?? null;
    this.wrappedKeySha256 = state.wrappedKeySha256;
    this.repairs = state.chosen.repairs;
  }

  async verifyPayload(options: ReadPlaintextOptions = {}): Promise<Verification> {
    await this.#verify(options);
    return this.verification;
  }

  async writePlaintext(path: string, options: ReadPlaintextOptions = {}): Promise<{ readonly size: number }> {
    try {
      // Verified at the end of the same pass: the caller gives the file its name only after this has resolved.
      const { located } = this.#state;
      const onThreads = located.path !== null && threadsPay(this.parameters, located.size ?? 0);
      const write = onThreads
        ? this.#writeOnThreads(located.path, path, options)
        : this.#writeFromStream(path, options);
      return { size: await write };
    } catch (error) {
      const failure = toSealdropError(error, path);
      if (failure.code !== 'already-exists') await removeQuietly(path);
      throw failure;
    }
  }

  #writeFromStream(path: string, options: ReadPlaintextOptions): Promise<number> {
    const { files } = this.#state.located;
    return writeNewFile(path, this.#decrypt(options), { mode: PLAINTEXT_MODE, files });
  }

  async #writeOnThreads(input: string, output: string, options: ReadPlaintextOptions): Promise<number> {
    const { statement, maximumIterations, implausible } = this.#state;
    const { parameters } = this;
    const secret = this.#passphrase();
    const how = { parameters, secret, maximumIterations, statement, implausible, mode: PLAINTEXT_MODE };
    try {
      return await writePlaintextFile({ ...how, ...options, input, output });
    } catch (error) {
      throw await this.#explain(error, options);
    }
  }

  async *plaintext(options: ReadPlaintextOptions = {}): AsyncGenerator<Buffer> {
    if (this.verification === 'manifest-mac') await this.#verify({ signal: options.signal });
    yield* this.#decrypt(options);
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#state.chosen.passphrase.fill(0);
  }

  /** A pass over the payload for its MAC alone, where it can be read twice. */
  async #verify(options: ReadPlaintextOptions): Promise<void> {
    const { located, statement } = this.#state;
    const { manifest, plaintextName } = statement;
    const { path, size } = located;
    if (path === null || size === null || manifest === null) return;
    const how = { parameters: this.parameters, plaintextName, passphrase: this.#passphrase() };
    await verifyPayloadFile({ manifest, path, size, ...how, ...options, rest: 'refuse' });
  }

  /** Noise is held back, unless it is expected or a MAC vouches for it. */
  #decrypt(options: ReadPlaintextOptions): AsyncGenerator<Buffer> {
    const { implausible, located } = this.#state;
    const { parameters } = this;
    if (implausible === 'allow' || this.verification === 'manifest-mac') return this.#decryptAll(options);
    const ciphertext = new Beginning();
    const plaintext = this.#decryptAll(options, (piece) => ciphertext.add(piece));
    return guardPlaintext(plaintext, { name: located.name, parameters, ciphertext });
  }

  async *#decryptAll(
    options: ReadPlaintextOptions,
    onCiphertext?: DecryptOptions['onCiphertext'],
  ): AsyncGenerator<Buffer> {
    const { located, statement, maximumIterations } = this.#state;
    const { parameters } = this;
    const { signal } = options;
    const secret = this.#passphrase();
    const check = this.#newCheck();
    const payload = observe(located.read(options), (chunk) => check?.update(chunk));
    let size = 0;
    try {
      const how = { parameters, secret, maximumIterations, signal, onCiphertext };
      for await (const chunk of decryptPayload(payload, how)) {
        size += chunk.length;
        yield chunk;
      }
    } catch (error) {
      throw await this.#explain(aboutSubject(toSealdropError(error, located.name), located.name), { signal });
    }
    check?.finish();
    if (statement.manifest !== null) checkPlaintextSize(size, statement.manifest, located.name);
  }

  /** The padding says only that something is wrong; the MAC says what. */
  async #explain(error: unknown, { signal }: ReadPlaintextOptions): Promise<SealdropError> {
    const failure = toSealdropError(error, this.#state.located.name);
    if (failure.blame === 'sender') await this.#verify({ signal });
    return failure;
  }

  #newCheck(): PayloadCheck | null {
    const { statement, located } = this.#state;
    if (statement.manifest === null) return null;
    const { parameters, plaintextName } = statement;
    const passphrase = this.#passphrase();
    return new PayloadCheck(statement.manifest, located.name, { parameters, plaintextName, passphrase });
  }

  /** Zeroes would decrypt too: a stream cipher to noise, without an error. */
  #passphrase(): Buffer {
    if (this.#isDisposed) throw new SealdropError('usage', 'the envelope is disposed of: open it again');
    return this.#state.chosen.passphrase;
  }
}
