/**
 * The manifest: Sealdrop's own machine-readable note (DESIGN section 2), version 1. One zod schema is the truth; types, the JSON
 * Schema and the documentation come from it.
 */
import { createHash, createHmac } from 'node:crypto';
import type { Hmac } from 'node:crypto';
import * as z from 'zod/mini';
import english from 'zod/v4/locales/en.js';
import { SealdropError } from '../errors.ts';
import { OAEP_HASHES } from '../keys/oaep-parameters.ts';
import { DEFAULT_SALT_LENGTH } from '../openssl/check-parameters.ts';
import { findCipher } from '../openssl/ciphers.ts';
import { formatFlags } from '../openssl/parameters.ts';
import type { EncParameters, Salt } from '../openssl/parameters.ts';
import { parseFlags } from '../openssl/parse-flags.ts';
import { quoteWord } from '../openssl/quoted-word.ts';
import { secretKey } from '../openssl/secret-key.ts';
import { checkPlaintextName, reasonAgainstName } from './naming.ts';

/** Larger manifests are `limit-exceeded`; an honest one has about 700 bytes. */
export const MAXIMUM_MANIFEST_SIZE: number = 64 * 1024;

const MAXIMUM_TEXT_LENGTH = 255;
const shortText = (description: string) => z.string().check(z.maxLength(MAXIMUM_TEXT_LENGTH), z.describe(description));
const fileName = (description: string) =>
  z.string().check(z.minLength(1), z.maxLength(MAXIMUM_TEXT_LENGTH), z.describe(description));
const size = (description: string) => z.int().check(z.nonnegative(), z.describe(description));
const sha256Hex = (description: string) => z.string().check(z.regex(/^[0-9a-f]{64}$/), z.describe(description));

const payloadSchema = z.strictObject({
  file: fileName('A bare file name: the payload, beside the manifest.'),
  size: size('Bytes of the payload file.'),
  sha256: z.optional(sha256Hex('SHA-256 of the payload file, for those who check transfers without the key.')),
});

const keySchema = z.strictObject({
  file: fileName('A bare file name: the wrapped key, beside the manifest.'),
  oaep: z.enum(OAEP_HASHES).check(z.describe('Hash of RSAES-OAEP and of its MGF1.')),
  publicKeySha256: z.optional(
    sha256Hex('SHA-256 of the RSA public key (DER, SubjectPublicKeyInfo) it is wrapped with.'),
  ),
});

const parametersSchema = z.strictObject({
  cipher: shortText('A cipher name of openssl enc, without the dash.'),
  kdf: z.enum(['pbkdf2', 'evp-bytes-to-key']),
  digest: shortText("openssl's -md."),
  iterations: z.optional(z.int().check(z.positive(), z.describe("openssl's -iter, with pbkdf2 only."))),
  saltLength: z.optional(z.int().check(z.gte(1), z.lte(16), z.describe("openssl's -saltlen; 8 when absent."))),
  salt: z.optional(
    z
      .string()
      .check(
        z.regex(/^(none|[0-9a-f]{2,32})$/),
        z.describe('`none` for -nosalt, hexadecimal for -S; else it stands in the payload.'),
      ),
  ),
  armor: z.optional(z.enum(['lines', 'one-line']).check(z.describe('Base64 text: -a, or -a -A.'))),
});

// A line of its own in what the MAC's key is made of: it holds no line end.
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const PRINTABLE = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/;

const senderSchema = z
  .string()
  .check(
    z.minLength(1),
    z.maxLength(MAXIMUM_TEXT_LENGTH),
    z.regex(PRINTABLE),
    z.describe('Who sends it, as the receiver calls them; the MAC binds it.'),
  );

const macSchema = z.strictObject({
  algorithm: z.literal('hmac-sha256'),
  value: sha256Hex('HMAC-SHA256 of the payload file under K (see macKey).'),
});

const plaintextSchema = z.strictObject({
  name: fileName('A bare file name.'),
  size: z.optional(size('Bytes of the plaintext.')),
});

export const manifestSchema = z.strictObject({
  sealdrop: z.literal(1).check(z.describe('Version of this format.')),
  sender: z.optional(senderSchema),
  payload: payloadSchema,
  key: keySchema,
  parameters: parametersSchema,
  mac: z.optional(macSchema),
  plaintext: plaintextSchema,
});

export type Manifest = z.infer<typeof manifestSchema>;

/** The published JSON Schema (draft 2020-12) of manifest v1. */
export function manifestJsonSchema(): object {
  return { title: 'Sealdrop manifest, version 1', ...z.toJSONSchema(manifestSchema) };
}

/** Messages in English, and no parser compiled for what is mostly parsed once in a process: that takes longer than parsing. */
const HOW_TO_PARSE = { error: english().localeError, jitless: true };

/** @throws SealdropError `bad-manifest` naming the field and what is wrong with it; `limit-exceeded` when it is too large */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > MAXIMUM_MANIFEST_SIZE) {
    throw new SealdropError(
      'limit-exceeded',
      `the manifest has ${bytes.length} bytes; the limit is ${MAXIMUM_MANIFEST_SIZE}`,
    );
  }
  const result = manifestSchema.safeParse(parseJson(bytes), HOW_TO_PARSE);
  if (!result.success) throw badManifest(describeIssue(result.error.issues[0]));
  const { payload, key, plaintext } = result.data;
  checkMemberName('payload.file', payload.file);
  checkMemberName('key.file', key.file);
  checkPlaintextName(plaintext.name);
  return result.data;
}

/** Members lie beside their manifest. Which they are, the landing says; what points elsewhere is no slip of the pen. */
function checkMemberName(field: string, name: string): void {
  const reason = reasonAgainstName(name);
  if (reason !== null) throw badManifest(`${field}: must be a bare file name, but ${reason}`);
}

export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function badManifest(reason: string, cause?: unknown): SealdropError {
  return new SealdropError('bad-manifest', `the manifest is not valid: ${reason}`, { cause });
}

function describeIssue(issue: z.core.$ZodIssue | undefined): string {
  const path = issue?.path.map(String).join('.') ?? '';
  return `${path === '' ? 'the document' : path}: ${describeReason(issue)}`;
}

/** Of what the sender wrote, only the names of unknown fields come up in zod's messages, at full length. */
function describeReason(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code !== 'unrecognized_keys') return issue?.message ?? 'unknown reason';
  return `unknown field ${quoteWord(issue.keys[0] ?? '')}`;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

function parseJson(bytes: Uint8Array): unknown {
  try {
    const text = UTF8.decode(bytes);
    const value: unknown = JSON.parse(text);
    // Readers differ on which of two equal keys counts: what one tool verified, another might ignore.
    if (countKeys(value) !== countKeysInText(text)) throw badManifest('a key stands twice');
    return value;
  } catch (error) {
    if (error instanceof SealdropError) throw error;
    throw badManifest('it is not JSON in UTF-8', error);
  }
}

function countKeys(root: unknown): number {
  let count = 0;
  const pending: unknown[] = [root];
  while (pending.length > 0) {
    const value = pending.pop();
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value)) count += Object.keys(value).length;
    pending.push(...Object.values(value));
  }
  return count;
}

/** In valid JSON a string followed by a colon is a key, and nothing else is. */
function countKeysInText(text: string): number {
  let count = 0;
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"[ \t\r\n]*(:?)/g)) {
    if (match[1] === ':') count += 1;
  }
  return count;
}

/** @throws SealdropError `unknown-cipher`, `unsupported-cipher`, `bad-parameters` for values openssl does not know, `bad-manifest` */
export function parametersOfManifest(parameters: Manifest['parameters']): EncParameters {
  const { cipher, kdf, digest, iterations, saltLength, salt, armor } = parameters;
  if (kdf !== 'pbkdf2' && iterations !== undefined) throw badManifest('parameters.iterations: only with pbkdf2');
  if (kdf !== 'pbkdf2' && saltLength !== undefined) throw badManifest('parameters.saltLength: only with pbkdf2');
  return parseFlags([
    `-${nameOfCipher(cipher)}`,
    '-md',
    digest,
    ...(kdf === 'pbkdf2' ? ['-pbkdf2'] : []),
    ...(iterations === undefined ? [] : ['-iter', String(iterations)]),
    ...(saltLength === undefined ? [] : ['-saltlen', String(saltLength)]),
    ...(salt === undefined ? [] : saltFlags(salt)),
    ...(armor === undefined ? [] : ARMOR_FLAGS[armor]),
  ]);
}

/** Without this check, `in` or `pass` would be read as the flag of that name. LibreSSL's two kinds of `chacha` are told apart by all flags. */
function nameOfCipher(cipher: string): string {
  findCipher(cipher);
  return cipher.replace(/^--?/, '');
}

function saltFlags(salt: string): readonly string[] {
  return salt === 'none' ? ['-nosalt'] : ['-S', salt];
}

const ARMOR_FLAGS = { lines: ['-a'], 'one-line': ['-a', '-A'] } as const;

/** @throws SealdropError `bad-parameters` for what a manifest cannot say: raw keys, `-iv`, `-nopad`, `-kfile` */
export function manifestParameters(parameters: EncParameters): Manifest['parameters'] {
  const { keyDerivation, iv, padding, passphraseRule } = parameters;
  if (keyDerivation.method === 'raw-key' || iv !== null || padding === 'none' || passphraseRule !== 'file') {
    throw new SealdropError(
      'bad-parameters',
      'an envelope cannot be made with -K, -iv, -nopad, -kfile or -pass pass:',
      {
        hint: 'the usual parameters are: -aes-256-cbc -pbkdf2',
      },
    );
  }
  const iterations = keyDerivation.method === 'pbkdf2' ? { iterations: keyDerivation.iterations } : {};
  const armor = parameters.armor === 'none' ? {} : { armor: parameters.armor };
  const { method: kdf, digest } = keyDerivation;
  return { cipher: parameters.cipher, kdf, digest, ...iterations, ...manifestSalt(parameters.salt), ...armor };
}

function manifestSalt(salt: Salt): Pick<Manifest['parameters'], 'salt' | 'saltLength'> {
  if (salt.kind === 'none') return { salt: 'none' };
  const length = salt.kind === 'given' ? salt.bytes.length : salt.length;
  const saltLength = length === DEFAULT_SALT_LENGTH ? {} : { saltLength: length };
  return salt.kind === 'given' ? { salt: Buffer.from(salt.bytes).toString('hex'), ...saltLength } : saltLength;
}

const MAC_CONTEXT = 'sealdrop/v1/mac';

/** What the MAC binds besides the payload's bytes. */
export interface MacInputs {
  readonly parameters: EncParameters;
  readonly plaintextName: string;
  /** As the manifest names it; without one there is no such line. */
  readonly sender?: string | undefined;
  readonly passphrase: Uint8Array;
}

/**
 * The key of the payload's MAC: SHA-256 of `sealdrop/v1/mac`, the parameters as canonical openssl flags, the plaintext's name, the sender where the
 * manifest names one, and the passphrase, each on a line, the last without line end. It binds parameters and names to the payload; stock
 * openssl makes it with `openssl dgst -sha256` from standard input.
 */
export function macKey({ parameters, plaintextName, sender, passphrase }: MacInputs): Buffer {
  const lines = [MAC_CONTEXT, formatFlags(parameters), plaintextName, ...(sender === undefined ? [] : [sender]), ''];
  return createHash('sha256').update(lines.join('\n')).update(passphrase).digest();
}

/** HMAC-SHA256 to be fed the bytes of the payload file. */
export function payloadMac(inputs: MacInputs): Hmac {
  const key = macKey(inputs);
  const mac = createHmac('sha256', secretKey(key));
  key.fill(0);
  return mac;
}
